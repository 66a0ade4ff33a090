import assert from "node:assert/strict";
import { readyDataset, streamOf, tinyNifti } from "../datasets/testing/cases.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { type Database, DomainError } from "../storage/mod.ts";
import { Registry } from "../registry/mod.ts";
import { draftOf, makeSource, realEncoder } from "../registry/testing/packages.ts";
import { VolumeError } from "../volume/mod.ts";
import { gateIn, image } from "./testing/fake_tasks.ts";
import { PROBLEM_CODES, problemOf, statusOf } from "./http/problems.ts";
import { createApp } from "./app.ts";
import { CASES, CLASSIFY, NONE, octets, SEGMENT, spec, wish } from "./testing/refusal_cases.ts";
import { ROUTES } from "./routes/routes.ts";
import { ABSENT_PROVIDER, refuseLogins, refuseWithoutProvider } from "./testing/login_refusals.ts";
import {
  callOf,
  ended,
  filesForm,
  form,
  HOST,
  packageZip,
  problem,
  refused,
  withBench,
  zipOf,
} from "./testing/server.ts";
import type { Services } from "./http/services.ts";
import { DEFAULT_LIMITS } from "./settings.ts";

const test = databaseTests();
const DECISION = { approvedBy: "Dr Grey" };

/** Status and code of a reply that is a problem. */
async function refusal(reply: Promise<Response>): Promise<string> {
  const { status, code } = await problem(await reply);
  return `${status} ${code}`;
}

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

