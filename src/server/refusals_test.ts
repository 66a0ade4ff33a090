import assert from "node:assert/strict";
import { readyDataset, tinyNifti } from "../jobs/jobs_test_helpers.ts";
import { databaseTests } from "../registry/database_test_helpers.ts";
import { DomainError } from "../registry/mod.ts";
import { VolumeError } from "../volume/mod.ts";
import { image } from "./fake_tasks_test_helpers.ts";
import { PROBLEM_CODES, problemOf, statusOf } from "./problems.ts";
import { createApp } from "./app.ts";
import { type CallInit, ended, form, problem, withBench, zipOf } from "./server_test_helpers.ts";
import { DEFAULT_LIMITS } from "./settings.ts";

const test = databaseTests();
const SEGMENT = "/v1/models/tumour/segment";
const NONE = "00000000-0000-4000-8000-000000000000";
const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
const wish = (changes: Record<string, unknown> = {}) => ({
  dataset: NONE,
  base: { model: "base" },
  name: "mine",
  ...changes,
});

/** What is asked, and the refusal: status, code, words of the detail, path. */
type Case = readonly [
  method: string,
  path: string,
  init: CallInit,
  status: number,
  code: string,
  RegExp,
  path?: string,
];

const octets = (...bytes: number[]) => new Uint8Array(bytes);

