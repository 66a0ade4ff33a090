/** `/`: the web page, one document assembled from its parts; everything on it comes from the API that it calls. */
import { policyFor } from "../web/page_policy.ts";
import { route } from "../http/route.ts";

async function part(name: string): Promise<string> {
  return await Deno.readTextFile(new URL(`../web/page/${name}`, import.meta.url));
}

async function assemble(): Promise<{ html: string; policy: string }> {
  const [html, style, script] = await Promise.all(["page.html", "page.css", "page.js"].map(part));
  const whole = html.replace('<link rel="stylesheet" href="page.css">', () => `<style>${style}</style>`)
    .replace('<script type="module" src="page.js"></script>', () => `<script type="module">${script}</script>`);
  return { html: whole, policy: await policyFor({ style, script }) };
}

let assembled: Promise<{ html: string; policy: string }> | undefined;

export const PAGE_ROUTES = [
  route({
    method: "GET",
    path: "/",
    tag: "Service",
    summary: "The web page",
    replies: { 200: { description: "A page", content: { "text/html": "HTML" } } },
    refusals: [],
    async handle() {
      const { html, policy } = await (assembled ??= assemble());
      return new Response(html, {
        headers: { "content-type": "text/html; charset=utf-8", "content-security-policy": policy },
      });
    },
  }),
];
