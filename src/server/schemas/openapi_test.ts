import assert from "node:assert/strict";
import { ROLES } from "../../identity/mod.ts";
import { WARNINGS } from "../../inference/mod.ts";
import { methodsOf } from "../app.ts";
import { openApiDocument, type Operation } from "./openapi.ts";
import { docsPage } from "../web/docs_page.ts";
import { ROUTES } from "../routes/routes.ts";

/** Every call of the contract with users, and its replies that are no problems: status, media types. */
const CONTRACT = `
GET /health/live → 200 application/json
GET /health/startup → 200 application/json; 503 application/json
GET /health/ready → 200 application/json; 503 application/json
GET /version → 200 application/json
GET /metrics → 200 text/plain
GET /v1/models → 200 application/json
POST /v1/models → 201 application/json
POST /v1/models/import → 201 application/json
POST /v1/models/inspect → 200 application/json
POST /v1/models/{name}/versions/{version}/features → 201 application/json
GET /v1/models/{name} → 200 application/json
GET /v1/models/{name}/versions/{version} → 200 application/json
GET /v1/models/{name}/versions/{version}/package → 200 application/zip
POST /v1/models/{name}/versions/{version}/approve → 200 application/json
POST /v1/models/{name}/rollback → 200 application/json
POST /v1/models/{name}/segment → 200 application/octet-stream application/gzip application/json; 202 application/json
POST /v1/models/{name}/classify → 200 application/json; 202 application/json
GET /v1/audit → 200 application/x-ndjson
GET /v1/datasets → 200 application/json
POST /v1/datasets → 201 application/json
POST /v1/datasets/import → 201 application/json
GET /v1/datasets/{id} → 200 application/json
DELETE /v1/datasets/{id} → 204
PUT /v1/datasets/{id}/patients → 200 application/json
POST /v1/datasets/{id}/cases → 200 application/json
PUT /v1/datasets/{id}/cases/{case} → 201 application/json
DELETE /v1/datasets/{id}/cases/{case} → 204
PUT /v1/datasets/{id}/cases/{case}/patient → 201 application/json
PUT /v1/datasets/{id}/cases/{case}/label → 201 application/json
PUT /v1/datasets/{id}/cases/{case}/class → 201 application/json
PUT /v1/datasets/{id}/cases/{case}/{modality} → 201 application/json
POST /v1/finetunes → 202 application/json
POST /v1/finetunes/plan → 200 application/json
POST /v1/pretrainings → 202 application/json
GET /v1/jobs → 200 application/json
GET /v1/jobs/{id} → 200 application/json
GET /v1/jobs/{id}/events → 200 text/event-stream; 204
GET /v1/jobs/{id}/report → 200 application/json text/html
GET /v1/jobs/{id}/mask → 200 application/gzip
POST /v1/jobs/{id}/cancel → 202 application/json
GET / → 200 text/html
GET /page/{module} → 200 text/javascript
GET /openapi.json → 200 application/json
GET /docs → 200 text/html
GET /v1/me → 200 application/json
GET /login → 302
GET /login/callback → 302
POST /login → 204
POST /logout → 204
GET /v1/tokens → 200 application/json
POST /v1/tokens → 201 application/json
DELETE /v1/tokens/{id} → 200 application/json
GET /v1/datasets/{id}/access → 200 application/json
PUT /v1/datasets/{id}/access → 200 application/json
GET /v1/models/{name}/access → 200 application/json
PUT /v1/models/{name}/access → 200 application/json
GET /v1/projects → 200 application/json
GET /v1/projects/{name} → 200 application/json
PUT /v1/projects/{name} → 200 application/json
`.trim().split("\n");

const DOCUMENT = openApiDocument(ROUTES);