test("405 lists the methods, busy says when to try again", (database) =>
  withBench(database, async ({ call, place }) => {
    assert.equal((await call("PUT", "/v1/jobs")).headers.get("allow"), "GET, HEAD");
    assert.equal((await call("GET", "/v1/finetunes")).headers.get("allow"), "POST");
    const gate = gateIn(place.dataDirectory);
    const first = call("POST", SEGMENT, { body: form({ t1: gate.image }) });
    await gate.begun();
    const second = await call("POST", SEGMENT, { body: form({ t1: image() }) });
    assert.deepEqual([second.status, second.headers.get("retry-after")], [503, "10"]);
    assert.equal((await problem(second)).code, "busy");
    assert.equal((await problem(await call("POST", CLASSIFY, { body: form({ t1: image() }) }))).code, "busy");
    await gate.open();
    assert.equal((await first).status, 200);
  }, { jobs: { bounds: { waiting: 0 } } }));

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
    assert.deepEqual(await put("label", octets(0x1f, 0x8b, 8, 0, 0)).then((p) => [p.status, p.code]), [
      422,
      "invalid-volume",
    ]);
    for (const role of ["t1", "label"]) {
      const long = await call("PUT", `/v1/datasets/${id}/cases/${"x".repeat(300)}/${role}`, {
        body: await tinyNifti(),
      });
      assert.equal((await problem(long)).code, "invalid-request");
    }
    const reply = await call("PUT", `/v1/datasets/${id}/cases/a/class`, { json: { class: "HGG" } });
    assert.equal((await problem(reply)).code, "invalid-request");
    assert.deepEqual((await datasets.get(id)).cases, []);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);

    const whole = async (body: BodyInit, name = "a", headers?: HeadersInit) =>
      await refusal(call("PUT", `/v1/datasets/${id}/cases/${name}`, { body, headers }));
    const t1 = await tinyNifti();
    assert.equal(await whole(form({})), "400 invalid-request");
    assert.equal(await whole(form({ t1 }), "x".repeat(300)), "400 invalid-request");
    assert.equal(await whole(form({ t1, t2: t1 })), "422 unknown-modality");
    assert.equal(await whole(form({ t1, label: octets(0x1f, 0x8b, 8, 0, 0) })), "422 invalid-volume");
    assert.equal(await whole(form({ t1: octets(0xff, 0xd8, 0xff, 0xe0) })), "415 unsupported-media-type");
    assert.equal(await whole("a=b", "a", { "content-type": "multipart/form-data" }), "400 invalid-multipart");
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);
    const change = async (method: string, path: string, json: unknown) =>
      await refusal(call(method, `/v1/datasets/${id}/${path}`, { json }));
    await datasets.putFile(id, "a", "t1", streamOf(t1));
    assert.equal(await change("PUT", "patients", { rule: "^(b)" }), "422 invalid-dataset");
    assert.equal(await change("PUT", "patients", { rule: "^(a+)+" }), "400 invalid-request");
    assert.equal(await change("POST", "cases", { cases: [{ case: "b", excluded: "x" }] }), "404 not-found");
    assert.equal(await change("PUT", "cases/b/patient", { patient: "P" }), "404 not-found");
    assert.equal(await refusal(call("DELETE", `/v1/datasets/${id}/cases/b`)), "404 not-found");
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
    const tooLarge = async (reply: Promise<Response>) => assert.equal(await refusal(reply), "413 too-large");
    const chunked = () => new ReadableStream({ start: (c) => (c.enqueue(big), c.close()) });
    const path = `/v1/datasets/${id}/cases/a/t1`;
    await tooLarge(call("PUT", path, { body: big, headers: { "content-length": "3000" } }));
    await tooLarge(call("PUT", path, { body: chunked() }));
    await tooLarge(call("PUT", `/v1/datasets/${id}/cases/a/label`, { body: chunked() }));
    await tooLarge(call("PUT", `/v1/datasets/${id}/cases/a`, { body: form({ t1: big }) }));
    await tooLarge(call("POST", SEGMENT, { body: form({ t1: new Uint8Array([0x5c, 1, 0, 0, ...big]) }) }));
    await tooLarge(call("POST", CLASSIFY, { body: form({ t1: new Uint8Array([0x5c, 1, 0, 0, ...big]) }) }));
    await tooLarge(call("POST", SEGMENT, { body: form({ t1: image(), t2: image(), flair: new Uint8Array(5000) }) }));
    await tooLarge(call("POST", "/v1/datasets", { json: { ...spec, name: "x".repeat(3000) } }));
    const archive = zipOf({ "a.txt": "x".repeat(3000) });
    await tooLarge(call("POST", "/v1/datasets/import", { body: archive }));
    await tooLarge(call("POST", "/v1/models", { body: archive }));
    await tooLarge(call("POST", "/v1/models/import?name=a", { body: archive }));
    await tooLarge(call("POST", "/v1/models/inspect", { body: filesForm({ "a.onnx": archive }) }));
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
    const job = await call("POST", SEGMENT, { body: form({ t1: image() }), headers: { prefer: "respond-async" } });
    const { id } = await job.json();
    assert.equal(await ended(services, id), "succeeded");
    assert.equal(await refusal(call("POST", `/v1/jobs/${id}/cancel`)), "409 job-finished");
    assert.equal(await refusal(call("GET", `/v1/jobs/${id}/report`)), "404 not-found");
    await Deno.remove(await place.dataDirectory + `/results/${id}.nii.gz`);
    assert.equal(await refusal(call("GET", `/v1/jobs/${id}/mask`)), "410 gone");

    const dataset = await readyDataset(place.datasets);
    const recipe = { steps: 1000, learningRate: 0.001, seed: 1 };
    const training = await call("POST", "/v1/finetunes", { json: wish({ dataset, recipe }) });
    const { id: running } = await training.json();
    assert.equal(await refusal(call("DELETE", `/v1/datasets/${dataset}`)), "409 dataset-in-use");
    for (const role of ["t1", "label"]) {
      const path = `/v1/datasets/${dataset}/cases/a/${role}`;
      assert.equal(await refusal(call("PUT", path, { body: await tinyNifti() })), "409 dataset-in-use");
    }
    const inUse = async (method: string, path: string, init: Parameters<typeof call>[2]) =>
      assert.equal(await refusal(call(method, `/v1/datasets/${dataset}/${path}`, init)), "409 dataset-in-use");
    await inUse("PUT", "cases/a", { body: form({ t1: await tinyNifti() }) });
    await inUse("PUT", "cases/a/patient", { json: { patient: "P" } });
    await inUse("POST", "cases", { json: { cases: [{ case: "a", delete: true }] } });
    await inUse("PUT", "patients", { json: { rule: "^(M)" } });
    await inUse("DELETE", "cases/a", {});
    assert.equal(await refusal(call("GET", `/v1/jobs/${running}/report`)), "404 not-found");
    await call("POST", `/v1/jobs/${running}/cancel`);
    assert.equal(await ended(services, running), "cancelled");
    const empty = await (await call("POST", "/v1/datasets", { json: spec })).json();
    assert.equal(
      await refusal(call("POST", "/v1/finetunes", { json: wish({ dataset: empty.id }) })),
      "422 incomplete-dataset",
    );
    assert.equal(
      await refusal(call("POST", "/v1/finetunes", { json: wish({ dataset, base: { model: "none" } }) })),
      "404 not-found",
    );
    const pretrain = (changes: Record<string, unknown>) =>
      refusal(call("POST", "/v1/pretrainings", { json: { dataset, name: "mine", ...changes } }));
    assert.equal(await pretrain({ dataset: NONE }), "404 not-found");
    assert.equal(await pretrain({ dataset: empty.id }), "422 incomplete-dataset");
    assert.equal(await pretrain({ name: "tumour" }), "422 wrong-task");
    assert.equal(await pretrain({ recipe: { mask: { blockVox: 7 } } }), "422 invalid-recipe");
  }));

