/** Clients that hold what they can, over real sockets. Segmentations are fakes. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { gateIn, image } from "./testing/fake_tasks.ts";
import { form } from "./testing/server.ts";
import { connect, filesBelow, readAll, readSome, until, withServer } from "./testing/running.ts";
import type { RunningServer } from "./mod.ts";

const SEGMENT = "/v1/models/tumour/segment";
const FORM = "Content-Type: multipart/form-data; boundary=b\r\n";
const BIG = 1_500_000;

/** An image that behaves as the fake reads it, and is as long as a real one: spaces may follow JSON. */
function bigImage(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const big = new Uint8Array(BIG).fill(0x20);
  big.set(bytes);
  return big;
}

/** The bytes of a form with one image. */
async function formBytes(bytes: Uint8Array): Promise<{ type: string; body: Uint8Array<ArrayBuffer> }> {
  const request = new Request("http://a/", { method: "POST", body: form({ t1: bigImage(bytes) }) });
  return { type: request.headers.get("content-type")!, body: await request.bytes() };
}

/** Sends a segmentation over a protocol; the result hangs up. */
const SENDERS = {
  async "HTTP/1.1"(server: RunningServer, bytes: Uint8Array) {
    const { type, body } = await formBytes(bytes);
    const head = `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: ${type}\r\n`;
    const conn = await connect(server, `${head}Content-Length: ${body.length}\r\n\r\n`, body);
    return () => conn.close();
  },
  async "HTTP/2"(server: RunningServer, bytes: Uint8Array) {
    const { type, body } = await formBytes(bytes);
    const session = connectHttp2(server.url);
    await once(session, "connect");
    const stream = session.request({ ":method": "POST", ":path": SEGMENT, "content-type": type });
    stream.on("error", () => {});
    session.on("error", () => {});
    stream.end(body);
    return () => session.destroy();
  },
};

Deno.test("a client that hangs up after 1.5 MB over HTTP/1.1 frees the device, and its waiting requests are dropped", () => {
  return withServer((server, data) => hangUpOver("HTTP/1.1", server, data));
});

Deno.test("a client that hangs up after 1.5 MB over HTTP/2 frees the device, and its waiting requests are dropped", () => {
  return withServer((server, data) => hangUpOver("HTTP/2", server, data));
});

async function hangUpOver(protocol: keyof typeof SENDERS, server: RunningServer, data: string): Promise<void> {
  const gate = gateIn(data); // which is never opened
  const hangUps = [await SENDERS[protocol](server, gate.image)];
  await gate.begun();
  for (let i = 0; i < 2; i++) hangUps.push(await SENDERS[protocol](server, gate.image));
  await until("two wait", async () => (await metric(server, "sulcus_inference_waiting")) === 2);
  hangUps.forEach((hangUp) => hangUp());
  const began = performance.now();
  const next = await fetch(server.url + SEGMENT, { method: "POST", body: form({ t1: image() }) });
  assert.equal(next.status, 200, await next.text());
  assert.ok(performance.now() - began < 10_000, "it took longer than 10 s");
  const left = () => filesBelow(data).filter((path) => /^(jobs(?!\/gate)|results|spool)\//.test(path));
  await until("nothing is left of them", () => Promise.resolve(left().length === 0));
  const { jobs } = await (await fetch(`${server.url}/v1/jobs`)).json();
  assert.deepEqual(jobs, [], "a job is left, which a restart would run");
}

async function metric({ url }: RunningServer, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(new RegExp(`^${name}(?:\\{\\})? (\\S+)$`, "m").exec(text)?.[1]);
}

Deno.test("an upload that comes too slowly is given up, however steadily it comes", () =>
  withServer(async (server) => {
    using conn = await connect(
      server,
      `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\n${FORM}Content-Length: 9000\r\n\r\n`,
    );
    let ended = false;
    const reply = readSome(conn).finally(() => ended = true);
    while (!ended) {
      await conn.write(new Uint8Array(1)).catch(() => {}); // the server closes
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.match(await reply, /^HTTP\/1\.1 408 [^]*bytes a second, expected at least 4096[^]*"code":"upload-stalled"/);
  }, { limits: { idleMs: 300 } }));

Deno.test("an upload ends after its total time", () =>
  withServer(async (server) => {
    using conn = await connect(
      server,
      `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\n${FORM}Content-Length: 9000\r\n\r\n`,
    );
    assert.match(await readSome(conn), /^HTTP\/1\.1 408 [^]*longer than 0\.3 s as a whole[^]*"code":"upload-stalled"/);
  }, { limits: { bodyMs: 300 } }));

Deno.test("chunks of one byte neither hold the thread nor stay in memory", () =>
  withServer(async (server) => {
    const head =
      `POST ${SEGMENT} HTTP/1.1\r\nHost: 127.0.0.1\r\n${FORM}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
    const part = '--b\r\nContent-Disposition: form-data; name="t1"; filename="a"\r\n\r\n';
    const inChunks = (text: string) => [...text].map((c) => `1\r\n${c}\r\n`).join("");
    const before = Deno.memoryUsage().rss;
    const conn = await connect(server, head, inChunks(part));
    const bytes = new TextEncoder().encode(inChunks("\x5c" + "x".repeat(9_999)));
    for (let i = 0; i < 20; i++) {
      for (let done = 0; done < bytes.length;) done += await conn.write(bytes.subarray(done));
    }
    const grown = Deno.memoryUsage().rss - before;
    assert.ok(grown < 300e6, `${Math.round(grown / 1e6)} MB`);
    await conn.write(new TextEncoder().encode("0\r\n\r\n"));
    assert.match(await readAll(conn), /^HTTP\/1\.1 4\d\d /); // it is no image after all
  }));
