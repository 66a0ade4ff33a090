/** Pages to look at: the web page, and the API's own description as a document and to read. */
import { z } from "zod";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { named } from "../schemas/named.ts";
import { openApiDocument } from "../schemas/openapi.ts";
import { docsPage } from "../web/docs_page.ts";
import { type Page, policyFor, webPage } from "../web/page.ts";

const tag = "Service";
const documentSchema = named("OpenApi", z.looseObject({ openapi: z.string() }).describe("This document."));

function pageReply({ html, policy }: Page): Response {
  return new Response(html, {
    headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
  });
}

export const PAGE_ROUTES = [
  route({
    method: "GET",
    path: "/",
    permits: "everyone",
    tag,
    summary: "The web page",
    replies: { 200: { description: "A page", content: { "text/html": "HTML" } } },
    refusals: [],
    handle: async () => pageReply(await webPage()),
  }),
];

/** Routes that describe `others` and themselves. */
export function docsRoutes(others: readonly Route[]): Route[] {
  const document = () => openApiDocument([...others, ...routes]);
  const routes: Route[] = [
    route({
      method: "GET",
      path: "/openapi.json",
      permits: "everyone",
      tag,
      summary: "This API as an OpenAPI 3.1 document",
      replies: { 200: { description: "The document", content: { "application/json": documentSchema } } },
      refusals: [],
      handle: () => json(document()),
    }),
    route({
      method: "GET",
      path: "/docs",
      permits: "everyone",
      tag,
      summary: "This API to read",
      replies: { 200: { description: "A page", content: { "text/html": "HTML without scripts" } } },
      refusals: [],
      async handle() {
        const { html, style } = docsPage(document());
        return pageReply({ html, policy: await policyFor({ style }) });
      },
    }),
  ];
  return routes;
}