const CASES: readonly Case[] = [
  ["GET", "/v1/nothing", {}, 404, "unknown-route", /docs lists/],
  ["PATCH", "/v1/datasets", {}, 405, "method-not-allowed", /takes GET, HEAD, POST/],
  ["GET", "/v1/models", { headers: { accept: "text/html" } }, 406, "not-acceptable", /gives application\/json/],
  [
    "POST",
    "/v1/datasets",
    { body: "a=b", headers: { "content-type": "text/plain" } },
    415,
    "unsupported-media-type",
    /expected Content-Type application\/json/,
  ],
  [
    "POST",
    "/v1/datasets",
    { body: "{", headers: { "content-type": "application/json" } },
    400,
    "invalid-json",
    /expected JSON/,
  ],
  ["POST", "/v1/datasets", { json: { ...spec, nmae: "x" } }, 400, "invalid-request", /no such field/, "nmae"],
  [
    "POST",
    "/v1/datasets",
    { json: { ...spec, modalities: ["t9"] } },
    400,
    "invalid-request",
    /modalities/,
    "modalities.0",
  ],
  ["POST", "/v1/datasets", { json: { ...spec, labels: [] } }, 422, "invalid-dataset", /needs labels/],
  ["GET", `/v1/datasets/${NONE}`, {}, 404, "not-found", /data set/],
  ["DELETE", `/v1/datasets/${NONE}`, {}, 404, "not-found", /data set/],
  ["POST", "/v1/datasets/import", { body: octets(1, 2, 3, 4, 5) }, 415, "unsupported-media-type", /expected a \.zip/],
  ["POST", "/v1/datasets/import", { body: octets(0x50, 0x4b, 3, 4, 9) }, 422, "invalid-archive", /Cannot read/],
  ["POST", "/v1/datasets/import", { body: zipOf({ "a.txt": "a" }) }, 422, "invalid-dataset", /no cases/],
  ["GET", "/v1/models/none", {}, 404, "not-found", /model/],
  ["GET", "/v1/models/tumour/versions/0", {}, 400, "invalid-request", /version/, "path.version"],
  ["GET", "/v1/models/tumour/versions/9", {}, 404, "not-found", /version/],
  ["GET", "/v1/models/tumour/versions/9/package", {}, 404, "not-found", /version/],
  ["POST", "/v1/models/tumour/versions/1/approve", { json: {} }, 400, "invalid-request", /approvedBy/, "approvedBy"],
  [
    "POST",
    "/v1/models/tumour/versions/1/approve",
    { json: { approvedBy: "x" } },
    409,
    "invalid-transition",
    /served already/,
  ],
  ["POST", "/v1/models/tumour/rollback", { json: { approvedBy: "x" } }, 409, "no-former-version", /Cannot roll/],
  ["POST", "/v1/models", { body: zipOf({ "manifest.json": "{}" }) }, 422, "invalid-manifest", /formatVersion/],
  ["POST", "/v1/models", { body: zipOf({ "a.txt": "a" }) }, 422, "invalid-package", /manifest\.json is missing/],
  [
    "POST",
    "/v1/models/import?name=a",
    { body: zipOf({ "a.txt": "a" }) },
    422,
    "invalid-weights",
    /one data\.pkl in its/,
  ],
  ["POST", "/v1/models/import?name=a", { body: octets(8, 9, 1, 1, 1) }, 422, "invalid-weights", /^Cannot import model/],
  [
    "POST",
    "/v1/models/import?name=a&labels=b",
    { body: octets(8, 9, 1, 1, 1) },
    400,
    "invalid-request",
    /"query\.labels": expected/,
    "query.labels",
  ],
  [
    "POST",
    "/v1/models/import?name=a",
    { body: octets(0x50, 0x4b) },
    415,
    "unsupported-media-type",
    /a PyTorch, safetensors or ONNX/,
  ],
  ["POST", "/v1/models/import", { body: octets(8, 9, 1, 1, 1) }, 400, "invalid-request", /"query\.name"/, "query.name"],
  ["POST", "/v1/models/none/segment", { body: form({ t1: image() }) }, 404, "not-found", /model/],
  [
    "POST",
    SEGMENT,
    { body: "x", headers: { "content-type": "application/json" } },
    415,
    "unsupported-media-type",
    /multipart\/form-data/,
  ],
  [
    "POST",
    SEGMENT,
    { body: "x", headers: { "content-type": "multipart/form-data" } },
    400,
    "invalid-multipart",
    /no complete/,
  ],
  [
    "POST",
    SEGMENT,
    {
      body: '--b\r\nContent-Disposition: form-data; name="t1"\r\n\r\n\x5c\x01\x00\x00',
      headers: { "content-type": "multipart/form-data; boundary=b" },
    },
    400,
    "invalid-multipart",
    /no complete/,
  ],
  ["POST", SEGMENT, { body: form({}) }, 422, "missing-modality", /no image/],
  ["POST", SEGMENT, { body: form({ t9: image() }) }, 400, "invalid-request", /neither a modality nor/, "t9"],
  ["POST", SEGMENT, { body: form({ t1: image(), T1w: image() }) }, 400, "invalid-request", /two parts for t1/, "t1"],
  [
    "POST",
    SEGMENT,
    { body: form({ t1: octets(9, 9, 9, 9) }) },
    415,
    "unsupported-media-type",
    /t1: expected a NIfTI file/,
  ],
  ["POST", SEGMENT, { body: form({ t1: octets() }) }, 415, "unsupported-media-type", /got nothing/],
  [
    "POST",
    SEGMENT,
    { body: form({ t1: image() }, { versoin: 2 }) },
    400,
    "invalid-request",
    /no such field/,
    "options.versoin",
  ],
  ["POST", SEGMENT, { body: form({ t1: image() }, { version: 9 }) }, 404, "not-found", /version/],
  ["POST", `${SEGMENT}?output=mesh`, { body: form({ t1: image() }) }, 400, "invalid-request", /output/, "query.output"],
  [
    "POST",
    `${SEGMENT}?outptu=labels`,
    { body: form({ t1: image() }) },
    400,
    "invalid-request",
    /no such/,
    "query.outptu",
  ],
  ["POST", SEGMENT, { body: form({ t1: image({ fail: "no-overlap" }) }) }, 422, "no-overlap", /does not overlap t1/],
  [
    "POST",
    SEGMENT,
    { body: form({ t1: image({ fail: "no-overlap" }) }), headers: { accept: "application/json" } },
    422,
    "no-overlap",
    /does not overlap t1/,
  ],
  ["POST", "/v1/models/grade/segment", { body: form({ t1: image() }) }, 422, "wrong-task", /classification/],
  ["POST", "/v1/models/tumour/classify", { body: form({ t1: image() }) }, 422, "wrong-task", /segmentation/],
  ["POST", "/v1/models/grade/classify", { body: form({}) }, 422, "missing-modality", /no image/],
  ["POST", "/v1/finetunes", { json: wish() }, 404, "not-found", /data set/],
  [
    "POST",
    "/v1/finetunes",
    { json: wish({ recipe: { epochs: 3 } }) },
    400,
    "invalid-request",
    /no such field/,
    "recipe.epochs",
  ],
  [
    "POST",
    "/v1/finetunes",
    { json: wish({ recipe: { validation: { folds: 1 } } }) },
    400,
    "invalid-request",
    /folds/,
    "recipe.validation.folds",
  ],
  ["POST", "/v1/finetunes", { json: wish({ name: "../x" }) }, 400, "invalid-request", /name/, "name"],
  ["GET", "/v1/jobs?limit=0", {}, 400, "invalid-request", /limit/, "query.limit"],
  ["GET", "/v1/jobs?state=lost", {}, 400, "invalid-request", /state/, "query.state"],
  ["GET", "/v1/jobs?limit=1&limit=2", {}, 400, "invalid-request", /given twice/, "query.limit"],
  ...["", "/events", "/report", "/mask"].map((
    part,
  ): Case => ["GET", `/v1/jobs/${NONE}${part}`, {}, 404, "not-found", /job/]),
  ["POST", `/v1/jobs/${NONE}/cancel`, {}, 404, "not-found", /job/],
];