Deno.test("openApiDocument() lists the calls and replies of the contract and no others, each route once", () => {
  const listed = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) =>
      `${method.toUpperCase()} ${path} → ${repliesOf(responses).join("; ")}`
    )
  );
  assert.deepEqual(listed.sort(), CONTRACT.toSorted());
  assert.equal(new Set(ROUTES.map((r) => `${r.method} ${r.path}`)).size, ROUTES.length);
});

/** Statuses and media types of the replies that are no problems. */
function repliesOf(responses: Operation["responses"]): string[] {
  return Object.entries(responses).flatMap(([status, { content = {} }]) => {
    const types = Object.keys(content);
    return types.includes("application/problem+json") ? [] : [[status, ...types].join(" ")];
  });
}

Deno.test("openApiDocument() refers only to schemas that it holds, and to each of them", () => {
  const text = JSON.stringify(DOCUMENT);
  const used = new Set([...text.matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map((m) => m[1]));
  assert.deepEqual([...used].sort(), Object.keys(DOCUMENT.components.schemas).sort());
  assert.doesNotMatch(text, /\$defs|__shared|"\$id"/);
});

Deno.test("openApiDocument() names every parameter of a path and no other", () => {
  for (const [path, methods] of Object.entries(DOCUMENT.paths)) {
    for (const { parameters = [], operationId } of Object.values(methods)) {
      const inPath = parameters.filter((p) => p.in === "path");
      assert.deepEqual(inPath.map((p) => `{${p.name}}`), path.match(/\{\w+\}/g) ?? [], operationId);
      assert.ok(inPath.every((p) => p.required), operationId);
    }
  }
});

Deno.test("openApiDocument() says who may call each operation, gives it an id, a reply and its refusals", () => {
  const operations = Object.values(DOCUMENT.paths).flatMap((methods) => Object.values(methods));
  assert.equal(new Set(operations.map((o) => o.operationId)).size, operations.length);
  for (const { operationId, responses, ...operation } of operations) {
    const least = operation["x-permits"];
    assert.ok(least === "everyone" || ROLES.includes(least), operationId);
    if (operationId.includes("V1")) assert.notEqual(least, "everyone", operationId);
    assert.ok(Object.keys(responses).some((status) => /^[23]/.test(status)), operationId);
    assert.match(responses[400].description, /invalid-request/, operationId);
  }
});

Deno.test("openApiDocument() makes defaults optional in requests and allows no unknown fields", () => {
  const { Recipe, FinetuneRequest } = DOCUMENT.components.schemas;
  assert.deepEqual(FinetuneRequest.required, ["dataset", "base", "name"]);
  assert.equal(Recipe.required, undefined);
  assert.equal(Recipe.additionalProperties, false);
});

Deno.test("methodsOf() finds the methods of a path's routes", () => {
  assert.deepEqual(methodsOf("/v1/datasets/7/cases/a/label", ROUTES), ["PUT"]);
  assert.deepEqual(methodsOf("/v1/models", ROUTES), ["GET", "HEAD", "POST"]);
  assert.deepEqual(methodsOf("/v1/datasets/import", ROUTES), ["POST"]); // not those of /v1/datasets/{id}
  assert.deepEqual(methodsOf("/v1/nothing", ROUTES), []);
});

Deno.test("docsPage() shows every route and escapes what it shows", () => {
  const { html } = docsPage(DOCUMENT);
  for (const path of Object.keys(DOCUMENT.paths)) assert.ok(html.includes(path), path);
  const { info, ...rest } = DOCUMENT;
  const hostile = docsPage({ ...rest, info: { ...info, description: "<script>x</script>" } }).html;
  assert.ok(hostile.includes("&lt;script&gt;x") && !hostile.includes("<script"));
});

Deno.test("openApiDocument() says of every code of a warning when it is given", () => {
  const text = JSON.stringify(DOCUMENT.components.schemas.Warning);
  for (const [code, { when, weight }] of Object.entries(WARNINGS)) {
    assert.equal(text.includes(`${code}: ${when}`), weight !== "refused", code);
  }
});