test("a model is refused that is there already, not served, or not what its manifest says", (database) =>
  withBench(database, async ({ call, services, place: { registry, dataDirectory } }) => {
    const sent = async (path: string, body: Uint8Array<ArrayBuffer>) => await refusal(call("POST", path, { body }));
    assert.equal(await sent("/v1/models", await packageZip("tumour", 1)), "409 version-exists");
    assert.equal(await sent("/v1/models", await packageZip("tumour", 2, "changed")), "422 invalid-package");

    const source = await makeSource();
    const classification = { task: "classification" as const, labels: [], classes: ["a", "b"] };
    const candidates = [draftOf({ name: "new" }), draftOf({ name: "kinds", ...classification }), draftOf()];
    for (const draft of candidates) await registry.addCandidate(draft, source);
    await Deno.remove(source, { recursive: true });
    const body = form({ t1: image() });
    assert.equal(await refusal(call("POST", "/v1/models/new/segment", { body })), "409 model-not-served");
    assert.equal(await refusal(call("POST", "/v1/models/kinds/classify", { body })), "409 model-not-served");
    assert.equal(await refusal(call("POST", "/v1/models/new/rollback", { json: DECISION })), "409 model-not-served");

    const network = (name: string, version: number) => `${dataDirectory}/models/${name}/${version}/network.onnx`;
    for (const [name, version] of [["tumour", 2], ["grade", 1]] as const) {
      await Deno.writeTextFile(network(name, version), "changed");
    }
    const second = "/v1/models/tumour/versions/2";
    assert.equal(await refusal(call("POST", `${second}/approve`, { json: DECISION })), "500 package-tampered");
    assert.equal(await refusal(call("GET", `${second}/package`)), "500 package-tampered");
    const names = { json: { features: ["a"] } };
    assert.equal(await refusal(call("POST", `${second}/features`, names)), "500 package-tampered");
    assert.equal(await refusal(call("POST", CLASSIFY, { body })), "500 package-tampered");
    await Deno.writeTextFile(network("tumour", 2), "network bytes");
    assert.equal((await call("POST", `${second}/approve`, { json: DECISION })).status, 200);
    await Deno.writeTextFile(network("tumour", 1), "changed");
    const back = call("POST", "/v1/models/tumour/rollback", { json: DECISION });
    assert.equal(await refusal(back), "500 package-tampered");
    await Deno.writeTextFile(network("tumour", 2), "changed");
    assert.equal(await refusal(call("POST", SEGMENT, { body })), "500 package-tampered");

    await Deno.remove(network("new", 1));
    const restarted = callOf({ ...services, registry: await Registry.open({ database, dataDirectory }) });
    assert.equal(await refusal(restarted("GET", "/v1/models/new/versions/1")), "422 invalid-package");
  }));

test("a roll-back is refused when another version was approved meanwhile", (database) =>
  withBench(database, async ({ services, place: { registry, dataDirectory } }) => {
    const source = await makeSource();
    for (const _ of [2, 3]) await registry.addCandidate(draftOf(), source);
    await Deno.remove(source, { recursive: true });
    await registry.approve("tumour", 2, DECISION);
    const meanwhile: (() => Promise<unknown>)[] = [];
    const transaction: Database["transaction"] = async (work) => {
      for (const happens of meanwhile) await happens();
      return await database.transaction(work);
    };
    const slow = await Registry.open({ database: { ...database, transaction }, dataDirectory });
    meanwhile.push(() => registry.approve("tumour", 3, DECISION));
    const back = callOf({ ...services, registry: slow })("POST", "/v1/models/tumour/rollback", { json: DECISION });
    assert.equal(await refusal(back), "409 conflict");
    assert.equal((await registry.get("tumour")).servedVersion, 3);
  }));

