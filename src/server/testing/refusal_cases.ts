/** Requests that each route refuses: the cases of `refusals_test.ts` that need no preparation. */
import { type Behaviour, image } from "./fake_tasks.ts";
import { type CallInit, form, zipOf } from "./server.ts";

export const SEGMENT = "/v1/models/tumour/segment";
export const CLASSIFY = "/v1/models/grade/classify";
/** No id of anything. */
export const NONE = "00000000-0000-4000-8000-000000000000";
export const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
export const wish = (changes: Record<string, unknown> = {}) => ({
  dataset: NONE,
  base: { model: "base" },
  name: "mine",
  ...changes,
});

/** A request and its refusal: status, code, words of the detail, path. */
export type Case = readonly [
  method: string,
  path: string,
  init: CallInit,
  status: number,
  code: string,
  RegExp,
  path?: string,
];

export const octets = (...bytes: number[]) => new Uint8Array(bytes);

/** Failures of a running model, which the fake task imitates, and their statuses. */
const FAILURES: readonly (readonly [NonNullable<Behaviour["fail"]>, status: number])[] = [
  ["missing-modality", 422],
  ["unknown-modality", 422],
  ["no-overlap", 422],
  ["no-position", 422],
  ["invalid-volume", 422],
  ["template-missing", 422],
  ["unsupported", 422],
  ["crashed", 500],
  ["failed", 500],
  ["out-of-memory", 503],
];

const FORM = { "content-type": "multipart/form-data; boundary=b" };
const CUT_FORM = '--b\r\nContent-Disposition: form-data; name="t1"\r\n\r\n\x5c\x01\x00\x00';

/** Refusals of segment and classify alike. */
const INFERENCE: readonly (readonly [CallInit, status: number, code: string, RegExp, path?: string])[] = [
  [{ body: "x", headers: { "content-type": "application/json" } }, 415, "unsupported-media-type", /multipart/],
  [{ body: "x", headers: { "content-type": "multipart/form-data" } }, 400, "invalid-multipart", /no complete/],
  [{ body: CUT_FORM, headers: FORM }, 400, "invalid-multipart", /no complete/],
  [{ body: form({}) }, 422, "missing-modality", /no image/],
  [{ body: form({ t9: image() }) }, 400, "invalid-request", /neither a modality nor/, "t9"],
  [{ body: form({ t1: image(), T1w: image() }) }, 400, "invalid-request", /two parts for t1/, "t1"],
  [{ body: form({ t1: octets(9, 9, 9, 9) }) }, 415, "unsupported-media-type", /t1: expected a NIfTI file/],
  [{ body: form({ t1: octets() }) }, 415, "unsupported-media-type", /got nothing/],
  [{ body: form({ t1: image() }, { versoin: 2 }) }, 400, "invalid-request", /no such field/, "options.versoin"],
  [{ body: form({ t1: image() }, { version: 9 }) }, 404, "not-found", /version/],
  ...FAILURES.map(([fail, status]) =>
    [{ body: form({ t1: image({ fail }) }) }, status, fail, /^(Cannot|The inference process ended)/] as const
  ),
];

