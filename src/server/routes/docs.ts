/** The API's own description: the OpenAPI document, and a page made from it. */
import { docsPage } from "../web/docs_page.ts";
import { openApiDocument } from "../schemas/openapi.ts";
import { named } from "../schemas/named.ts";
import { policyFor } from "../web/page_policy.ts";
import { json, type Route, route } from "../http/route.ts";
import { z } from "zod";

const tag = "Service";
const documentSchema = named("OpenApi", z.looseObject({ openapi: z.string() }).describe("This document."));

/** Routes that describe `others` and themselves. */
export function docsRoutes(others: readonly Route[]): Route[] {
  const document = () => openApiDocument([...others, ...routes]);
  const routes: Route[] = [
    route({
      method: "GET",
      path: "/openapi.json",
      tag,
      summary: "This API as an OpenAPI 3.1 document",
      replies: { 200: { description: "The document", content: { "application/json": documentSchema } } },
      refusals: [],
      handle: () => json(document()),
    }),
    route({
      method: "GET",
      path: "/docs",
      tag,
      summary: "This API to read",
      replies: { 200: { description: "A page", content: { "text/html": "HTML without scripts" } } },
      refusals: [],
      async handle() {
        const { html, style } = docsPage(document());
        return new Response(html, {
          headers: {
            "content-type": "text/html; charset=utf-8",
            "content-security-policy": await policyFor({ style }),
          },
        });
      },
    }),
  ];
  return routes;
}