test("every refusal has its status, its code, its words and the field's path", (database) =>
  withBench(database, async ({ call, log }) => {
    for (const [method, path, init, status, code, words, field] of CASES) {
      const found = await problem(await call(method, path, init));
      const failure = log.findLast((entry) => entry.event === "failure");
      const what = `${method} ${path}: ${JSON.stringify(found)} ${JSON.stringify(failure?.at ?? "")}`;
      assert.deepEqual([found.status, found.code, found.path], [status, code, field], what);
      assert.match(found.detail, words, what);
    }
  }));

test("405 tells the methods, busy tells when to come back", (database) =>
  withBench(database, async ({ call }) => {
    assert.equal((await call("PUT", "/v1/jobs")).headers.get("allow"), "GET, HEAD");
    assert.equal((await call("GET", "/v1/finetunes")).headers.get("allow"), "POST");
    const first = call("POST", SEGMENT, { body: form({ t1: image({ ms: 1000 }) }) });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const second = await call("POST", SEGMENT, { body: form({ t1: image() }) });
    assert.deepEqual([second.status, second.headers.get("retry-after")], [503, "10"]);
    assert.equal((await problem(second)).code, "busy");
    assert.equal((await first).status, 200);
  }, { jobs: { maxWaiting: 0 } }));

test("files of a case are refused for what they are, and nothing of them stays", (database) =>
  withBench(database, async ({ call, place: { datasets, dataDirectory } }) => {
    const { id } = await (await call("POST", "/v1/datasets", { json: spec })).json();
    const put = async (role: string, body: Uint8Array<ArrayBuffer>) =>
      await problem(await call("PUT", `/v1/datasets/${id}/cases/a/${role}`, { body }));
    assert.deepEqual(await put("t7", await tinyNifti()), {
      status: 422,
      code: "unknown-modality",
      detail: "Cannot store the image: its address names no modality that is known",
      path: "path.modality",
    });
    assert.equal((await put("t2", await tinyNifti())).code, "unknown-modality");
    assert.deepEqual(await put("t1", octets(0xff, 0xd8, 0xff, 0xe0)).then((p) => [p.status, p.code]), [
      415,
      "unsupported-media-type",
    ]);
    assert.deepEqual(await put("t1", octets(0x1f, 0x8b, 8, 0, 0)).then((p) => [p.status, p.code]), [
      422,
      "invalid-volume",
    ]);
    assert.deepEqual(await put("label", octets(0x1f, 0x8b)).then((p) => [p.status, p.code]), [
      415,
      "unsupported-media-type",
    ]);
    const reply = await call("PUT", `/v1/datasets/${id}/cases/a/class`, { json: { class: "HGG" } });
    assert.equal((await problem(reply)).code, "invalid-request");
    assert.deepEqual((await datasets.get(id)).cases, []);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);
  }));

function filesBelow(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap((e) =>
    e.isDirectory ? filesBelow(`${folder}/${e.name}`).map((f) => `${e.name}/${f}`) : [e.name]
  );
}

test("bodies past their limits are refused by announced and by real length", (database) =>
  withBench(database, async ({ call }) => {
    const { id } = await (await call("POST", "/v1/datasets", { json: spec })).json();
    const big = new Uint8Array(3000).fill(0x1f).fill(0x8b, 1, 2);
    const refused = async (reply: Promise<Response>) => {
      const { status, code } = await problem(await reply);
      assert.deepEqual([status, code], [413, "too-large"]);
    };
    const chunked = () => new ReadableStream({ start: (c) => (c.enqueue(big), c.close()) });
    const path = `/v1/datasets/${id}/cases/a/t1`;
    await refused(call("PUT", path, { body: big, headers: { "content-length": "3000" } }));
    await refused(call("PUT", path, { body: chunked() }));
    await refused(call("POST", SEGMENT, { body: form({ t1: new Uint8Array([0x5c, 1, 0, 0, ...big]) }) }));
    await refused(call("POST", SEGMENT, { body: form({ t1: image(), t2: image(), flair: new Uint8Array(5000) }) }));
    await refused(call("POST", "/v1/datasets", { json: { ...spec, name: "x".repeat(3000) } }));
    const archive = zipOf({ "a.txt": "x".repeat(3000) });
    await refused(call("POST", "/v1/datasets/import", { body: archive }));
    await refused(call("POST", "/v1/models", { body: archive }));
  }, {
    settings: {
      limits: {
        ...DEFAULT_LIMITS,
        jsonBytes: 2000,
        fileBytes: 2000,
        formBytes: 4000,
        importBytes: 2000,
        packageBytes: 2000,
      },
    },
  }));