export const CASES: readonly Case[] = [
  ["GET", "/v1/nothing", {}, 404, "unknown-route", /docs lists/],
  ["GET", "/page/none.js", {}, 404, "not-found", /module/],
  ["GET", "/page/..%2Fpage.css", {}, 404, "not-found", /module/],
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
  ["POST", "/v1/datasets", { json: { ...spec, name: "a\0b" } }, 400, "invalid-json", /without NUL/],
  ["GET", "/v1/models/a%00b", {}, 400, "invalid-request", /without NUL/, "path.name"],
  ["GET", "/v1/jobs?before=%00", {}, 400, "invalid-request", /without NUL/, "query.before"],
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
  ["POST", "/v1/datasets", { json: { ...spec, modalities: ["any"] } }, 422, "invalid-dataset", /one volume alone/],
  ["POST", "/v1/datasets", { json: { ...spec, labels: [] } }, 422, "invalid-dataset", /needs labels/],
  ["GET", `/v1/datasets/${NONE}`, {}, 404, "not-found", /data set/],
  ["DELETE", `/v1/datasets/${NONE}`, {}, 404, "not-found", /data set/],
  ["POST", "/v1/datasets/import", { body: octets(1, 2, 3, 4, 5) }, 415, "unsupported-media-type", /expected a \.zip/],
  ["POST", "/v1/datasets/import", { body: octets(0x50, 0x4b, 3, 4, 9) }, 422, "invalid-archive", /Cannot read/],
  ["POST", "/v1/datasets/import", { body: zipOf({ "a.txt": "a" }) }, 422, "invalid-dataset", /no cases/],
  ["PUT", `/v1/datasets/${NONE}/cases/a/label`, { body: octets(0x5c, 1, 0, 0) }, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/cases/a/t1`, { body: octets(0x5c, 1, 0, 0) }, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/cases/a/class`, { json: { class: "HGG" } }, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/cases/a/patient`, { json: { patient: "P" } }, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/cases/a/patient`, { json: {} }, 400, "invalid-request", /patient/, "patient"],
  ["PUT", `/v1/datasets/${NONE}/cases/a`, { body: form({}) }, 404, "not-found", /data set/],
  ["DELETE", `/v1/datasets/${NONE}/cases/a`, {}, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/patients`, { json: { rule: "^(P)" } }, 404, "not-found", /data set/],
  ["PUT", `/v1/datasets/${NONE}/patients`, { json: {} }, 400, "invalid-request", /Cannot/, "rule"],
  [
    "POST",
    `/v1/datasets/${NONE}/cases`,
    { json: { cases: [{ case: "a", delete: true }] } },
    404,
    "not-found",
    /data set/,
  ],
  ["POST", `/v1/datasets/${NONE}/cases`, { json: { cases: [] } }, 400, "invalid-request", /cases/, "cases"],
  [
    "POST",
    "/v1/datasets/import?channels=MRI",
    { body: octets(0x50, 0x4b, 3, 4, 9) },
    400,
    "invalid-request",
    /Cannot map channels: expected NAME=MODALITY/,
  ],
  ["POST", "/v1/finetunes", { json: wish({ skip: "all" }) }, 400, "invalid-request", /skip/, "skip"],
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
  ["POST", "/v1/models/tumour/versions/9/approve", { json: { approvedBy: "x" } }, 404, "not-found", /version/],
  ["POST", "/v1/models/tumour/rollback", { json: { approvedBy: "x" } }, 409, "no-former-version", /Cannot roll/],
  ["POST", "/v1/models/none/rollback", { json: { approvedBy: "x" } }, 404, "not-found", /model/],
  ["POST", "/v1/models", { body: octets(0x50, 0x4b, 3, 4, 9) }, 422, "invalid-archive", /Cannot read/],
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
  ["POST", "/v1/models/import?name=a", { body: octets(0x50, 0x4b, 3, 4, 9) }, 422, "invalid-archive", /^Cannot/],
  ["POST", "/v1/models/import", { body: octets(8, 9, 1, 1, 1) }, 400, "invalid-request", /"query\.name"/, "query.name"],
  ...[SEGMENT, CLASSIFY].flatMap((path) => INFERENCE.map((rest): Case => ["POST", path, ...rest])),
  ["POST", "/v1/models/none/segment", { body: form({ t1: image() }) }, 404, "not-found", /model/],
  ["POST", "/v1/models/none/classify", { body: form({ t1: image() }) }, 404, "not-found", /model/],
  ["POST", "/v1/models/grade/segment", { body: form({ t1: image() }) }, 422, "wrong-task", /classification/],
  ["POST", "/v1/models/tumour/classify", { body: form({ t1: image() }) }, 422, "wrong-task", /segmentation/],
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
  [
    "POST",
    SEGMENT,
    { body: form({ t1: image({ fail: "no-overlap" }) }), headers: { accept: "application/json" } },
    422,
    "no-overlap",
    /Cannot use the images/,
  ],
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
  ["POST", "/v1/pretrainings", { json: { dataset: NONE, name: "mine" } }, 404, "not-found", /data set/],
  [
    "POST",
    "/v1/pretrainings",
    { json: { dataset: NONE, name: "mine", recipe: { mask: { rat: 0.5 } } } },
    400,
    "invalid-request",
    /no such field/,
    "recipe.mask.rat",
  ],
  [
    "POST",
    "/v1/pretrainings",
    { json: { dataset: NONE, name: "mine", base: { model: "base" } } },
    400,
    "invalid-request",
    /no such field/,
    "base",
  ],
  ["GET", "/v1/jobs?limit=0", {}, 400, "invalid-request", /limit/, "query.limit"],
  ["GET", "/v1/jobs?state=lost", {}, 400, "invalid-request", /state/, "query.state"],
  ["GET", "/v1/jobs?limit=1&limit=2", {}, 400, "invalid-request", /given twice/, "query.limit"],
  ...["", "/events", "/report", "/mask"].map((
    part,
  ): Case => ["GET", `/v1/jobs/${NONE}${part}`, {}, 404, "not-found", /job/]),
  ["POST", `/v1/jobs/${NONE}/cancel`, {}, 404, "not-found", /job/],
];
