import assert from "node:assert/strict";
import { FELL_BACK } from "../jobs/testing/fake_tasks.ts";
import { tinyNifti } from "../datasets/testing/cases.ts";
import { realEncoder } from "../registry/testing/packages.ts";
import { readEntries, verifyChain } from "../audit/mod.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { image } from "./testing/fake_tasks.ts";
import { callWith, cookieIn, logIn } from "./testing/logins.ts";
import { PUBLIC_URL, startProvider } from "./testing/provider.ts";
import { ROUTES } from "./routes/routes.ts";
import {
  answered,
  type Bench,
  type Call,
  ended,
  filesForm,
  form,
  packageZip,
  withBench,
  zipOf,
} from "./testing/server.ts";

const test = databaseTests();
const DECISION = { approvedBy: "Dr Grey", note: "better" };

async function json(reply: Promise<Response>): Promise<Record<string, unknown>> {
  const { status, ok } = await reply;
  const body = await (await reply).json();
  assert.ok(ok, `${status}: ${JSON.stringify(body)}`);
  return body;
}

test("service routes reply with health, versions, metrics, and the API itself", (database) =>
  withBench(database, async ({ call, log, stop }) => {
    assert.deepEqual(await json(call("GET", "/health/live")), { status: "live" });
    const checks = { database: "ok", storage: "ok", device: "ok", models: "ok" };
    assert.deepEqual(await json(call("GET", "/health/ready")), { status: "ready", checks });
    assert.deepEqual(await json(call("GET", "/health/startup")), { status: "started", checks });
    const version = await json(call("GET", "/version"));
    assert.deepEqual(version.devices, [{ provider: "cpu", name: "A CPU", state: "ready" }]);
    assert.deepEqual([version.name, version.commit, version.deno], ["sulcus", "test", Deno.version.deno]);

    const document = await json(call("GET", "/openapi.json"));
    assert.equal(document.openapi, "3.1.0");
    for (const path of ["/", "/docs"]) {
      const page = await call("GET", path);
      assert.match(await page.text(), /^<!doctype html>/i);
      assert.match(page.headers.get("content-security-policy")!, /default-src 'none'; style-src 'sha256-/);
    }
    const module = await call("GET", "/page/main.js");
    assert.equal(module.headers.get("content-type"), "text/javascript; charset=utf-8");
    assert.match(await module.text(), /^import \{ call \} from ".\/api.js";$/m);
    const metrics = await (await call("GET", "/metrics")).text();
    assert.match(metrics, /sulcus_http_requests_total\{method="GET",route="\/health\/live",status="200"\} 1\n/);
    assert.match(metrics, /sulcus_jobs\{state="queued"\} 0\n/);

    const logged = log.map(({ route, status }) => `${route} ${status}`);
    assert.deepEqual(
      logged,
      ["/version 200", "/openapi.json 200", "/ 200", "/docs 200", "/page/{module} 200"],
      "probes and scrapes are counted",
    );
    stop.abort();
    assert.equal((await call("GET", "/health/ready")).status, 503);
    assert.equal((await call("GET", "/health/startup")).status, 200);
    assert.equal((await call("GET", "/health/live")).status, 200);
  }));

test("the audit trail is read line by line, and verifies", (database) =>
  withBench(database, async ({ call }) => {
    await (await call("GET", "/v1/datasets")).body?.cancel();
    const text = await (await call("GET", "/v1/audit?after=0&since=2026-01-01T00:00:00Z")).text();
    const lines = ReadableStream.from(text.trim().split("\n"));
    const { problems, entries } = await verifyChain(readEntries(lines));
    assert.deepEqual(problems, []);
    assert.ok(entries >= 1);
  }));

test("X-Request-Id is taken over when it is one, and made otherwise; HEAD has no body", (database) =>
  withBench(database, async ({ call }) => {
    const headers = { "x-request-id": "from-the-proxy:7" };
    assert.equal((await call("GET", "/health/live", { headers })).headers.get("x-request-id"), "from-the-proxy:7");
    const odd = { "x-request-id": "Doe Jane <script>" };
    assert.match((await call("GET", "/health/live", { headers: odd })).headers.get("x-request-id")!, /^[0-9a-f-]{36}$/);
    const head = await call("HEAD", "/v1/models/tumour/versions/1/package");
    assert.equal(head.status, 200);
    assert.ok(Number(head.headers.get("content-length")) > 0);
    assert.equal(await head.text(), "");
  }));

test("models are listed, shown, approved, rolled back, exported and imported", (database) =>
  withBench(database, async ({ call }) => {
    const { models } = await json(call("GET", "/v1/models"));
    assert.deepEqual((models as { name: string }[]).map((m) => m.name), ["base", "grade", "tumour"]);
    const model = await json(call("GET", "/v1/models/tumour"));
    assert.deepEqual([model.task, model.servedVersion, model.state, model.metrics], [
      "segmentation",
      1,
      "served",
      { dice: 0.8 },
    ]);
    const exported = await call("GET", "/v1/models/tumour/versions/1/package");
    assert.equal(exported.headers.get("content-disposition"), 'attachment; filename="tumour-1.zip"');
    const bytes = await exported.bytes();
    assert.equal(exported.headers.get("content-length"), String(bytes.length));

    const imported = await call("POST", "/v1/models", { body: await packageZip("tumour", 2) });
    assert.equal(imported.status, 201);
    assert.equal(imported.headers.get("location"), "/v1/models/tumour/versions/2");
    assert.equal((await json(call("GET", "/v1/models/tumour/versions/2"))).state, "candidate");
    const approved = await json(call("POST", "/v1/models/tumour/versions/2/approve", { json: DECISION }));
    assert.deepEqual([approved.state, approved.approvedBy, approved.note], ["served", "Dr Grey", "better"]);
    assert.equal((await json(call("GET", "/v1/models/tumour/versions/1"))).state, "retired");
    const back = await json(call("POST", "/v1/models/tumour/rollback", { json: { approvedBy: "Dr Grey" } }));
    assert.deepEqual([back.version, back.state], [1, "served"]);
    assert.equal(JSON.stringify(back).includes("directory"), false, "a folder of the server is shown");
  }));

test("weights become a candidate, with a report of their tensors", (database) =>
  withBench(database, async ({ call }) => {
    const body = await Deno.readFile("tests/fixtures/checkpoints/pretraining.pt");
    const reply = await call("POST", "/v1/models/import?name=official&roi=16", { body });
    assert.deepEqual([reply.status, reply.headers.get("location")], [201, "/v1/models/official/versions/1"]);
    const { state, manifest, report } = await reply.json();
    assert.deepEqual([state, manifest.task, manifest.modalities[0]], ["candidate", "encoder", "flair"]);
    assert.deepEqual([report.format, report.dropped.length, report.templates.length], ["pytorch", 16, 8]);
    assert.equal((await json(call("GET", "/v1/models/official/versions/1"))).state, "candidate");
  }));

test("a network in several files is inspected, imported, and its feature maps named later", (database) =>
  withBench(database, async ({ call }) => {
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    const spec = new TextEncoder().encode(JSON.stringify({ modalities: ["t1", "t1c", "t2", "flair"] }));
    const files = filesForm({ "spec.json": spec, "cnn.onnx": network });
    const { graph } = await (await call("POST", "/v1/models/inspect?roi=32", { body: files })).json();
    assert.deepEqual(graph.features.map((map: { name: string }) => map.name), ["fine", "middle", "coarse"]);
    const query = "name=cnn&roi=32&features=coarse&normalisation=z-score:nonzero&axes=ZYX";
    const made = await call("POST", `/v1/models/import?${query}`, { body: files });
    assert.deepEqual([made.status, made.headers.get("location")], [201, "/v1/models/cnn/versions/1"]);
    const { manifest: { preprocessing } } = await made.json();
    assert.deepEqual([preprocessing.axes, preprocessing.normalisation], ["ZYX", [{
      kind: "z-score",
      over: "nonzero",
    }]]);
    const path = "/v1/models/cnn/versions/1/features";
    const named = await (await call("POST", path, { json: { features: ["auto"], by: "Dr Grey" } })).json();
    assert.deepEqual(named.manifest.architecture.config.features, ["fine", "middle", "coarse"]);
    assert.deepEqual([named.version, named.state, named.manifest.provenance.baseVersion], [2, "candidate", 1]);
  }));

test("segment gives the mask, its 4-D forms, what was found, or a job", (database) =>
  withBench(database, async ({ call, services }) => {
    const segment = (init: Parameters<Call>[2], query = "") => call("POST", `/v1/models/tumour/segment${query}`, init);
    const images = { T1: image({ warn: true }), "t2-FLAIR": image() };
    for (const accept of ["*/*", "application/octet-stream", "application/gzip"]) {
      const mask = await segment({ body: form(images, { missing: "template" }), headers: { accept } });
      const text = "labels of t1,flair, missing: template";
      assert.equal(await mask.text(), text);
      const sent = Object.fromEntries(mask.headers);
      assert.equal(sent["content-type"], "application/gzip");
      assert.equal(sent["content-disposition"], 'attachment; filename="mask.nii.gz"');
      assert.equal(sent["content-length"], String(text.length));
      assert.deepEqual([sent["x-sulcus-model"], sent["x-sulcus-provider"]], ["tumour/1", "fake"]);
      const { score, passes, reasons } = JSON.parse(sent["x-sulcus-quality"]);
      assert.deepEqual([score, passes, reasons[0].slice(0, 16)], [0.5, 1, "Not calibrated –"]);
      assert.equal(JSON.parse(sent["x-sulcus-warnings"])[0].detail, "t2 is missing – the template stood in");
    }
    const regions = await segment({ body: form({ t1: image() }) }, "?output=regions");
    assert.equal(await regions.text(), "regions of t1, missing: error");
    assert.equal(regions.headers.get("x-sulcus-warnings"), null);
    const sure = await segment({ body: form({ t1: image() }) }, "?output=uncertainty&quality=full");
    assert.equal(await sure.text(), "uncertainty of t1, missing: error");
    assert.equal(JSON.parse(sure.headers.get("x-sulcus-quality")!).passes, 3);
    const onFlair = await segment({ body: form(images, { reference: "flair" }) });
    assert.equal(await onFlair.text(), "labels of t1,flair on flair, missing: error");
    assert.deepEqual(await json(call("GET", "/v1/jobs")), { jobs: [] }, "a mask leaves a job");

    const found = await json(segment({ body: form(images), headers: { accept: "application/json" } }));
    assert.deepEqual([found.model, found.version, found.provider, found.windows], ["tumour", 1, "fake", 1]);
    assert.deepEqual(found.labels, [{ name: "lesion", value: 1, voxels: 1, volumeMl: 0.001 }]);
    assert.deepEqual((found.quality as { perLabel: unknown }).perLabel, [{ name: "lesion", score: 0.5 }]);
    const kept = await call("GET", found.maskUrl as string);
    assert.equal(await kept.text(), "labels of t1,flair, missing: error");

    const later = await segment({ body: form(images), headers: { prefer: "wait=1, respond-async" } });
    assert.equal(later.status, 202);
    assert.equal(later.headers.get("preference-applied"), "respond-async");
    const { id } = await later.json();
    assert.equal(later.headers.get("location"), `/v1/jobs/${id}`);
    assert.equal(await ended(services, id), "succeeded");
    const job = await json(call("GET", `/v1/jobs/${id}`));
    assert.equal((job.result as { maskUrl: string }).maskUrl, `/v1/jobs/${id}/mask`);
    assert.equal((await call("GET", `/v1/jobs/${id}/mask`)).headers.get("content-type"), "application/gzip");
    assert.match(await (await call("GET", "/metrics")).text(), /sulcus_inference_seconds_count\{kind="segment"\} 7\n/);
  }));

test("classify gives probabilities, or a job", (database) =>
  withBench(database, async ({ call, services }) => {
    const classify = (headers: HeadersInit = {}) =>
      call("POST", "/v1/models/grade/classify", { body: form({ t1: image() }, { version: 1 }), headers });
    const found = await json(classify());
    assert.deepEqual(found.classes, [{ label: "HGG", probability: 1 }, { label: "LGG", probability: 0 }]);
    const { id } = await json(classify({ prefer: "respond-async" }));
    assert.equal(await ended(services, id as string), "succeeded");
    const { result } = await json(call("GET", `/v1/jobs/${id}`));
    assert.deepEqual((result as { output: unknown }).output, {
      provider: "fake",
      classes: found.classes,
      timingsMs: found.timingsMs,
      warnings: [],
    });
  }));

/** Makes a data set with one case by HTTP alone. */
async function datasetOf({ call }: Pick<Bench, "call">): Promise<string> {
  const spec = {
    name: "Lesions",
    task: "segmentation",
    modalities: ["t1", "flair"],
    labels: [{ name: "lesion", values: [1] }],
  };
  const made = await call("POST", "/v1/datasets", { json: spec });
  const { id } = await made.json();
  assert.deepEqual([made.status, made.headers.get("location")], [201, `/v1/datasets/${id}`]);
  const base = `/v1/datasets/${id}/cases/${encodeURIComponent("Müller, A./1")}`;
  for (const [role, values] of [["T1n", [0, 1, 2]], ["flair", [5, 6]], ["label", [0, 1]]] as const) {
    const stored = await call("PUT", `${base}/${role}`, { body: await tinyNifti({ values }) });
    assert.equal(stored.status, 201, await stored.clone().text());
  }
  return id;
}

test("a data set is made, filled, checked, and deleted", (database) =>
  withBench(database, async (bench) => {
    const { call } = bench;
    const id = await datasetOf(bench);
    const full = await json(call("GET", `/v1/datasets/${id}`));
    const codes = (full.checks as { code: string }[]).map((c) => c.code);
    assert.deepEqual([full.ready, codes], [true, ["label-at-border"]]);
    assert.deepEqual(full.cases, [
      {
        case: "Müller, A./1",
        patient: "Müller, A./1",
        patientFrom: "case-name",
        modalities: ["t1", "flair"],
        hasLabel: true,
      },
    ]);
    const { datasets } = await json(call("GET", "/v1/datasets"));
    assert.deepEqual((datasets as { caseCount: number }[]).map((d) => d.caseCount), [1]);
    assert.equal((await call("DELETE", `/v1/datasets/${id}`)).status, 204);
    assert.equal((await call("GET", `/v1/datasets/${id}`)).status, 404);
  }));

test("a case's class is set; an archive is imported whole", (database) =>
  withBench(database, async ({ call }) => {
    const spec = { name: "Grades", task: "classification", modalities: ["t1"], classes: ["HGG", "LGG"] };
    const { id } = await json(call("POST", "/v1/datasets", { json: spec }));
    const put = await json(
      call("PUT", `/v1/datasets/${id}/cases/a/class`, { json: { class: "HGG", patient: "p1" } }),
    );
    assert.deepEqual(put, { case: "a", class: "HGG", patient: "p1" });
    const archive = zipOf({
      "dataset.json": JSON.stringify({ name: "Grades 2", task: spec.task, modalities: ["MRI"], classes: spec.classes }),
      "cases/a/t1.nii.gz": await tinyNifti(),
      "cases/b/t1.nii.gz": "no volume",
      "notes.txt": "not a volume",
    });
    const query = "name=Mine&skip=errors&channels=MRI%3Dt1&patientRule=^([a-z])";
    const imported = await call("POST", `/v1/datasets/import?${query}`, { body: archive });
    const found = await json(Promise.resolve(imported));
    assert.deepEqual([imported.status, found.name, found.layout, found.caseCount], [201, "Mine", "sulcus", 1]);
    assert.deepEqual([found.ignoredFiles, found.ignored], [1, ["notes.txt"]]);
    assert.deepEqual((found.leftOut as { case: string }[]).map((c) => c.case), ["b"]);
    assert.deepEqual(found.patients, { count: 1, named: 0, rule: 1, caseName: 0 });
  }));

test("cases are replaced, given patients, excluded and deleted; a fine-tune leaves out what it is asked to", (database) =>
  withBench(database, async (bench) => {
    const { call, services } = bench;
    const id = await datasetOf(bench);
    const at = (name: string, rest = "") => `/v1/datasets/${id}/cases/${name}${rest}`;
    const files = async (label: number, seed: number) => ({
      T1W: await tinyNifti({ values: [seed, 2] }),
      flair: await tinyNifti({ values: [seed, 3] }),
      label: await tinyNifti({ values: [0, label] }),
    });
    for (const [i, name] of ["P1_T1", "P1_T2", "bad"].entries()) {
      const body = form(await files(name === "bad" ? 9 : 1, i + 5), { patient: null });
      assert.equal((await call("PUT", at(name), { body })).status, 201);
    }
    assert.deepEqual(await json(call("PUT", at("bad", "/patient"), { json: { patient: "Q" } })), {
      case: "bad",
      patient: "Q",
    });
    const ruled = await json(call("PUT", `/v1/datasets/${id}/patients`, { json: { table: "case,patient\nP1_T1,P1" } }));
    assert.deepEqual(ruled.patients, { count: 3, named: 2, rule: 0, caseName: 2 });

    const wish = { dataset: id, base: { model: "base" }, name: "mine", recipe: { steps: 2 }, skip: "errors" };
    const leftOut = [{ case: "bad", reason: "its label map has values that belong to no label: 9" }];
    const reply = await json(call("POST", "/v1/finetunes", { json: wish }));
    assert.deepEqual(reply.leftOut, leftOut);
    assert.equal(await ended(services, reply.id as string), "succeeded");
    assert.deepEqual((await json(call("GET", `/v1/jobs/${reply.id}`))).leftOut, leftOut);

    const changes = { cases: [{ case: "bad", excluded: "wrong label" }, { case: "P1_T2", delete: true }] };
    const changed = await json(call("POST", `/v1/datasets/${id}/cases`, { json: changes }));
    assert.deepEqual([changed.ready, changed.caseCount], [true, 3]);
    assert.equal((await call("DELETE", at("bad"))).status, 204);
    assert.equal((await json(call("GET", `/v1/datasets/${id}`))).caseCount, 2);
  }));

test("a fine-tune is a job with events and a report, and ends as a candidate", (database) =>
  withBench(database, async (bench) => {
    const { call, services } = bench;
    const dataset = await datasetOf(bench);
    const wish = {
      dataset,
      base: { model: "base" },
      name: "mine",
      recipe: { steps: 3, seed: 1, compareFromScratch: false },
    };
    const reply = await call("POST", "/v1/finetunes", { json: wish });
    const { id } = await reply.json();
    assert.deepEqual([reply.status, reply.headers.get("location")], [202, `/v1/jobs/${id}`]);
    const stream = await call("GET", `/v1/jobs/${id}/events`);
    assert.equal(stream.headers.get("content-type"), "text/event-stream");
    const events = parseEvents(await stream.text());
    assert.deepEqual([...new Set(events.map((e) => e.event))], ["log", "progress", "validation", "done"]);
    const [second] = events.slice(1);
    const rest = await call("GET", `/v1/jobs/${id}/events`, { headers: { "last-event-id": second.id } });
    assert.deepEqual(parseEvents(await rest.text()), events.slice(2));
    const seen = { "last-event-id": events.at(-1)!.id };
    assert.equal((await call("GET", `/v1/jobs/${id}/events`, { headers: seen })).status, 204);

    const job = await json(call("GET", `/v1/jobs/${id}`));
    assert.deepEqual([job.state, job.validation], ["succeeded", { dice: 0.5 }]);
    assert.deepEqual(job.result, { model: "mine", version: 1, provider: "fake", warnings: [FELL_BACK] });
    const { jobs } = await json(call("GET", "/v1/jobs?kind=finetune&limit=5"));
    assert.deepEqual((jobs as { id: string }[]).map((j) => j.id), [id]);
    const report = await call("GET", `/v1/jobs/${id}/report`);
    assert.equal(report.headers.get("content-type"), "application/json");
    await report.body?.cancel();
    const page = await call("GET", `/v1/jobs/${id}/report`, { headers: { accept: "text/html" } });
    assert.equal(page.status, 200);
    assert.match(page.headers.get("content-security-policy")!, /^default-src 'none'; style-src 'unsafe-inline'/);
    await page.body?.cancel();
    assert.equal((await json(call("GET", "/v1/models/mine"))).state, "candidate");

    const slow = { ...wish, recipe: { steps: 1000, learningRate: 0.001, seed: 1 } };
    const { id: second_ } = await json(call("POST", "/v1/finetunes", { json: slow }));
    assert.equal((await call("POST", `/v1/jobs/${second_}/cancel`)).status, 202);
    assert.equal(await ended(services, second_ as string), "cancelled");
  }));

test("a fine-tune is planned without training, and its plan is taken back as a recipe", (database) =>
  withBench(database, async (bench) => {
    const { call, place: { registry } } = bench;
    const dataset = await datasetOf(bench);
    const base = { model: await realEncoder(registry) };
    const recipe = { budgetMinutes: 3, templates: false };
    const plan = await json(call("POST", "/v1/finetunes/plan", { json: { dataset, base, recipe } }));
    const planned = plan.recipe as Record<string, unknown>;
    assert.deepEqual([planned.preset, planned.budgetMinutes, planned.roi], ["auto", 3, [16, 16, 16]]);
    assert.equal((plan.fingerprint as { patients: number }).patients, 1);
    const { seconds, peakBytes } = plan.expected as Record<string, number>;
    assert.ok(seconds <= 180 && peakBytes > 1e6, `${seconds} s, ${peakBytes} bytes`);
    assert.match((plan.reasons as string[]).join("\n"), /No folds: one patient cannot be held out/);
    const edited = { ...planned, seed: 4 };
    const again = await json(call("POST", "/v1/finetunes/plan", { json: { dataset, base, recipe: edited } }));
    assert.deepEqual(again.recipe, edited);
    assert.deepEqual((await json(call("GET", "/v1/jobs"))).jobs, [], "nothing was queued");
  }));

test("a pre-training is a job with events and a report, and ends as a candidate encoder", (database) =>
  withBench(database, async (bench) => {
    const { call } = bench;
    const dataset = await datasetOf(bench);
    const recipe = { preset: "paper", steps: 2, seed: 5, weights: { contrast: 0 }, templates: { start: "mean" } };
    const reply = await call("POST", "/v1/pretrainings", { json: { dataset, name: "encoder", recipe } });
    const { id } = await reply.json();
    assert.deepEqual([reply.status, reply.headers.get("location")], [202, `/v1/jobs/${id}`]);
    const events = parseEvents(await (await call("GET", `/v1/jobs/${id}/events`)).text());
    const progress = events.findLast((e) => e.event === "progress")!.data as { losses: unknown };
    assert.deepEqual(progress.losses, { md: 0.1, cmr: 0.2 });
    const job = await json(call("GET", `/v1/jobs/${id}`));
    assert.deepEqual([job.kind, job.state], ["pretrain", "succeeded"]);
    assert.deepEqual(job.result, { model: "encoder", version: 1, provider: "fake", warnings: [] });
    const page = await call("GET", `/v1/jobs/${id}/report`, { headers: { accept: "text/html" } });
    assert.equal(page.status, 200);
    await page.body?.cancel();
    const { state, manifest } = await json(call("GET", "/v1/models/encoder")) as {
      state: string;
      manifest: { task: string; provenance: { job: string; recipe: unknown; seed: number } };
    };
    assert.deepEqual([state, manifest.task, manifest.provenance.job], ["candidate", "encoder", id]);
    assert.deepEqual([manifest.provenance.recipe, manifest.provenance.seed], [recipe, 5]);
  }));

test("a caller logs in, sees who they are, makes tokens, and shares a data set and a model", async (database) => {
  await using provider = await startProvider();
  const login = { kind: "oidc", oidc: provider.settings } as const;
  await withBench(database, async (bench) => {
    const ada = callWith(bench.call, { cookie: await logIn(bench, "ada-admins-neuro") });
    assert.equal((await json(ada("GET", "/v1/me"))).name, "ada-admins-neuro");
    const made = await ada("POST", "/v1/tokens", { json: { name: "robot", role: "viewer", projects: ["neuro"] } });
    const { id, token } = await made.json();
    assert.deepEqual([made.status, made.headers.get("location")], [201, `/v1/tokens/${id}`]);
    const session = cookieIn(await bench.call("POST", "/login", { json: { token } }), "sulcus-session");
    assert.equal((await json(bench.call("GET", "/v1/me", { headers: { cookie: session } }))).via, "token");
    const [first] = (await json(ada("GET", "/v1/tokens"))).tokens as { name: string; createdBy: string }[];
    assert.deepEqual([first.name, first.createdBy.slice(0, 5)], ["robot", "oidc:"]);
    assert.ok((await json(ada("DELETE", `/v1/tokens/${id}`))).revokedAt);
    const dataset = await datasetOf({ ...bench, call: ada });
    for (const path of [`/v1/datasets/${dataset}/access`, "/v1/models/tumour/access"]) {
      assert.equal((await json(ada("GET", path))).project, null);
      const shared = await json(ada("PUT", path, { json: { with: "project", project: "neuro" } }));
      assert.deepEqual(await json(ada("GET", path)), shared);
      assert.equal(shared.project, "neuro");
    }
    const own = { datasetDays: 365, resultHours: null, storageBytes: 1e9 };
    const set = await json(ada("PUT", "/v1/projects/neuro", { json: own }));
    assert.deepEqual([set.own, (set.policy as { jobDays: null }).jobDays], [own, null]);
    assert.ok(set.usedBytes as number > 0);
    assert.deepEqual(await json(ada("GET", "/v1/projects/neuro")), set);
    assert.deepEqual(await json(ada("GET", "/v1/projects")), { projects: [set] });
    assert.equal((await ada("POST", "/logout")).status, 204);
  }, { settings: { login, publicUrl: PUBLIC_URL } });
});

export function parseEvents(text: string): { id: string; event: string; data: unknown }[] {
  return [...text.matchAll(/^id: (\d+)\nevent: (\w+)\ndata: (.*)\n\n/gm)].map(([, id, event, data]) => ({
    id,
    event,
    data: JSON.parse(data),
  }));
}

Deno.test("every route was answered without a problem in the tests above", () => {
  const served = ROUTES.map((r) => `${r.method} ${r.path}`);
  assert.deepEqual(served.filter((name) => !answered.has(name)), []);
});
