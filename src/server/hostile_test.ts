/** Files that are made to hurt the server: each is refused, with the reason, while the server answers others. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { tinyNifti } from "../datasets/testing/cases.ts";
import { Readers } from "../process/mod.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { makeNifti } from "../volume/testing/fixtures.ts";
import { DEFAULT_LIMITS } from "./settings.ts";
import { gateIn, image } from "./testing/fake_tasks.ts";
import { filesBelow } from "../datasets/testing/datasets.ts";
import { children } from "../process/testing/lives.ts";
import { checkNetwork } from "../inference/mod.ts";
import { Registry } from "../registry/mod.ts";
import { type Call, callOf, ended, form, packageZip, problem, withBench, zipOf } from "./testing/server.ts";

const test = databaseTests();

/** An ONNX file of empty nodes, two bytes each. */
function emptyNodes(count: number): Uint8Array<ArrayBuffer> {
  const length = 2 * count, head = [7 << 3 | 2];
  for (let n = length; n > 0; n = Math.floor(n / 128)) head.push(n < 128 ? n : n & 127 | 128);
  const bytes = new Uint8Array(head.length + length);
  bytes.set(head);
  for (let i = head.length; i < bytes.length; i += 2) bytes[i] = 1 << 3 | 2;
  return bytes;
}

/** Calls a cheap route again and again until `work` is done; returns how often it answered. */
async function answersDuring(call: Call, work: Promise<unknown>): Promise<number> {
  let isDone = false, answers = 0;
  const done = work.finally(() => isDone = true);
  while (!isDone) {
    assert.equal((await call("GET", "/version")).status, 200);
    answers++;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  await done;
  return answers;
}

test("40 MB of empty ONNX messages are refused before they are parsed, and others are answered meanwhile", (database) =>
  withBench(database, async ({ call }) => {
    const body = emptyNodes(20_000_000);
    for (const path of ["/v1/models/inspect", "/v1/models/import?name=evil&modalities=t1&labels=one=1"]) {
      const sent = call("POST", path, { body }).then(problem);
      assert.ok(await answersDuring(call, sent) > 0);
      const { status, code, detail } = await sent;
      assert.deepEqual([status, code], [422, "invalid-weights"], path);
      assert.match(detail, /^Cannot import model: expected at most 4000000 messages .*, got more: export/);
    }
    assert.equal((await call("GET", "/v1/models/evil")).status, 404);
  }));

test("a package with such a network is refused before it is parsed, and nothing of it stays", (database) =>
  withBench(database, async ({ call, services, place: { dataDirectory } }) => {
    const registry = await Registry.open({
      database,
      dataDirectory,
      checkNetwork: (directory, spec) => checkNetwork(directory, spec, services.readers),
    });
    const hostile = callOf({ ...services, registry });
    const sent = hostile("POST", "/v1/models", { body: await packageZip("evil", 1, emptyNodes(20_000_000)) }).then(
      problem,
    );
    assert.ok(await answersDuring(call, sent) > 0);
    const { status, code, detail } = await sent;
    assert.deepEqual([status, code], [422, "invalid-package"]);
    assert.match(detail, /expected at most 4000000 messages .*, got more: export/);
    assert.equal((await call("GET", "/v1/models/evil")).status, 404);
    assert.deepEqual([...Deno.readDirSync(`${dataDirectory}/models`)].filter(({ name }) => /evil|tmp/.test(name)), []);
  }));

test("a file that takes more memory or time than its reader may is refused with the figure", (database) =>
  withBench(database, async ({ call }) => {
    const bytes = new Uint8Array(700 * 2 ** 20); // read whole, it passes the child's memory
    bytes.set([7 << 3 | 2, 1]);
    const { status, code, detail } = await problem(await call("POST", "/v1/models/inspect", { body: bytes }));
    assert.deepEqual([status, code], [422, "too-much-work"]);
    assert.equal(detail, "Cannot import the weights: it takes more than the 128 MiB of memory that are allowed");
    assert.equal((await call("GET", "/version")).status, 200);
  }, { services: { readers: new Readers({ memoryBytes: 128 * 2 ** 20, timeoutMs: 120_000 }) } }));

test("a reader that something else ends blames no file: every route says when to try again, and nothing stays", (database) =>
  withBench(database, async ({ call, place: { datasets, dataDirectory } }) => {
    const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
    const { id } = await (await call("POST", "/v1/datasets", { json: spec })).json();
    const t1 = await tinyNifti(), network = await Deno.readFile("tests/fixtures/pyramid_folded.onnx");
    const archive = zipOf({ "dataset.json": JSON.stringify(spec), "cases/a/t1.nii.gz": t1 });
    const before = children();
    for (
      const [method, path, body] of [
        ["POST", "/v1/models/inspect", network],
        ["POST", "/v1/models/import?name=cnn", network],
        ["POST", "/v1/models", await packageZip("brought", 1)],
        ["POST", "/v1/datasets/import", archive],
        ["PUT", `/v1/datasets/${id}/cases/a/t1`, t1],
      ] as const
    ) {
      const reply = call(method, path, { body });
      let found: number[] = [];
      while (found.length === 0) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        found = children().filter((pid) => !before.includes(pid));
      }
      Deno.kill(found[0], "SIGKILL");
      const { status, headers } = await reply;
      assert.deepEqual([status, headers.get("retry-after")], [503, "5"], path);
      assert.equal((await problem(await reply)).code, "worker-crashed", path);
    }
    assert.deepEqual([(await datasets.get(id)).cases, (await datasets.list()).length], [[], 1]);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);
    assert.equal((await call("PUT", `/v1/datasets/${id}/cases/a/t1`, { body: t1 })).status, 201);
  }));

