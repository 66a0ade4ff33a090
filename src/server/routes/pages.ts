/** Pages for people: the web page with its modules, and the API as an OpenAPI document and as a page to read. */
import { z } from "zod";
import { Problem } from "../http/problems.ts";
import { json } from "../http/reply.ts";
import { type Route, route } from "../http/route.ts";
import { named } from "../schemas/named.ts";
import { type OpenApiDocument, openApiDocument } from "../schemas/openapi.ts";
import { docsPage } from "../web/docs_page.ts";
import { type Page, policyFor, readPage } from "../web/page.ts";

const tag = "Service";
const documentSchema = named("OpenApi", z.looseObject({ openapi: z.string() }).describe("This document."));

const PAGE_TYPE = "text/html; charset=utf-8";
const SCRIPT_TYPE = "text/javascript";

function pageReply({ html, policy }: Pick<Page, "html" | "policy">): Response {
  return new Response(html, { headers: { "content-type": PAGE_TYPE, "content-security-policy": policy } });
}

let page: Promise<Page> | undefined;
const webPage = () => page ??= readPage();

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
  route({
    method: "GET",
    path: "/page/{module}",
    permits: "everyone",
    tag,
    summary: "A part of the web page's script",
    params: z.object({ module: z.string() }),
    replies: { 200: { description: "A module", content: { [SCRIPT_TYPE]: "JavaScript" } } },
    refusals: ["not-found"],
    async handle({ params }) {
      const module = (await webPage()).modules.get(params.module);
      if (module === undefined) throw new Problem("not-found", "Cannot find this module of the page");
      return new Response(module, { headers: { "content-type": `${SCRIPT_TYPE}; charset=utf-8` } });
    },
  }),
];

/** Routes that document `others` and themselves; both forms are written once, which takes some 30 ms. */
export function docsRoutes(others: readonly Route[]): Route[] {
  let written: OpenApiDocument | undefined;
  const document = () => written ??= openApiDocument([...others, ...routes]);
  let page: Promise<Pick<Page, "html" | "policy">> | undefined;
  const docs = async () => {
    const { html, style } = docsPage(document());
    return { html, policy: await policyFor({ style, scripts: false }) };
  };
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
      handle: async () => pageReply(await (page ??= docs())),
    }),
  ];
  return routes;
}
