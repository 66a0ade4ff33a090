import assert from "node:assert/strict";
import type { Database } from "../storage/mod.ts";
import { DEFAULT_POLICY, Projects } from "../identity/mod.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { refusal } from "../storage/testing/refusal.ts";
import { BEHAVIOUR, FELL_BACK, type Trace } from "./testing/fake_tasks.ts";
import type { Jobs } from "./jobs.ts";
import { readyDataset, streamOf, tinyNifti } from "../datasets/testing/cases.ts";
import { withWorkplace } from "./testing/jobs.ts";
import type { FinetuneInput } from "./kinds/finetune.ts";
import type { JobRecord } from "./queue/rows.ts";
import type { JobEvent } from "./types.ts";

const test = databaseTests();

function wish(dataset: string, recipe: Partial<FinetuneInput["recipe"]> = {}): FinetuneInput {
  return { dataset, base: { model: "base" }, name: "mine", recipe: { preset: "edge", ...recipe } };
}

/** Follows a job to its end. */
async function endOf(jobs: Jobs, id: string): Promise<{ record: JobRecord; events: JobEvent[] }> {
  const events = await Array.fromAsync(jobs.events(id, { signal: AbortSignal.timeout(30_000) }));
  return { record: await jobs.get(id), events };
}

/** Waits for a job to reach a step. */
async function reached(jobs: Jobs, id: string, step: number): Promise<void> {
  for await (const { type, data } of jobs.events(id, { signal: AbortSignal.timeout(30_000) })) {
    if (type === "progress" && Number(data.step) >= step) return;
  }
  throw new Error(`The job ended before step ${step}`);
}

