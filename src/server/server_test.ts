/** A server on a real socket: what only shows there. Trainings and segmentations are fakes. */
import assert from "node:assert/strict";
import { tinyNifti } from "../datasets/testing/cases.ts";
import type { Trace } from "../jobs/testing/fake_tasks.ts";
import { gateIn, image } from "./testing/fake_tasks.ts";
import { refusal } from "../storage/testing/refusal.ts";
import type { RunningServer } from "./mod.ts";
import { form } from "./testing/server.ts";
import { connect, filesBelow, readSome, start, until, withData, withServer } from "./testing/running.ts";
import { DEFAULT_LIMITS } from "./settings.ts";

const SEGMENT = "/v1/models/tumour/segment";
const JSON_TYPE = { "content-type": "application/json" };

/** Makes a data set with one case and starts a training of `steps` steps. */
async function train({ url }: RunningServer, steps: number): Promise<string> {
  const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
  const post = async (path: string, value: unknown) =>
    await (await fetch(url + path, { method: "POST", headers: JSON_TYPE, body: JSON.stringify(value) })).json();
  const { id } = await post("/v1/datasets", spec);
  for (const role of ["t1", "label"]) {
    const body = await tinyNifti({ values: [0, 1] });
    const reply = await fetch(`${url}/v1/datasets/${id}/cases/a/${role}`, { method: "PUT", body });
    assert.equal(reply.status, 201, await reply.text());
  }
  const recipe = { steps, learningRate: 0.001, seed: 1 };
  return (await post("/v1/finetunes", { dataset: id, base: { model: "base" }, name: "mine", recipe })).id;
}

/** Reads events from a stream until `enough` or its end. */
async function events(
  reply: Response,
  enough: (ids: number[]) => boolean = () => false,
): Promise<{ ids: number[]; text: string }> {
  const ids: number[] = [];
  let text = "";
  for await (const chunk of reply.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    ids.splice(0, ids.length, ...[...text.matchAll(/^id: (\d+)$/gm)].map((m) => Number(m[1])));
    if (enough(ids)) break;
  }
  return { ids, text };
}

Deno.test("startServer() answers while it opens: live with 200, all else with 503; then it is ready", () =>
  withData(async (data) => {
    const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr;
    listener.close();
    const opening = start(data, { port });
    const early = async (path: string) => {
      const reply = await fetch(`http://127.0.0.1:${port}${path}`);
      return [reply.status, (await reply.json()).code, reply.headers.has("x-request-id")];
    };
    const replies = await Promise.all(["/health/live", "/health/startup", "/v1/models"].map(early));
    assert.deepEqual(replies, [[200, undefined, true], [503, undefined, true], [503, "starting", true]]);
    const server = await opening;
    assert.equal(server.url, `http://127.0.0.1:${port}`);
    await until("the server is ready", async () => {
      const reply = await fetch(`${server.url}/health/ready`);
      await reply.body?.cancel();
      return reply.ok;
    });
    await assert.rejects(start(data), refusal("locked", /Cannot use the data directory: process \d+ has it open/));
    await server.close();
    await server.finished;
    await assert.rejects(fetch(`${server.url}/health/live`), TypeError);
  }));

Deno.test("startServer() refuses addresses that others can reach, without a login or without names", async () => {
  await assert.rejects(start("/nowhere", { host: "0.0.0.0", login: { kind: "token" } }), {
    name: "RangeError",
    message: /so it needs the names under which it is reached \(--allowed-hosts\)/,
  });
  await assert.rejects(start("/nowhere", { host: "::", allowedHosts: ["sulcus.example.org"] }), {
    name: "RangeError",
    message: /so it needs a login/,
  });
  await assert.rejects(start("/nowhere", { host: "0.0.0.0" }), {
    name: "RangeError",
    message: /^Cannot listen on 0\.0\.0\.0: others can reach it, so it needs a login .* and the names/,
  });
});