test("a segmentation and a classification are stopped after their time", (database) =>
  withBench(database, async ({ call }) => {
    const body = form({ t1: image({ ms: 60_000 }) });
    for (const path of [SEGMENT, CLASSIFY]) assert.equal(await refusal(call("POST", path, { body })), "504 timeout");
    assert.equal((await call("POST", SEGMENT, { body: form({ t1: image() }) })).status, 200, "the next one is served");
  }, { jobs: { inferenceTimeoutMs: 1500 } }));

test("a fine-tune is refused whose base, task or recipe cannot be used", (database) =>
  withBench(database, async ({ call, place: { datasets, registry, dataDirectory }, services }) => {
    const dataset = await readyDataset(datasets);
    const source = await makeSource();
    await registry.addCandidate(draftOf({ name: "new", task: "encoder", labels: [] }), source);
    const finetune = (changes: Record<string, unknown>) =>
      refusal(call("POST", "/v1/finetunes", { json: wish({ dataset, ...changes }) }));
    assert.equal(await finetune({ base: { model: "new" } }), "409 model-not-served");
    assert.equal(await finetune({ base: { model: "grade" } }), "422 wrong-task");
    assert.equal(await finetune({ name: "grade" }), "422 wrong-task");
    const planned = (changes: Record<string, unknown>) =>
      refusal(call("POST", "/v1/finetunes/plan", { json: { dataset, base: { model: "new" }, ...changes } }));
    assert.equal(await planned({}), "409 model-not-served");
    assert.equal(await planned({ dataset: NONE }), "404 not-found");
    assert.equal(await planned({ base: { model: "grade" } }), "422 wrong-task");
    const empty = await (await call("POST", "/v1/datasets", { json: spec })).json();
    assert.equal(await planned({ dataset: empty.id }), "422 incomplete-dataset");
    const real = { base: { model: await realEncoder(registry) } };
    assert.equal(await planned({ ...real, recipe: { steps: 10, warmupSteps: 10 } }), "422 invalid-recipe");
    const damaged = await readyDataset(datasets);
    const { cases: [{ images }] } = await datasets.trainingCases(damaged);
    for (const path of Object.values(images)) await Deno.writeTextFile(path, "no volume");
    assert.equal(await planned({ ...real, dataset: damaged }), "422 invalid-data");
    await Deno.copyFile("tests/fixtures/pyramid_folded.onnx", `${source}/network.onnx`);
    const foreign = await registry.addCandidate(
      draftOf({
        name: "foreign",
        task: "encoder",
        labels: [],
        modalities: ["t1", "t1c", "t2", "flair"],
        architecture: { kind: "onnx", config: { features: ["coarse"] } },
      }),
      source,
    );
    const other = { dataset, base: { model: "foreign", version: foreign.version } };
    const reply = call("POST", "/v1/finetunes", { json: wish(other) });
    assert.match((await (await reply).clone().json()).detail, /its network comes from a file for 4 modalities/);
    assert.equal(await refusal(reply), "422 invalid-recipe");
    await Deno.remove(`${source}/templates`, { recursive: true });
    const { version } = await registry.addCandidate(draftOf({ name: "new", task: "encoder", labels: [] }), source);
    await registry.approve("new", version, DECISION);
    const base = { model: "new" };
    assert.equal(await finetune({ base, recipe: { templates: true } }), "422 invalid-recipe");

    const { id } = await (await call("POST", "/v1/finetunes", { json: wish({ dataset, base }) })).json();
    assert.equal(await ended(services, id), "succeeded");
    await Deno.remove(`${dataDirectory}/reports/${id}`, { recursive: true });
    assert.equal(await refusal(call("GET", `/v1/jobs/${id}/report`)), "410 gone");
    await Deno.remove(source, { recursive: true });
  }));

