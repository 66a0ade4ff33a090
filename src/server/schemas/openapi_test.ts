import assert from "node:assert/strict";
import { methodsOf } from "../app.ts";
import { openApiDocument } from "./openapi.ts";
import { docsPage } from "../web/docs_page.ts";
import { ROUTES } from "../routes/routes.ts";

/** Every call of the contract with users. */
const CONTRACT = `
GET /health/live
GET /health/startup
GET /health/ready
GET /version
GET /metrics
GET /
GET /openapi.json
GET /docs
GET /v1/models
GET /v1/models/{name}
GET /v1/models/{name}/versions/{version}
POST /v1/models/{name}/versions/{version}/approve
POST /v1/models/{name}/rollback
GET /v1/models/{name}/versions/{version}/package
POST /v1/models
POST /v1/models/import
POST /v1/models/{name}/segment
POST /v1/models/{name}/classify
POST /v1/datasets
PUT /v1/datasets/{id}/cases/{case}/{modality}
PUT /v1/datasets/{id}/cases/{case}/label
PUT /v1/datasets/{id}/cases/{case}/class
POST /v1/datasets/import
GET /v1/datasets
GET /v1/datasets/{id}
DELETE /v1/datasets/{id}
POST /v1/finetunes
POST /v1/pretrainings
GET /v1/jobs
GET /v1/jobs/{id}
GET /v1/jobs/{id}/events
GET /v1/jobs/{id}/report
GET /v1/jobs/{id}/mask
POST /v1/jobs/{id}/cancel
`.trim().split("\n");

const DOCUMENT = openApiDocument(ROUTES);

Deno.test("openApiDocument() lists the calls of the contract and no others", () => {
  const listed = Object.entries(DOCUMENT.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assert.deepEqual(listed.sort(), CONTRACT.toSorted());
});

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
    assert.equal(operation["x-permits"], "everyone", operationId);
    assert.ok(Object.keys(responses).some((status) => status.startsWith("2")), operationId);
    assert.match(responses[400].description, /invalid-request/, operationId);
  }
});

Deno.test("openApiDocument() tells what a client may send: defaults are optional, unknown fields are not allowed", () => {
  const { Recipe, FinetuneRequest } = DOCUMENT.components.schemas;
  assert.deepEqual(FinetuneRequest.required, ["dataset", "base", "name"]);
  assert.equal(Recipe.required, undefined);
  assert.equal(Recipe.additionalProperties, false);
});

Deno.test("methodsOf() finds the methods of a path's routes", () => {
  assert.deepEqual(methodsOf("/v1/datasets/7/cases/a/label", ROUTES), ["PUT"]);
  assert.deepEqual(methodsOf("/v1/models", ROUTES), ["GET", "HEAD", "POST"]);
  assert.deepEqual(methodsOf("/v1/nothing", ROUTES), []);
});

Deno.test("docsPage() shows every route and escapes what it shows", () => {
  const { html } = docsPage(DOCUMENT);
  for (const path of Object.keys(DOCUMENT.paths)) assert.ok(html.includes(path), path);
  const { info, ...rest } = DOCUMENT;
  const hostile = docsPage({ ...rest, info: { ...info, description: "<script>x</script>" } }).html;
  assert.ok(hostile.includes("&lt;script&gt;x") && !hostile.includes("<script"));
});