test("requests that read files are bounded, before their bodies are read, and say when to try again", (database) =>
  withBench(database, async ({ call, services }) => {
    const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
    const { id } = await (await call("POST", "/v1/datasets", { json: spec })).json();
    const path = `/v1/datasets/${id}/cases/a/t1`, image = await tinyNifti();
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
    const writer = writable.getWriter();
    const first = call("PUT", path, { body: readable });
    await writer.write(image.subarray(0, 100));
    assert.equal(services.admission.open, 1);
    for (const [method, other] of [["PUT", path], ["POST", "/v1/models/inspect"], ["POST", "/v1/datasets/import"]]) {
      const reply = await call(method, other, { body: image });
      assert.deepEqual([reply.status, reply.headers.get("retry-after")], [503, "10"], other);
      const { code, detail } = await problem(reply);
      assert.deepEqual([code, detail], ["busy", "Cannot take the request now: 1 others are under way already"]);
    }
    await writer.write(image.subarray(100));
    await writer.close();
    assert.equal((await first).status, 201);
    assert.equal(services.admission.open, 0);
  }, { settings: { limits: { ...DEFAULT_LIMITS, reads: 1 } } }));

test("small files that ask for huge work are refused by their headers, with the figures", (database) =>
  withBench(database, async ({ call, services }) => {
    const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
    const { id } = await (await call("POST", "/v1/datasets", { json: spec })).json();
    const size = (edge: number, mm: number) =>
      gzipSync(makeNifti({ dims: [3, edge, edge, edge, 1, 1, 1, 1], pixdim: [1, mm, mm, mm] }));
    for (const kind of ["tumour/segment", "grade/classify"]) {
      for (
        const [t1, figures] of [[size(32, 40), /voxels, expected at most 134217728/], [
          size(640, 1),
          /t1: the file promises 640×640×640 = 262144000 voxels/,
        ]] as const
      ) {
        const { status, code, detail } = await problem(
          await call("POST", `/v1/models/${kind}`, { body: form({ t1: Uint8Array.from(t1) }) }),
        );
        assert.deepEqual([status, code], [422, "too-much-work"], kind);
        assert.match(detail, figures);
      }
    }
    assert.deepEqual(await services.jobs.list(), []);
    const stored = await call("PUT", `/v1/datasets/${id}/cases/a/t1`, { body: Uint8Array.from(size(640, 1)) });
    const { status, code, detail } = await problem(stored);
    assert.deepEqual([status, code], [422, "too-much-work"]);
    assert.match(detail, /^Cannot take the volume: the file promises 640×640×640 = 262144000 voxels, expected at most/);
  }));

test("jobs that nobody waits for are bounded too, and the refusal says when to try again", (database) =>
  withBench(database, async ({ call, place, services }) => {
    const gate = gateIn(place.dataDirectory), headers = { prefer: "respond-async" };
    const path = "/v1/models/tumour/segment";
    const first = await call("POST", path, { body: form({ t1: gate.image }), headers });
    assert.equal(first.status, 202);
    await gate.begun();
    const second = await call("POST", path, { body: form({ t1: image() }), headers });
    assert.deepEqual([second.status, second.headers.get("retry-after")], [503, "10"]);
    assert.deepEqual((await problem(second)).detail, "Cannot take the request now: 1 jobs wait or run in the queue");
    await gate.open();
    assert.equal(await ended(services, (await first.json()).id), "succeeded");
  }, { jobs: { bounds: { queued: 1 } } }));