/** Looks until a state of the database or of files is there that no event announces. */
async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 20_000; !await check();) {
    if (Date.now() > end) throw new Error(`Gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const NOTHING = { rows: [], folders: [], results: [] };

/** Rows and files of jobs. */
async function remains(database: Database, dataDirectory: string) {
  const namesIn = (folder: string) => [...Deno.readDirSync(`${dataDirectory}/${folder}`)].map(({ name }) => name);
  const { rows } = await database.query("SELECT id FROM sulcus.jobs");
  return { rows, folders: namesIn("jobs"), results: namesIn("results") };
}

test("a fine-tune is queued, runs, reports its progress and ends as a candidate", (database) =>
  withWorkplace(database, async ({ registry, datasets, open }) => {
    const jobs = await open();
    const dataset = await readyDataset(datasets);
    const queued = await jobs.submit("finetune", wish(dataset, { steps: 4, seed: BEHAVIOUR.normal }));
    assert.deepEqual([queued.kind, queued.state, queued.progress], ["finetune", "queued", undefined]);
    const { record, events } = await endOf(jobs, queued.id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    assert.deepEqual(record.result, { model: "mine", version: 1, provider: "fake", warnings: [FELL_BACK] });
    assert.deepEqual(record.validation, { dice: 0.5 });
    assert.equal(record.progress?.step, 4);
    assert.ok(record.createdAt <= record.startedAt! && record.startedAt! <= record.finishedAt!);

    const { manifest, state } = await registry.version("mine", 1);
    const { detail } = await datasets.trainingCases(dataset);
    assert.equal(state, "candidate");
    assert.deepEqual(manifest.labels, detail.labels);
    const { provenance } = manifest;
    assert.deepEqual(
      [provenance.baseModel, provenance.baseVersion, provenance.datasetHash, provenance.job, provenance.seed],
      ["base", 1, detail.hash, queued.id, BEHAVIOUR.normal],
    );
    assert.deepEqual(Object.keys(provenance.software), ["sulcus", "deno", "onnxruntime", "provider"]);
    assert.deepEqual(provenance.warnings, [FELL_BACK], "whoever approves it must see them");

    assert.deepEqual(events.filter((e) => e.type !== "progress").map((e) => e.type), ["log", "validation", "done"]);
    assert.deepEqual(events.findLast((e) => e.type === "progress")?.data.step, 4);
    assert.deepEqual(events.at(-1)?.data.result, record.result);
    assert.match(await Deno.readTextFile(await jobs.reportFile(queued.id, "json")), /"step":4/);
    await assert.rejects(jobs.reportFile(queued.id, "html"), refusal("gone", /the report: it is not kept/));
  }));

test("a pre-training needs no labels, ends as a candidate encoder, and is made by its job once", (database) =>
  withWorkplace(database, async ({ registry, datasets, open }) => {
    const jobs = await open();
    const { id: dataset } = await datasets.create({
      name: "Scans",
      task: "segmentation",
      modalities: ["t1", "flair"],
      labels: [{ name: "lesion", values: [1] }],
    });
    const wanted = { dataset, name: "encoder" };
    await assert.rejects(
      jobs.submit("pretrain", wanted),
      refusal("incomplete-dataset", /^Cannot pre-train on the data set: no case has an image$/),
    );
    const unnamed = { name: "Any", task: "classification", modalities: ["any"], classes: ["t1", "t2"] } as const;
    await assert.rejects(
      jobs.submit("pretrain", { ...wanted, dataset: (await datasets.create(unnamed)).id }),
      refusal("incomplete-dataset", /it does not say of which modality its images are$/),
    );
    await datasets.putFile(dataset, "one", "t1", streamOf(await tinyNifti()));
    const queued = await jobs.submit("pretrain", wanted);
    assert.deepEqual([queued.kind, queued.state], ["pretrain", "queued"]);
    const { record, events } = await endOf(jobs, queued.id);
    assert.deepEqual([record.state, record.result], ["succeeded", {
      model: "encoder",
      version: 1,
      provider: "fake",
      warnings: [],
    }]);
    assert.deepEqual(events.findLast((e) => e.type === "progress")?.data.losses, { md: 0.1, cmr: 0.2 });
    assert.equal(await Deno.readTextFile(await jobs.reportFile(queued.id, "json")), '{"cases":1}');
    const { manifest: { task, provenance }, state } = await registry.version("encoder", 1);
    assert.deepEqual([state, task, provenance.job, provenance.baseModel], [
      "candidate",
      "encoder",
      queued.id,
      undefined,
    ]);
    assert.deepEqual([provenance.datasetHash, provenance.metrics], [(await datasets.get(dataset)).hash, { md: 0.1 }]);

    const failing = await jobs.submit("pretrain", { ...wanted, recipe: { preset: "edge", seed: BEHAVIOUR.diverges } });
    assert.equal((await endOf(jobs, failing.id)).record.error?.code, "diverged");
    await assert.rejects(jobs.submit("pretrain", { ...wanted, name: "tumour" }), refusal("wrong-task", /segmentation/));
    await assert.rejects(
      jobs.submit("pretrain", { ...wanted, recipe: { preset: "edge", roi: [20, 20, 20] } }),
      refusal("invalid-recipe", /recipe\.roi to be three multiples of 16/),
    );
  }));

test("events() resumes after any event, also when the job has ended", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open();
    const { id } = await jobs.submit("finetune", wish(await readyDataset(datasets)));
    const { events } = await endOf(jobs, id);
    for (let i = 0; i < events.length; i++) {
      const rest = await Array.fromAsync(jobs.events(id, { after: events[i].id }));
      assert.deepEqual(rest, events.slice(i + 1), `after event ${i}`);
    }
    assert.deepEqual(await Array.fromAsync(jobs.events(id, { after: "nonsense" })), events);
    await assert.rejects(
      Array.fromAsync(jobs.events(crypto.randomUUID())),
      refusal("not-found", /^Cannot find this job: `GET \/v1\/jobs` lists/),
    );
    await assert.rejects(jobs.get("../etc"), refusal("not-found", /^Cannot find this job: `GET \/v1\/jobs` lists/));
  }));

test("a job that fails reports a code, and nothing of the message of an unforeseen error", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open();
    const dataset = await readyDataset(datasets);
    const diverged = await jobs.submit("finetune", wish(dataset, { seed: BEHAVIOUR.diverges }));
    const { record, events } = await endOf(jobs, diverged.id);
    const error = { code: "diverged", message: "The loss is no number" };
    assert.deepEqual([record.state, record.error], ["failed", error]);
    assert.deepEqual(events.at(-1)?.data, { state: "failed", error });
    await assert.rejects(jobs.reportFile(diverged.id, "json"), refusal("not-found", /Cannot show a report/));

    const unforeseen = await jobs.submit("finetune", wish(dataset, { seed: BEHAVIOUR.unforeseen }));
    assert.deepEqual((await endOf(jobs, unforeseen.id)).record.error, {
      code: "internal",
      message: "The training process failed: an unforeseen error",
    });
  }));

test("a training whose process crashes resumes from its checkpoint; one that always crashes is given up", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open();
    const dataset = await readyDataset(datasets);
    const once = await jobs.submit("finetune", wish(dataset, { seed: BEHAVIOUR.crashesOnce }));
    const { record, events } = await endOf(jobs, once.id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    const trace: Trace[] = JSON.parse(await Deno.readTextFile(await jobs.reportFile(once.id, "json")));
    assert.deepEqual(trace.map((t) => t.step), [1, 2, 3, 4, 5]);
    assert.equal(new Set(trace.map((t) => t.pid)).size, 2);
    const note = /process ended unexpectedly with signal SIGKILL.*; the job resumes from its last checkpoint/;
    assert.ok(events.some((e) => e.type === "log" && note.test(String(e.data.message))), JSON.stringify(events));
    assert.ok((await jobs.stats()).workerRestarts >= 1);

    const always = await jobs.submit("finetune", wish(dataset, { seed: BEHAVIOUR.crashesAlways }));
    const given = (await endOf(jobs, always.id)).record;
    assert.deepEqual([given.state, given.error?.code], ["failed", "crashed"]);
  }));

test("cancel() ends queued and running jobs and keeps the checkpoint of a training", (database) =>
  withWorkplace(database, async ({ datasets, dataDirectory, open }) => {
    const jobs = await open();
    const dataset = await readyDataset(datasets);
    const running = await jobs.submit("finetune", wish(dataset, { steps: 1000, learningRate: 0.02 }));
    const queued = await jobs.submit("finetune", wish(dataset));
    await reached(jobs, running.id, 2);
    assert.equal((await jobs.get(queued.id)).state, "queued", "one training at a time");
    assert.equal((await jobs.cancel(queued.id)).state, "cancelled");
    await jobs.cancel(running.id);
    for (const id of [running.id, queued.id]) {
      const { record, events } = await endOf(jobs, id);
      assert.deepEqual([record.state, record.error], ["cancelled", undefined]);
      assert.deepEqual(events.at(-1)?.data, { state: "cancelled" });
      await assert.rejects(jobs.cancel(id), refusal("job-finished", /Cannot cancel this finetune job/));
    }
    const kept: Trace[] = JSON.parse(
      await Deno.readTextFile(`${dataDirectory}/jobs/${running.id}/work/checkpoint.json`),
    );
    assert.ok(kept.length >= 2);
    await assert.rejects(jobs.cancel(crypto.randomUUID()), refusal("not-found", /this job/));
  }));

test("a job whose end was asked for before it began ends without an answer", (database) =>
  withWorkplace(database, async ({ open, image }) => {
    const first = await open({ work: false });
    const { id } = await first.submit("segment", { model: "tumour", images: await image({ ms: 60_000 }) });
    await database.query("UPDATE sulcus.jobs SET cancel_requested = true"); // as a runner leaves it that stops just then
    const { record } = await endOf(await open(), id);
    assert.deepEqual([record.state, record.result], ["cancelled", undefined]);
  }));

test("cancel() kills a worker that does not listen", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open({ stopGraceMs: 200 });
    const { id } = await jobs.submit(
      "finetune",
      wish(await readyDataset(datasets), { steps: 1000, learningRate: 0.02, seed: BEHAVIOUR.deaf }),
    );
    await reached(jobs, id, 1);
    await jobs.cancel(id);
    assert.equal((await endOf(jobs, id)).record.state, "cancelled");
  }));

test("stop() puts a running training back; the next start finishes it from its checkpoint", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const first = await open();
    const { id } = await first.submit(
      "finetune",
      wish(await readyDataset(datasets), { steps: 40, learningRate: 0.05 }),
    );
    await reached(first, id, 2);
    await first.stop();
    const stopped = await first.get(id);
    assert.equal(stopped.state, "queued");
    const second = await open();
    const { record } = await endOf(second, id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    assert.equal(record.startedAt, stopped.startedAt);
    const trace: Trace[] = JSON.parse(await Deno.readTextFile(await second.reportFile(id, "json")));
    assert.deepEqual(trace.map((t) => t.step), Array.from({ length: 40 }, (_, i) => i + 1));
    assert.equal(new Set(trace.map((t) => t.pid)).size, 2);
  }));

test("submit() refuses what cannot be trained, by code", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open({ work: false });
    const dataset = await readyDataset(datasets);
    const refuse = (change: Partial<FinetuneInput>, code: string, message: RegExp) =>
      assert.rejects(jobs.submit("finetune", { ...wish(dataset), ...change }), refusal(code, message));
    await refuse({ name: "../x" }, "invalid-name", /expected 1 to 64 of a-z/);
    await refuse({ dataset: crypto.randomUUID() }, "not-found", /this data set/);
    await refuse({ base: { model: "none" } }, "not-found", /this model/);
    await refuse({ base: { model: "base", version: 9 } }, "not-found", /this version/);
    await refuse({ base: { model: "grade" } }, "wrong-task", /base model is for classification/);
    await refuse({ name: "grade" }, "wrong-task", /Cannot add a version to grade/);
    const keepHead = { ...wish(dataset).recipe!, keepHead: true };
    await assert.rejects(jobs.submit("finetune", { ...wish(dataset), recipe: keepHead }), {
      code: "invalid-recipe",
      message: "Cannot keep the head of base: it is an encoder and has none; fine-tune without keepHead",
    });
    const empty = await datasets.create({
      name: "e",
      task: "segmentation",
      modalities: ["t1"],
      labels: [{ name: "l", values: [1] }],
    });
    await refuse({ dataset: empty.id }, "incomplete-dataset", /it has no cases/);
    assert.deepEqual(await jobs.list(), []);
  }));

test("a data set in use by a job is neither deleted nor changed", (database) =>
  withWorkplace(database, async ({ datasets, open }) => {
    const jobs = await open({ work: false });
    const dataset = await readyDataset(datasets);
    const { id } = await jobs.submit("finetune", wish(dataset));
    const inUse = refusal("dataset-in-use", /a job that is queued or running uses it/);
    await assert.rejects(datasets.delete(dataset), inUse);
    await assert.rejects(datasets.putFile(dataset, "c", "t1", new Blob([]).stream()), inUse);
    await jobs.cancel(id);
    await datasets.delete(dataset);
    await assert.rejects(datasets.get(dataset), refusal("not-found", /this data set/));
  }));

test("list() filters and pages, newest first", (database) =>
  withWorkplace(database, async ({ datasets, open, image }) => {
    const jobs = await open({ work: false });
    const dataset = await readyDataset(datasets);
    const ids = [];
    for (let i = 0; i < 3; i++) ids.unshift((await jobs.submit("finetune", wish(dataset))).id);
    const { id: segment } = await jobs.submit("segment", { model: "tumour", images: await image() });
    await jobs.cancel(ids[0]);
    const idsOf = async (filter: Parameters<Jobs["list"]>[0]) => (await jobs.list(filter)).map((j) => j.id);
    assert.deepEqual(await idsOf({}), [segment, ...ids]);
    assert.deepEqual(await idsOf({ kind: "finetune" }), ids);
    assert.deepEqual(await idsOf({ state: "cancelled" }), [ids[0]]);
    assert.deepEqual(await idsOf({ limit: 2 }), [segment, ids[0]]);
    assert.deepEqual(await idsOf({ limit: 2, before: ids[0] }), [ids[1], ids[2]]);
    const { oldestSeconds, ...stats } = await jobs.stats();
    assert.deepEqual(stats, { queued: 3, running: 0, waiting: 0, workerRestarts: 0 });
    assert.ok(oldestSeconds > 0 && oldestSeconds < 600, `${oldestSeconds} s`);
  }));

test("perform() answers with the worker's own codes, and leaves nothing of the job", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const jobs = await open();
    const [{ t1: flair }, { t1 }] = [await image(), await image()];
    await using answer = await jobs.perform("segment", { model: "tumour", images: { flair, t1 } });
    assert.deepEqual([answer.model, answer.version, answer.output.provider], ["tumour", 1, "fake"]);
    assert.equal(await Deno.readTextFile(answer.mask), "mask of flair,t1", "the order of the images is kept");
    assert.deepEqual(await jobs.list(), [], "the job is shown");
    for (const call of ["get", "cancel", "resultFile"] as const) {
      await assert.rejects(jobs[call](answer.id), refusal("not-found", /this job/));
    }
    await answer[Symbol.asyncDispose]();
    const classified = await jobs.perform("classify", { model: "grade", images: await image() });
    assert.deepEqual(classified.output.classes, [{ label: "HGG", probability: 1 }, { label: "LGG", probability: 0 }]);
    await classified[Symbol.asyncDispose]();

    const segment = async (behaviour: Record<string, unknown>, model = "tumour") =>
      (await jobs.perform("segment", { model, images: await image(behaviour) }))[Symbol.asyncDispose]();
    await assert.rejects(segment({ fail: true }), refusal("no-overlap", /t2 does not overlap t1/));
    await assert.rejects(segment({ crash: true }), refusal("crashed", /inference process ended unexpectedly/));
    await segment({}); // the next call has a new process
    await assert.rejects(segment({}, "grade"), refusal("wrong-task", /Cannot segment with grade/));
    await assert.rejects(segment({}, "none"), refusal("not-found", /this model/));
    await assert.rejects(
      jobs.perform("segment", { model: "tumour", images: {} }),
      refusal("missing-modality", /at least one image/),
    );
    assert.deepEqual(await remains(database, dataDirectory), NOTHING);
  }));

test("perform() with `keep` leaves the job and its mask like those of any other job", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const jobs = await open();
    const answer = await jobs.perform("segment", { model: "tumour", images: await image() }, { keep: true });
    await answer[Symbol.asyncDispose]();
    const { state, result } = await jobs.get(answer.id);
    assert.deepEqual([state, result?.output], ["succeeded", answer.output]);
    assert.equal(await jobs.resultFile(answer.id), answer.mask);
    assert.deepEqual((await jobs.list()).map(({ id }) => id), [answer.id]);
    assert.deepEqual((await remains(database, dataDirectory)).folders, []);
  }));

test("requests that wait are bounded, and one that leaves makes room", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const jobs = await open({ bounds: { waiting: 1 } });
    const segment = async (ms: number, signal?: AbortSignal) => {
      await using answer = await jobs.perform("segment", { model: "tumour", images: await image({ ms }) }, { signal });
      return answer.output.provider;
    };
    const waitingIs = (n: number) => until(`${n} wait`, async () => (await jobs.stats()).waiting === n);
    const cancelled = refusal("cancelled", /cancelled/);
    const leaves = new AbortController();
    const stays = new AbortController();
    const first = assert.rejects(segment(60_000, stays.signal), cancelled);
    await until("the first runs", async () => {
      const { rows } = await database.query("SELECT 1 FROM sulcus.jobs WHERE state = 'running'");
      return rows.length === 1;
    });
    const second = assert.rejects(segment(0, leaves.signal), cancelled);
    await waitingIs(1);
    await assert.rejects(segment(0), refusal("busy", /1 others are waiting/));
    leaves.abort();
    await second;
    const third = segment(0);
    await waitingIs(1);
    stays.abort();
    await first;
    assert.equal(await third, "fake");
    assert.deepEqual(await remains(database, dataDirectory), NOTHING);
  }));

test("of requests that come together exactly as many wait as may", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const jobs = await open({ bounds: { waiting: 2 } });
    const leave = new AbortController();
    const images = await Promise.all(Array.from({ length: 8 }, () => image({ ms: 60_000 })));
    const refused: unknown[] = [];
    const all = images.map((images) =>
      jobs.perform("segment", { model: "tumour", images }, { signal: leave.signal }).catch((error) => {
        refused.push(error.code);
        if (refused.length === 5) leave.abort();
      })
    );
    await Promise.all(all);
    assert.deepEqual(refused.toSorted(), [...Array(5).fill("busy"), ...Array(3).fill("cancelled")]);
    assert.deepEqual(await remains(database, dataDirectory), NOTHING);
  }));

test("a request that waits comes before the jobs that nobody waits for", (database) =>
  withWorkplace(database, async ({ open, image }) => {
    const jobs = await open();
    const wish = async (ms: number) => ({ model: "tumour", images: await image({ ms }) });
    const running = await jobs.submit("segment", await wish(60_000));
    await until("it runs", async () => (await jobs.get(running.id)).state === "running");
    const queued = await jobs.submit("segment", await wish(60_000));
    const answer = jobs.perform("segment", await wish(0));
    await until("the request waits", async () => (await jobs.stats()).waiting === 1);
    await jobs.cancel(running.id);
    await (await answer)[Symbol.asyncDispose]();
    await jobs.cancel(queued.id);
    assert.equal((await endOf(jobs, queued.id)).record.state, "cancelled");
  }));

test("stop() ends the requests that wait, and the next start removes what a dead process left", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const first = await open();
    const wish = async () => ({ model: "tumour", images: await image({ ms: 60_000 }) });
    const stopping = refusal("stopping", /The server stopped/);
    const waiting = [1, 2].map(async () => assert.rejects(first.perform("segment", await wish()), stopping));
    await until("one runs and one waits", async () => (await first.stats()).waiting === 1);
    await first.stop();
    await Promise.all(waiting);
    assert.deepEqual(await remains(database, dataDirectory), NOTHING);

    const { id } = await (await open({ work: false })).submit("segment", await wish());
    await database.query("UPDATE sulcus.jobs SET transient = true, state = 'running'");
    const second = await open({ work: false });
    if (database.kind === "postgres") { // where another process may wait for it
      assert.deepEqual((await remains(database, dataDirectory)).folders, [id]);
      await second.sweep(Date.now() + 25 * 3600 * 1000);
    }
    assert.deepEqual(await remains(database, dataDirectory), NOTHING);
  }));

test("perform() is stopped after its time", (database) =>
  withWorkplace(database, async ({ open, image }) => {
    const jobs = await open({ inferenceTimeoutMs: 1500 });
    const segment = async (ms: number) =>
      await jobs.perform("segment", { model: "tumour", images: await image({ ms }) });
    await (await segment(0))[Symbol.asyncDispose]();
    await assert.rejects(segment(60_000), refusal("timeout", /took longer than 1500 ms/));
  }));

test("a queued segmentation keeps its mask for a while and its images not at all", (database) =>
  withWorkplace(database, async ({ dataDirectory, open, image }) => {
    const jobs = await open({ projects: new Projects(database, { ...DEFAULT_POLICY, resultHours: 1 }) });
    const images = await image({ ms: 30 });
    const { id, kind } = await jobs.submit("segment", { model: "tumour", images });
    assert.equal(kind, "segment");
    await assert.rejects(Deno.stat(images.t1!), Deno.errors.NotFound, "the image was not moved");
    const { record, events } = await endOf(jobs, id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    assert.deepEqual([record.result?.model, record.result?.version], ["tumour", 1]);
    assert.equal(record.result?.provider, "fake");
    assert.equal(record.result.output?.provider, "fake");
    assert.deepEqual(events.map((e) => e.type), ["progress", "done"]);
    assert.equal(await Deno.readTextFile(await jobs.resultFile(id)), "mask of t1");
    const imagesGone = () => Promise.resolve([...Deno.readDirSync(`${dataDirectory}/jobs`)].length === 0);
    await until("the images are gone", imagesGone);
    await jobs.sweep();
    await jobs.resultFile(id);
    await jobs.sweep(Date.now() + 3_601_000);
    await assert.rejects(jobs.resultFile(id), refusal("gone", /the mask: it is not kept any more/));

    const failing = await jobs.submit("classify", { model: "grade", images: await image({ fail: true }) });
    const failed = (await endOf(jobs, failing.id)).record;
    assert.deepEqual([failed.state, failed.error?.code], ["failed", "no-overlap"]);
    await assert.rejects(jobs.resultFile(failing.id), refusal("not-found", /Cannot give a mask/));
    await until("the images are gone", imagesGone);
  }));

test("a job whose package exists already is not done again", (database) =>
  withWorkplace(database, async ({ registry, datasets, open }) => {
    const first = await open();
    const { id } = await first.submit("finetune", wish(await readyDataset(datasets)));
    await endOf(first, id);
    await first.stop();
    // As if the process had died between writing the package and writing that the job is done.
    await database.query("UPDATE sulcus.jobs SET state = 'running', result = NULL, finished_at = NULL WHERE id = $1", [
      id,
    ]);
    await database.query("DELETE FROM sulcus.job_events WHERE job = $1", [id]);
    const second = await open();
    const { record, events } = await endOf(second, id);
    const result = { model: "mine", version: 1, provider: "fake", warnings: [FELL_BACK] };
    assert.deepEqual([record.state, record.result], ["succeeded", result]);
    assert.deepEqual((await registry.get("mine")).versions.length, 1);
    assert.match(String(events[0].data.message), /^The server was restarted; the job resumes/);
    assert.deepEqual(events.map((e) => e.type), ["log", "done"], "it was trained again");
  }));
