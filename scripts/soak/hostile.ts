/** Clients that break off, stall, drip, or send what is made to hurt. */
import { connect as connectHttp2 } from "node:http2";
import { gzipSync } from "node:zlib";
import { rawZip } from "../../src/storage/testing/zip.ts";
import { makeNifti } from "../../src/volume/testing/fixtures.ts";
import { type Action, type Client, formOf, pause, send } from "./client.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** How long clients wait before they hang up, at most. */
const MOST_PATIENCE_MS = 3000;

const text = (value: string) => new TextEncoder().encode(value);

function addressOf({ place }: Client): { hostname: string; port: number } {
  const { hostname, port } = new URL(place.url);
  return { hostname, port: Number(port) };
}

/** Opens a connection and does with it what a client would not; that the service ends it first is its right. */
async function overSocket(client: Client, fn: (connection: Deno.Conn) => Promise<void>): Promise<void> {
  try {
    using connection = await Deno.connect(addressOf(client));
    await fn(connection);
  } catch { /* the service refused it or ended it */ }
  client.tally.brokenOff++;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
}

/** A form that is good, and as large as those of hospitals. */
async function largeForm({ load }: Client): Promise<{ readonly type: string; readonly body: Bytes }> {
  const request = new Request("http://a/", { method: "POST", body: formOf(load.large.images) });
  return { type: request.headers.get("content-type")!, body: await request.bytes() };
}

/** Sends all of a large request or a part of it, and hangs up before the reply. */
export const hangUp: Action = async (client) => {
  const { type, body } = await largeForm(client);
  const part = body.subarray(0, client.random.integer(2) === 0 ? body.length : client.random.integer(body.length));
  const head = `POST /v1/models/${client.load.segment.model}/segment HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n`;
  await overSocket(client, async (connection) => {
    await writeAll(connection, text(head));
    await writeAll(connection, part);
    await pause(client.random.integer(MOST_PATIENCE_MS));
  });
};

/** The same over HTTP/2. */
export const hangUpHttp2: Action = async (client) => {
  const { type, body } = await largeForm(client);
  const session = connectHttp2(client.place.url);
  session.on("error", () => {});
  const path = `/v1/models/${client.load.segment.model}/segment`;
  const stream = session.request({ ":method": "POST", ":path": path, "content-type": type });
  stream.on("error", () => {});
  stream.end(body);
  await pause(client.random.integer(MOST_PATIENCE_MS));
  session.destroy();
  client.tally.brokenOff++;
};

/** Chunks of one byte, each with its own frame. */
export const drip: Action = async (client) => {
  const head = `POST /v1/models/${client.load.segment.model}/segment HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
    "Content-Type: multipart/form-data; boundary=b\r\nTransfer-Encoding: chunked\r\n\r\n";
  const part = '--b\r\nContent-Disposition: form-data; name="t1"; filename="a"\r\n\r\n' + "x".repeat(20_000);
  await overSocket(client, async (connection) => {
    await writeAll(connection, text(head));
    await writeAll(connection, text([...part].map((c) => `1\r\n${c}\r\n`).join("")));
    await pause(client.random.integer(500));
  });
};

/** Connections that begin a header, or nothing, and wait until the service has enough of them. */
export const stall: Action = (client) =>
  overSocket(client, async (connection) => {
    if (client.random.integer(2) === 0) await writeAll(connection, text("GET /v1/models HTTP/1.1\r\nHost: 127."));
    await connection.read(new Uint8Array(1024));
  });

/** Protobuf messages that are empty, two bytes each. */
function emptyMessages(count: number): Bytes {
  const head = [7 << 3 | 2];
  for (let n = 2 * count; n > 0; n = Math.floor(n / 128)) head.push(n < 128 ? n : n & 127 | 128);
  const bytes = new Uint8Array(head.length + 2 * count);
  bytes.set(head);
  for (let i = head.length; i < bytes.length; i += 2) bytes[i] = 1 << 3 | 2;
  return bytes;
}

function gzippedVolume(edges: readonly [number, number, number], mm: number): Bytes {
  const header = makeNifti({ dims: [3, ...edges, 1, 1, 1, 1], pixdim: [1, mm, mm, mm] });
  return Uint8Array.from(gzipSync(header));
}

const JSON_TYPE = { "content-type": "application/json" };
const ZIP_TYPE = { "content-type": "application/zip" };

interface HostileBodies {
  readonly [what: string]: (client: Client) => readonly [path: string, init: RequestInit];
}

/** Each is refused below 500. */
const BODIES: HostileBodies = {
  "noise as a form": ({ load, random }) => [`/v1/models/${load.segment.model}/segment`, {
    headers: { "content-type": "multipart/form-data; boundary=x" },
    body: noise(random.integer(5000) + 1, random),
  }],
  "deep JSON": () => ["/v1/datasets", { headers: JSON_TYPE, body: "[".repeat(100_000) }],
  "noise as an archive": (
    { random },
  ) => ["/v1/datasets/import?name=x", { headers: ZIP_TYPE, body: noise(2000, random) }],
  "a zip bomb": () => ["/v1/datasets/import?name=x", { headers: ZIP_TYPE, body: bomb() }],
  "noise as a package": ({ random }) => ["/v1/models", { headers: ZIP_TYPE, body: noise(2000, random) }],
  "noise as a network": ({ random }) => ["/v1/models/inspect", { body: noise(2000, random) }],
  "millions of messages": () => ["/v1/models/inspect", { body: emptyMessages(5_000_000) }],
  "a volume of promises": ({ load }) => [`/v1/models/${load.segment.model}/segment`, {
    body: formOf({ ...load.segment.images, t1: gzippedVolume([640, 640, 640], 1) }),
  }],
  "voxels of centimetres": ({ load }) => [`/v1/models/${load.segment.model}/segment`, {
    body: formOf({ ...load.segment.images, t1: gzippedVolume([32, 32, 32], 40) }),
  }],
  "a volume that is cut off": ({ load }) => {
    const [name, bytes] = Object.entries(load.classify.images)[0];
    return [`/v1/models/${load.classify.model}/classify`, {
      body: formOf({ [name]: bytes.subarray(0, bytes.length - 9) }),
    }];
  },
};

function noise(length: number, random: Client["random"]): Bytes {
  return Uint8Array.from({ length }, () => random.integer(256));
}

let bombed: Bytes | undefined;
/** 100 MB of zeros in a tenth of a percent of that. */
function bomb(): Bytes {
  return bombed ??= rawZip([{ name: "dataset.json", content: new Uint8Array(100e6), deflate: true }]);
}

export const hostileBody: Action = async (client) => {
  const names = Object.keys(BODIES);
  const what = names[client.random.integer(names.length)];
  const [path, init] = BODIES[what](client);
  await send(client, `hostile: ${what}`, path, { method: "POST", ...init });
};