Deno.test("events continue after Last-Event-ID over a new connection, and end after done", () =>
  withServer(async (server) => {
    const id = await train(server, 100);
    const path = `${server.url}/v1/jobs/${id}/events`;
    const first = await events(await fetch(path), (ids) => ids.length >= 3);
    const seen = first.ids[2];
    const rest = await events(await fetch(path, { headers: { "last-event-id": String(seen) } }));
    assert.ok(rest.ids.length > 0 && rest.ids[0] > seen, `${rest.ids} after ${seen}`);
    assert.deepEqual(rest.ids, rest.ids.toSorted((a, b) => a - b));
    assert.match(rest.text, /event: done\ndata: \{"state":"succeeded"[^\n]*\n\n$/);
  }));

Deno.test("uploads that are given up or too large are refused and leave nothing behind", () =>
  withServer(async (server, data) => {
    const spec = { name: "A", task: "segmentation", modalities: ["t1"], labels: [{ name: "lesion", values: [1] }] };
    const made = await fetch(`${server.url}/v1/datasets`, {
      method: "POST",
      headers: JSON_TYPE,
      body: JSON.stringify(spec),
    });
    const put = `PUT /v1/datasets/${(await made.json()).id}/cases/a/t1 HTTP/1.1\r\nHost: 127.0.0.1\r\n`;
    const gzip = new Uint8Array(50_000).fill(0x1f).fill(0x8b, 1, 2);
    const post = `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n`;
    const part = '--b\r\nContent-Disposition: form-data; name="t1"; filename="Doe.nii.gz"\r\n\r\n';
    const uploads = () => filesBelow(data).filter((path) => /^(datasets|spool|jobs)\//.test(path));
    for (const head of [put, post + "Content-Length: 90000\r\n\r\n" + part]) {
      const length = head === put ? "Content-Length: 90000\r\n\r\n" : "";
      const conn = await connect(server, head + length, gzip);
      await until("the upload has begun", () => Promise.resolve(uploads().length > 0));
      conn.close();
      await until("nothing is left of it", () => Promise.resolve(uploads().length === 0));
    }
    for (const request of [put + "Content-Length: 100001\r\n\r\n", post + "Content-Length: 100001\r\n\r\n"]) {
      using conn = await connect(server, request); // the body never comes
      assert.match(await readSome(conn), /^HTTP\/1\.1 413 /);
    }
    using chunked = await connect(server, put + "Transfer-Encoding: chunked\r\n\r\n");
    await chunked.write(new TextEncoder().encode("30d40\r\n")); // 200,000 bytes
    const big = new Uint8Array(200_000).fill(0x1f).fill(0x8b, 1, 2);
    await (async () => {
      for (let done = 0; done < big.length;) done += await chunked.write(big.subarray(done));
    })().catch(() => {}); // the server may close before all of it is sent
    assert.match(await readSome(chunked), /^HTTP\/1\.1 413 /);
    await until("nothing is left", () => Promise.resolve(uploads().length === 0));
  }, { limits: { ...DEFAULT_LIMITS, fileBytes: 100_000, formBytes: 100_000 } }));

Deno.test("an upload that pauses too long is given up", () =>
  withServer(async (server) => {
    const head = `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=b\r\n`;
    using conn = await connect(server, head + "Content-Length: 9000\r\n\r\n--b\r\n");
    assert.match(await readSome(conn), /^HTTP\/1\.1 408 [^]*"code":"upload-stalled"/);
  }, { limits: { idleMs: 200 } }));

Deno.test("close() lets open requests end, ends event streams, and a training resumes when the server is back", () =>
  withData(async (data) => {
    const server = await start(data);
    const id = await train(server, 600);
    const path = `/v1/jobs/${id}/events`;
    const stream = await fetch(server.url + path);
    const watching = events(stream);
    await until("the training has begun", async () => {
      const { progress } = await (await fetch(`${server.url}/v1/jobs/${id}`)).json();
      return progress?.step > 0;
    });
    const gate = gateIn(data);
    const mask = fetch(server.url + SEGMENT, { method: "POST", body: form({ t1: gate.image }) });
    await gate.begun();
    const closing = server.close();
    await gate.open();
    assert.equal(await (await mask).text(), "labels of t1, missing: error");
    assert.doesNotMatch((await watching).text, /event: done/);
    await closing;
    await assert.rejects(fetch(`${server.url}/health/live`), TypeError);

    const again = await start(data);
    try {
      assert.match((await events(await fetch(again.url + path))).text, /event: done\ndata: \{"state":"succeeded"/);
      const { trace } = await (await fetch(`${again.url}/v1/jobs/${id}/report`)).json() as { trace: Trace[] };
      assert.equal(trace.length, 600);
      assert.equal(new Set(trace.map((t) => t.pid)).size, 2, "it did not resume, or never stopped");
    } finally {
      await again.close();
    }
  }));

Deno.test("a client that goes away frees the device for the next one, and leaves nothing behind", () =>
  withServer(async (server, data) => {
    const gate = gateIn(data); // which is never opened
    const client = new AbortController();
    const impatient = fetch(server.url + SEGMENT, {
      method: "POST",
      body: form({ t1: gate.image }),
      signal: client.signal,
    });
    await gate.begun();
    client.abort();
    await assert.rejects(impatient, { name: "AbortError" });
    const next = await fetch(server.url + SEGMENT, { method: "POST", body: form({ t1: image() }) });
    assert.equal(next.status, 200, await next.text());
    const left = () => filesBelow(data).filter((path) => /^(jobs(?!\/gate)|results|spool)\//.test(path));
    await until("nothing is left of it", () => Promise.resolve(left().length === 0));
  }));