test("a project that is full takes no files, models, trainings or shares, and nothing of them stays", (database) =>
  withBench(database, async ({ call, services, place: { datasets, registry, dataDirectory } }) => {
    const [id, other] = [await readyDataset(datasets), await readyDataset(datasets)];
    await database.query("UPDATE sulcus.datasets SET project = 'neuro' WHERE id = $1", [id]);
    await database.query(
      "INSERT INTO sulcus.model_owners (name, project) SELECT unnest('{tumour,mine,cnn}'::text[]), 'neuro'",
    );
    const full = async (reply: Promise<Response>) => {
      const { status, code, detail } = await problem(await reply);
      assert.deepEqual([status, code], [409, "project-full"], detail);
      assert.match(detail, /uses? \d+ bytes of the project, and \d+ may be used/);
    };
    const share = { json: { with: "project", project: "neuro" } };
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    const cnn = "/v1/models/import?name=cnn&roi=32&features=coarse&modalities=t1,t1c,t2,flair";
    assert.equal((await call("POST", cnn, { body: network })).status, 201);
    const versions = async () =>
      (await registry.list()).flatMap((m) => m.versions.map(({ version }) => `${m.name}/${version}`));
    const [before, files] = [await versions(), filesBelow(`${dataDirectory}/datasets`).length];

    const { usedBytes } = await services.projects.get("neuro");
    await services.projects.put("neuro", { storageBytes: usedBytes });
    const t1 = await tinyNifti();
    const archive = zipOf({ "a.txt": "never read" });
    await full(call("POST", "/v1/datasets", { json: { ...spec, project: "neuro" } }));
    await full(call("POST", "/v1/datasets/import?project=neuro", { body: archive }));
    await full(call("POST", "/v1/models?project=neuro", { body: archive }));
    await full(call("POST", `${cnn.replace("=cnn", "=other")}&project=neuro`, { body: network }));
    await full(call("PUT", `/v1/datasets/${other}/access`, share));
    await full(call("PUT", "/v1/models/grade/access", share));
    await full(call("POST", "/v1/models", { body: await packageZip("tumour", 9) }));
    await full(call("POST", cnn, { body: network }));
    await full(call("POST", "/v1/models/cnn/versions/1/features", { json: { features: ["auto"] } }));
    for (const role of ["t1", "label"]) await full(call("PUT", `/v1/datasets/${id}/cases/new/${role}`, { body: t1 }));
    await full(call("PUT", `/v1/datasets/${id}/cases/new`, { body: form({ t1 }) }));
    await full(call("POST", "/v1/finetunes", { json: wish({ dataset: id }) }));
    await full(call("POST", "/v1/pretrainings", { json: { dataset: id, name: "mine" } }));
    assert.deepEqual(await versions(), before);
    assert.equal(filesBelow(`${dataDirectory}/datasets`).length, files);
    assert.equal((await datasets.get(id)).cases.some((one) => one.case === "new"), false);
    const { rows } = await database.query("SELECT 1 FROM sulcus.datasets WHERE id = $1 AND project IS NULL", [other]);
    assert.equal(rows.length, 1);
    await services.projects.put("neuro", {});
    assert.equal((await call("PUT", `/v1/datasets/${id}/cases/new/t1`, { body: t1 })).status, 201);
  }));

test("a model is not imported for a project where others have one of this name, and nothing of it stays", (database) =>
  withBench(database, async ({ call, place: { registry } }) => {
    const cnn = "/v1/models/import?name=tumour&roi=32&features=coarse&modalities=t1,t1c,t2,flair&project=neuro";
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    assert.equal(await refusal(call("POST", cnn, { body: network })), "409 conflict");
    const body = await packageZip("tumour", 9);
    assert.equal(await refusal(call("POST", "/v1/models?project=neuro", { body })), "409 conflict");
    assert.deepEqual((await registry.get("tumour")).versions.map(({ version }) => version), [1]);
    assert.equal((await call("POST", "/v1/models", { body })).status, 201, "its number is free");
  }));

test("weights are refused whose labels make no manifest", (database) =>
  withBench(database, async ({ call }) => {
    const body = await Deno.readFile("tests/fixtures/checkpoints/pretraining.pt");
    const path = "/v1/models/import?name=a&roi=16&modalities=t1&labels=one=1,other=1";
    assert.equal(await refusal(call("POST", path, { body })), "422 invalid-manifest");
    const network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    const query = "name=cnn&roi=32&features=coarse&modalities=t1,t1c,t2,flair";
    assert.equal((await call("POST", `/v1/models/import?${query}`, { body: network })).status, 201);
    const rough = call("POST", "/v1/models/cnn/versions/1/features", { json: { features: ["rough"] } });
    assert.equal(await refusal(rough), "422 invalid-weights");
  }));

