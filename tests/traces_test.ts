/**
 * Traces as an operator gets them: a service in its own process, a receiver of OTLP, a real network in a real device
 * process. One trace a request through all processes, and nothing of a patient in it.
 */
import assert from "node:assert/strict";
import { connect } from "node:http2";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { startService } from "../scripts/demo/service.ts";
import { encodeModel, GraphBuilder } from "../src/graph/mod.ts";
import { tensor } from "../src/tensor/mod.ts";
import { writePackage } from "../src/registry/package.ts";
import { draftOf } from "../src/registry/testing/packages.ts";
import type { Triple } from "../src/volume/mod.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

const ROI: [number, number, number] = [16, 16, 16];
const SIZE: Triple = [20, 24, 21];
const PATIENT = "Doe-Jane";

interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly attributes: readonly { readonly key: string }[];
}

/** A receiver of OTLP that keeps the spans, and all that it was sent as text. */
function receiver() {
  const spans: Span[] = [], texts: string[] = [];
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, async (request) => {
    const text = await request.text();
    texts.push(text);
    const { resourceSpans = [] } = JSON.parse(text);
    for (const { scopeSpans } of resourceSpans) {
      for (const scope of scopeSpans) spans.push(...scope.spans);
    }
    return Response.json({});
  });
  return { spans, texts, url: `http://127.0.0.1:${server.addr.port}`, close: () => server.shutdown() };
}

/** A network whose logits are the mean of two channels, as the package `lesions`. */
async function ship(shipped: string): Promise<void> {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, ...ROI] });
  const kernel = b.constant(tensor("float32", [1, 2, 1, 1, 1], [1, 1]), "kernel");
  const graph = b.build("mean", { out: b.op.Conv(image, kernel, null, { kernel_shape: [1, 1, 1] }) });
  const draft = draftOf({
    name: "lesions",
    architecture: { kind: "onnx", config: {} },
    modalities: ["t1", "flair"],
    preprocessing: { ...draftOf().preprocessing, spacingMm: [6, 6, 6], resize: ROI },
    inference: { roi: ROI, overlap: 0, blending: "constant", threshold: 0.5 },
  });
  const source = await Deno.makeTempDir();
  await Deno.writeFile(join(source, "network.onnx"), encodeModel(graph));
  await writePackage(shipped, draft, { version: 1, source });
  await Deno.remove(source, { recursive: true });
}

/** The status of a DELETE over HTTP/2 without TLS. */
async function deleteByHttp2(url: string, path: string): Promise<number> {
  const session = connect(url);
  try {
    const stream = session.request({ ":method": "DELETE", ":path": path });
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    stream.on("response", (headers) => resolve(Number(headers[":status"]))).on("error", reject).resume();
    return await promise;
  } finally {
    session.close();
  }
}

/** The first line of the reply to a request with an expectation that nobody knows. */
async function getWithExpectation(url: string, path: string): Promise<string> {
  const { hostname, port } = new URL(url);
  using conn = await Deno.connect({ hostname, port: Number(port) });
  const request = `GET ${path} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nexpect: tea\r\nconnection: close\r\n\r\n`;
  await conn.write(new TextEncoder().encode(request));
  const bytes = new Uint8Array(1000);
  const read = await conn.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, read)).split("\r\n")[0];
}

Deno.test("requests are not traced by a Deno that would export their addresses", async () => {
  const module = JSON.stringify(import.meta.resolve("../src/server/http/listen/own_spans.ts"));
  const drop = async (OTEL_DENO: string) => {
    const args = ["eval", `import { dropOwnSpan } from ${module}; dropOwnSpan({});`];
    const env = { OTEL_DENO, OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: import.meta.dirname }).output();
    return [code, new TextDecoder().decode(stderr)] as const;
  };
  const [code, words] = await drop("true");
  assert.equal(code, 1);
  assert.match(words, /Cannot trace requests without their addresses with this version of Deno: unset OTEL_DENO/);
  assert.deepEqual(await drop("false"), [0, ""]);
});

Deno.test("a request is one trace through server, worker and device, and no trace names a patient", () =>
  inFolder(async (folder) => {
    const models = join(folder, "models");
    await ship(models);
    const grid = orientedGrid(SIZE, { code: "LPS", spacingMm: [7, 7, 7] });
    const { images } = makePhantom({ seed: 3, sizeVox: SIZE, spacingMm: [7, 7, 7], lesions: 4 });
    const otlp = receiver();
    const service = await startService({
      data: join(folder, "data"),
      models,
      env: { OTEL_DENO: "true", OTEL_EXPORTER_OTLP_PROTOCOL: "http/json", OTEL_EXPORTER_OTLP_ENDPOINT: otlp.url },
    });
    const body = new FormData();
    for (const name of ["t1", "flair"] as const) {
      const file = await writeVolume(join(folder, `${name}.nii.gz`), grid, images[name]);
      body.append(name, new Blob([await Deno.readFile(file)]), `${PATIENT}.nii.gz`);
    }
    const caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    try {
      const reply = await fetch(`${service.url}/v1/models/lesions/segment`, { method: "POST", body });
      assert.equal(reply.status, 200, await reply.clone().text().catch(() => ""));
      await reply.body?.cancel();
      const named = `/v1/datasets/${crypto.randomUUID()}/cases/${PATIENT}`;
      const missing = await fetch(service.url + named, { method: "DELETE", headers: { traceparent: caller } });
      assert.equal(missing.status, 404);
      await missing.body?.cancel();
      assert.equal(await deleteByHttp2(service.url, named), 404);
      assert.match(await getWithExpectation(service.url, named), /^HTTP\/1\.1 417 /);
      await (await fetch(`${service.url}/health/live`)).body?.cancel();
    } finally {
      await service.stop();
      await otlp.close();
    }
    const segment = otlp.spans.find(({ name }) => name === "POST /v1/models/{name}/segment");
    assert.ok(segment, otlp.spans.map(({ name }) => name).join());
    const trace = otlp.spans.filter(({ traceId }) => traceId === segment.traceId);
    const above = (span: Span): string[] => {
      const parent = trace.find(({ spanId }) => spanId === span.parentSpanId);
      return parent === undefined ? [span.name] : [...above(parent), span.name];
    };
    const run = trace.find(({ name }) => name === "the cpu device process: run");
    assert.ok(run, trace.map(({ name }) => name).join());
    assert.deepEqual(above(run), [
      "POST /v1/models/{name}/segment",
      "job segment",
      "the inference process: run",
      "the cpu device process: run",
    ]);
    for (const span of trace) assert.equal(above(span)[0], segment.name, `${span.name} is apart`);

    const cases = otlp.spans.filter(({ name }) => name === "DELETE /v1/datasets/{id}/cases/{case}");
    assert.equal(cases.length, 2, otlp.spans.map(({ name }) => name).join());
    assert.ok(
      cases.some((span) => span.traceId === caller.split("-")[1] && span.parentSpanId === caller.split("-")[2]),
    );
    const known = /^(http\.(request\.method|route|response\.status_code)|error\.type|sulcus\.job)$/;
    for (const { name, attributes } of otlp.spans) {
      for (const { key } of attributes) assert.match(key, known, name);
    }
    assert.ok(!otlp.spans.some(({ name }) => name.includes("health")));
    for (const text of otlp.texts) assert.ok(!text.includes(PATIENT), text);
  }));