test("jobs refuse what does not fit their state", (database) =>
  withBench(database, async ({ call, services, place }) => {
    const refused = async (reply: Promise<Response>) => {
      const { status, code } = await problem(await reply);
      return `${status} ${code}`;
    };
    const job = await call("POST", SEGMENT, { body: form({ t1: image() }), headers: { prefer: "respond-async" } });
    const { id } = await job.json();
    assert.equal(await ended(services, id), "succeeded");
    assert.equal(await refused(call("POST", `/v1/jobs/${id}/cancel`)), "409 job-finished");
    assert.equal(await refused(call("GET", `/v1/jobs/${id}/report`)), "404 not-found");
    await Deno.remove(await place.dataDirectory + `/results/${id}.nii.gz`);
    assert.equal(await refused(call("GET", `/v1/jobs/${id}/mask`)), "410 gone");

    const dataset = await readyDataset(place.datasets);
    const recipe = { steps: 1000, learningRate: 1, seed: 1 };
    const training = await call("POST", "/v1/finetunes", { json: wish({ dataset, recipe }) });
    const { id: running } = await training.json();
    assert.equal(await refused(call("DELETE", `/v1/datasets/${dataset}`)), "409 dataset-in-use");
    assert.equal(await refused(call("GET", `/v1/jobs/${running}/report`)), "404 not-found");
    await call("POST", `/v1/jobs/${running}/cancel`);
    assert.equal(await ended(services, running), "cancelled");
    const empty = await (await call("POST", "/v1/datasets", { json: spec })).json();
    assert.equal(
      await refused(call("POST", "/v1/finetunes", { json: wish({ dataset: empty.id }) })),
      "422 incomplete-dataset",
    );
    assert.equal(
      await refused(call("POST", "/v1/finetunes", { json: wish({ dataset, base: { model: "none" } }) })),
      "404 not-found",
    );
  }));

test("what nobody foresaw is internal, and neither reply nor log quote it", (database) =>
  withBench(database, async ({ call, log }) => {
    const reply = await call("POST", SEGMENT, { body: form({ t1: image({ fail: "unforeseen" }) }) });
    const { status, code, detail } = await problem(reply);
    assert.deepEqual([status, code], [500, "internal"]);
    assert.doesNotMatch(detail, /secret|Doe/);
    const failure = log.find((entry) => entry.event === "failure");
    assert.equal(failure?.requestId, reply.headers.get("x-request-id"));
    assert.doesNotMatch(JSON.stringify(log), /secret|Doe|Jane|nii/);
    assert.deepEqual(log.map((e) => [e.event, e.route, e.status]).at(-1), [
      "request",
      "/v1/models/{name}/segment",
      500,
    ]);
  }));

test("requests from other sites and under other names are refused", (database) =>
  withBench(database, async ({ call, services }) => {
    const cross = async (headers: HeadersInit) => {
      const reply = await call("POST", "/v1/datasets", { json: spec, headers });
      return reply.status;
    };
    assert.equal(await cross({ "sec-fetch-site": "cross-site" }), 403);
    assert.equal(await cross({ "sec-fetch-site": "same-site" }), 403);
    assert.equal(await cross({ origin: "https://evil.example" }), 403);
    assert.equal(await cross({ origin: "null" }), 403);
    assert.equal(await cross({ "sec-fetch-site": "same-origin" }), 201);
    assert.equal(await cross({ origin: "http://127.0.0.1:8080" }), 201);
    const rebound = await createApp(services).request("http://evil.example:8080/v1/models");
    assert.deepEqual([rebound.status, (await rebound.json()).code], [421, "unknown-host"]);
  }));

Deno.test("problemOf() gives every code a status and keeps foreign messages in", () => {
  for (const code of PROBLEM_CODES) assert.ok(statusOf(code) >= 400 && statusOf(code) < 600, code);
  const known = problemOf(new DomainError("locked", "Cannot use it: somebody has it"));
  assert.deepEqual([known.code, known.status, known.message], ["locked", 409, "Cannot use it: somebody has it"]);
  const unknown = problemOf(new Error("ENOENT /data/Doe^Jane.nii.gz"));
  assert.deepEqual([unknown.code, unknown.status], ["internal", 500]);
  assert.doesNotMatch(unknown.message, /Doe/);
  const volume = problemOf(new VolumeError("Cannot read NIfTI: expected 3 dimensions, got 2"));
  assert.deepEqual([volume.code, volume.status], ["invalid-volume", 422]);
});
