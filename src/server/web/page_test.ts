import assert from "node:assert/strict";
import { docsPage } from "./docs_page.ts";
import { openApiDocument } from "../schemas/openapi.ts";
import { policyFor, webPage as page } from "./page.ts";
import { ROUTES } from "../routes/routes.ts";

Deno.test("the page brings its style and script and loads nothing", async () => {
  const { html } = await page();
  assert.doesNotMatch(
    html,
    /<link rel="stylesheet"|<script[^>]* src=|@import|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/,
  );
});

Deno.test("the page's policy allows exactly its own style and script", async () => {
  const { html, policy } = await page();
  const [, style] = /<style>([\s\S]*?)<\/style>/.exec(html)!;
  const [, script] = /<script type="module">([\s\S]*?)<\/script>/.exec(html)!;
  assert.equal(policy, await policyFor({ style, script }));
  assert.notEqual(policy, await policyFor({ style, script: `${script} ` }));
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(html.match(/<style|<script/g)?.length, 2);
});

Deno.test("the page's script never writes HTML, which a model's or a data set's name could be", async () => {
  const { html } = await page();
  assert.doesNotMatch(html, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(/);
});

Deno.test("the page has a label for every field and only ids that differ", async () => {
  const { html } = await page();
  const [, body] = /<body>([\s\S]*?)<script/.exec(html)!;
  const withoutLabelled = body.replaceAll(/<label[\s\S]*?<\/label>/g, "");
  assert.doesNotMatch(withoutLabelled, /<(input|select|textarea)/);
  const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of body.matchAll(/aria-labelledby="([^"]+)"/g)) assert.ok(ids.includes(id), id);
});

Deno.test("the page calls only routes that there are", async () => {
  const { html } = await page();
  const called = [...html.replaceAll(/\$\{[^{}]*\}/g, "*").matchAll(/["`](\/(?:v1|health|version|docs)[^"`?]*)/g)];
  assert.ok(called.length >= 10, `only ${called.length} calls found`);
  const isRoute = (path: string) => {
    const pattern = new RegExp(`^${path.replaceAll("*", "[^/]+(/[^/]+)*")}$`);
    return ROUTES.some((route) => pattern.test(route.path));
  };
  assert.deepEqual(called.map((m) => m[1]).filter((path) => !isRoute(path)), []);
  assert.ok(!isRoute("/v1/model") && !isRoute("/v1/jobs/*/stop"));
});

Deno.test("docsPage() has no scripts, links that lead somewhere, and its own policy", async () => {
  const { html, style } = docsPage(openApiDocument(ROUTES));
  assert.doesNotMatch(html, /<script|https?:\/\//);
  const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]));
  for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.has(id), id);
  assert.ok(html.includes(style));
  assert.match(
    await policyFor({ style }),
    /^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self' data:; form-action/,
  );
});