test("an archive with a damaged volume is refused whole; a class is not set while a job uses its data set", (database) =>
  withBench(database, async ({ call, place: { datasets } }) => {
    const { task, modalities, classes } = {
      task: "classification",
      modalities: ["t1"],
      classes: ["HGG", "LGG"],
    } as const;
    const archive = zipOf({
      "dataset.json": JSON.stringify({ name: "Grades", task, modalities, classes }),
      "cases/a/t1.nii.gz": octets(0x1f, 0x8b, 8, 0, 0),
    });
    assert.equal(await refusal(call("POST", "/v1/datasets/import", { body: archive })), "422 invalid-volume");
    assert.deepEqual(await datasets.list(), []);

    const { id } = await datasets.create({ name: "Grades", task, modalities, classes });
    for (const [name, value] of [["a", "HGG"], ["b", "LGG"]]) {
      await datasets.putFile(id, name, "t1", streamOf(await tinyNifti()));
      await datasets.putClass(id, name, { class: value });
    }
    const recipe = { steps: 1000, learningRate: 0.001, seed: 1 };
    const job = await call("POST", "/v1/finetunes", { json: wish({ dataset: id, recipe }) });
    assert.equal(job.status, 202);
    const path = `/v1/datasets/${id}/cases/a/class`;
    assert.equal(await refusal(call("PUT", path, { json: { class: "LGG" } })), "409 dataset-in-use");
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

test("logins, tokens and what others have are refused with their codes", async (database) => {
  await withBench(database, refuseWithoutProvider);
  const login = { kind: "oidc", oidc: ABSENT_PROVIDER } as const;
  await withBench(database, refuseLogins, { settings: { login, publicUrl: HOST } });
});

test("requests from other sites and under other names are refused", (database) =>
  withBench(database, async ({ call, services }) => {
    const cross = async (headers: HeadersInit) => {
      const reply = await call("POST", "/v1/datasets", { json: spec, headers });
      return reply.ok ? reply.status : await refusal(Promise.resolve(reply));
    };
    assert.equal(await cross({ "sec-fetch-site": "cross-site" }), "403 cross-origin");
    assert.equal(await cross({ "sec-fetch-site": "same-site" }), "403 cross-origin");
    assert.equal(await cross({ origin: "https://evil.example" }), "403 cross-origin");
    assert.equal(await cross({ origin: "null" }), "403 cross-origin");
    assert.equal(await cross({ origin: "http://localhost:3000" }), "403 cross-origin");
    assert.equal(await cross({ "sec-fetch-site": "same-origin" }), 201);
    assert.equal(await cross({ origin: "http://127.0.0.1:8080" }), 201);
    const rebound = await createApp(services).request("http://evil.example:8080/v1/models");
    assert.deepEqual([rebound.status, (await rebound.json()).code], [421, "unknown-host"]);
    const remote = async (path: string, changes: Partial<Services["settings"]>) => {
      const settings = { ...services.settings, host: "0.0.0.0", ...changes };
      const reply = await createApp({ ...services, settings }).request(path);
      await reply.body?.cancel();
      return reply.status;
    };
    const named = { allowedHosts: ["sulcus.example.org"], login: { kind: "token" } } as const;
    assert.equal(await remote("http://evil.example/v1/models", named), 421);
    assert.equal(await remote("http://evil.example/v1/models", { ...named, insecure: true }), 421);
    assert.equal(await remote("http://evil.example/", named), 421);
    assert.equal(await remote("http://sulcus.example.org/v1/models", named), 200);
    assert.equal(await remote("http://page.example.org/version", { publicUrl: "https://page.example.org" }), 200);
    assert.equal(await remote("http://10.1.2.3/health/live", named), 200);
    assert.equal(
      await remote("http://evil.example/v1/models", { insecure: true }),
      200,
      "the operator gave up on names",
    );
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
  const full = problemOf(Object.assign(new Error("ENOSPC: no space, write '/data/x'"), { code: "ENOSPC" }));
  assert.deepEqual([full.code, full.status], ["storage-full", 507]);
  assert.doesNotMatch(full.message, /data/);
  for (const code of ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM"]) {
    const short = problemOf(Object.assign(new Error(`${code}: spawn '/usr/bin/deno'`), { code }));
    assert.deepEqual([short.code, short.status, /deno/.test(short.message)], ["busy", 503, false], code);
  }
});

Deno.test("every refusal in a route's record was given in the tests above", () => {
  const listed = ROUTES.flatMap(({ method, path, refusals }) => refusals.map((code) => `${method} ${path} ${code}`));
  assert.deepEqual(listed.filter((refusal) => !refused.has(refusal)), []);
});
