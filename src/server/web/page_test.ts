import assert from "node:assert/strict";
import { WARNINGS } from "../../inference/mod.ts";
import { mediaTypesOf } from "../http/route.ts";
import { ROUTES } from "../routes/routes.ts";
import { openApiDocument } from "../schemas/openapi.ts";
import { docsPage } from "./docs_page.ts";
import { policyFor, readPage } from "./page.ts";

const { html, policy, modules } = await readPage();
const scripts = [...modules.values()].join("\n");

Deno.test("the page brings its style, loads its own modules and nothing else", () => {
  const outside = /@import|url\(|https?:\/\/(?!www\.w3\.org\/2000\/svg)/;
  assert.doesNotMatch(html, /<link rel="stylesheet"/);
  assert.doesNotMatch(html, outside);
  assert.doesNotMatch(scripts.replaceAll(/^\/\*\* @import .*$/gm, ""), outside);
  assert.deepEqual(html.match(/<script[^>]*>[^<]*/g), ['<script type="module" src="/page/main.js">']);
  assert.doesNotMatch(scripts, /\bimport\(|importScripts|new Worker/);
  const imported = new Set([...scripts.matchAll(/^import .*?from "\.\/([^"]+)";$/gms)].map((m) => m[1]));
  assert.deepEqual([...imported, "main.js"].sort(), [...modules.keys()].sort());
});

Deno.test("the page's policy allows exactly its own style and the modules of this server", async () => {
  const [, style] = /<style>([\s\S]*?)<\/style>/.exec(html)!;
  assert.equal(policy, await policyFor({ style, scripts: true }));
  assert.notEqual(policy, await policyFor({ style: `${style} `, scripts: true }));
  assert.match(
    policy,
    /^default-src 'none'; style-src 'sha256-[^' ]+'; img-src 'self' data:; script-src 'self'; connect-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'$/,
  );
  assert.equal(html.match(/<style|<script/g)?.length, 2);
  assert.doesNotMatch(html, / on\w+=/);
});

Deno.test("no route but the page's modules replies with a script", () => {
  const running = ROUTES.filter((route) => mediaTypesOf(route).some((type) => /script/.test(type)));
  assert.deepEqual(running.map((route) => route.path), ["/page/{module}"]);
});

Deno.test("the page's script never writes HTML, which a model's or a data set's name could be", () => {
  assert.doesNotMatch(scripts, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function/);
});

Deno.test("the page shows trainings that should not be used in red, by codes that there are", () => {
  const [, listed] = /const SEVERE = (\[.*?\]);/.exec(scripts)!;
  const codes: string[] = JSON.parse(listed);
  assert.deepEqual(codes.filter((code) => WARNINGS[code]?.weight === "loud"), codes);
  assert.match(scripts, /className: isSevere \? "error"/);
  assert.match(html, /\n\.error \{\s*color: var\(--bad\)/);
});

Deno.test("the page has a label for every field and only ids that differ", () => {
  const [, body] = /<body>([\s\S]*?)<script/.exec(html)!;
  const withoutLabelled = body.replaceAll(/<label[\s\S]*?<\/label>/g, "");
  assert.doesNotMatch(withoutLabelled, /<(input|select|textarea)/);
  const ids = [...body.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
  assert.equal(new Set(ids).size, ids.length);
  for (const [, id] of body.matchAll(/aria-labelledby="([^"]+)"/g)) assert.ok(ids.includes(id), id);
  for (const [, id] of scripts.matchAll(/(?:byId|formById|redraw)\("([^"]+)"/g)) assert.ok(ids.includes(id), id);
});

Deno.test("the page calls only routes that there are", () => {
  const isRoute = (call: string) => {
    const [, method = "GET", path] = /^(?:(\w+) )?(.*)$/.exec(call)!;
    return ROUTES.some((route) => route.path === path && route.method === method);
  };
  const addresses = /["`]((?:[A-Z]+ )?\/(?:v1|health|version|docs|page)[^"`?]*)/g;
  const called = [...`${html}\n${scripts}`.matchAll(addresses)].map((m) => m[1])
    .map((call) => call.replace(/^\/page\/[\w.]+$/, "/page/{module}"));
  assert.ok(called.length >= 20, `only ${called.length} calls found`);
  assert.deepEqual(called.filter((call) => !isRoute(call)), []);
  assert.ok(!isRoute("/v1/model") && !isRoute("GET /v1/jobs/{id}/cancel"));
});

Deno.test("the page's fields have the bounds and choices of the API", () => {
  const { Recipe, FinetuneRequest, Decision } = openApiDocument(ROUTES).components.schemas;
  // deno-lint-ignore no-explicit-any
  const field = (schema: any, name: string) => schema.properties[name];
  const tag = (name: string) => new RegExp(`<(?:input|textarea|select)[^>]* name="${name}"[^>]*>`).exec(html)![0];
  const attribute = (name: string, of: string) => new RegExp(` ${of}="([^"]*)"`).exec(tag(name))?.[1];
  const { minimum, maximum } = field(Recipe, "steps");
  assert.deepEqual([attribute("steps", "min"), attribute("steps", "max")], [String(minimum), String(maximum)]);
  const presets = /name="preset">(.*?)<\/select>/.exec(html)![1];
  assert.deepEqual([...presets.matchAll(/<option>([^<]*)/g)].map((m) => m[1]), field(Recipe, "preset").enum);
  assert.equal(`^${attribute("name", "pattern")!.replaceAll("\\-", "-")}$`, field(FinetuneRequest, "name").pattern);
  for (const name of ["approvedBy", "note"]) {
    assert.equal(attribute(name, "maxlength"), String(field(Decision, name).maxLength), name);
  }
});

Deno.test("docsPage() has no scripts, links that lead somewhere, and its own policy", async () => {
  const { html, style } = docsPage(openApiDocument(ROUTES));
  assert.doesNotMatch(html, /<script|https?:\/\//);
  const ids = new Set([...html.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]));
  for (const [, id] of html.matchAll(/href="#([^"]+)"/g)) assert.ok(ids.has(id), id);
  assert.ok(html.includes(style));
  assert.match(
    await policyFor({ style, scripts: false }),
    /^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self' data:; form-action/,
  );
});
