/** HTTP/2 as a client may send it: frames and header blocks that are damaged. */
import type { Random } from "../../src/tensor/mod.ts";
import { exchange } from "./exchange.ts";
import { mutated } from "./mutate.ts";
import type { Target } from "./targets.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const FRAME = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const END_STREAM = 1, END_HEADERS = 4;

const text = (value: string): Bytes => new TextEncoder().encode(value);

function joined(...parts: readonly Uint8Array[]): Bytes {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** RFC 9113, section 4.1. */
function frame(
  kind: keyof typeof FRAME,
  { flags = 0, stream = 0 }: { readonly flags?: number; readonly stream?: number },
  payload: Uint8Array,
): Bytes {
  const head = new Uint8Array(9);
  const view = new DataView(head.buffer);
  view.setUint32(0, payload.length << 8 | FRAME[kind]);
  view.setUint8(4, flags);
  view.setUint32(5, stream);
  return joined(head, payload);
}

/** Header fields as literals without indexing and without Huffman codes: RFC 7541, section 6.2.2. */
function block(fields: Readonly<Record<string, string>>): Bytes {
  const string = (value: string) => joined(Uint8Array.of(text(value).length), text(value)); // shorter than 127
  return joined(
    ...Object.entries(fields).map(([name, value]) => joined(Uint8Array.of(0), string(name), string(value))),
  );
}

function request(method: string, path: string, body?: { readonly type: string; readonly content: string }): Bytes {
  const fields = { ":method": method, ":scheme": "http", ":path": path, ":authority": "127.0.0.1" };
  const stream = 1, begin = [text(PREFACE), frame("settings", {}, new Uint8Array())];
  if (body === undefined) {
    return joined(...begin, frame("headers", { stream, flags: END_HEADERS | END_STREAM }, block(fields)));
  }
  return joined(
    ...begin,
    frame("windowUpdate", {}, Uint8Array.of(0, 1, 0, 0)),
    frame("headers", { stream, flags: END_HEADERS }, block({ ...fields, "content-type": body.type })),
    frame("ping", {}, new Uint8Array(8)),
    frame("data", { stream, flags: END_STREAM }, text(body.content)),
  );
}

const FORM = '--x\r\nContent-Disposition: form-data; name="t1"; filename="a.nii"\r\n\r\nno volume\r\n--x--\r\n';
const DATASET = '{"name":"a","task":"segmentation","modalities":["t1"],"labels":[{"name":"l","values":[1]}]}';

const HTTP2_REQUESTS: readonly Uint8Array[] = [
  request("GET", "/v1/jobs?limit=2"),
  request("GET", "/v1/models/tumour/versions/1"),
  request("POST", "/v1/datasets", { type: "application/json", content: DATASET }),
  request("POST", "/v1/models/tumour/segment", { type: "multipart/form-data; boundary=x", content: FORM }),
  request("POST", "/v1/datasets/import?name=x", { type: "application/zip", content: "PK" }),
];

const REPLY_MS = 2000;

interface Frame {
  readonly head: Uint8Array;
  readonly payload: Uint8Array;
  readonly kind: number;
  readonly flags: number;
}

/** The frames, the last of which may be cut off. */
function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [], view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + 9 <= bytes.length;) {
    const end = at + 9 + (view.getUint32(at) >>> 8), head = bytes.subarray(at, at + 9);
    frames.push({ head, payload: bytes.subarray(at + 9, end), kind: head[3], flags: head[4] });
    at = end;
  }
  return frames;
}

/** Damages the payload of one frame and says its length, so that the frames after it are read; or anything. */
function damage(bytes: Uint8Array, random: Random): Bytes {
  if (random.integer(4) === 0) return mutated(bytes, random);
  const frames = framesOf(bytes.subarray(PREFACE.length)), at = random.integer(frames.length);
  const parts = frames.flatMap(({ head, payload }, i) => {
    if (i !== at || payload.length === 0) return [head, payload];
    const damaged = mutated(payload, random).subarray(0, MOST_PAYLOAD);
    return [
      joined(Uint8Array.of(damaged.length >> 16, damaged.length >> 8 & 255, damaged.length & 255), head.subarray(3)),
      damaged,
    ];
  });
  return joined(text(PREFACE), ...parts);
}

/** Of a frame, where nothing else was agreed: RFC 9113, section 4.2. */
const MOST_PAYLOAD = 2 ** 14;

/** A reply or a reset of the stream, or the end of the connection. */
const isWhole = (bytes: Uint8Array) =>
  framesOf(bytes).some(({ kind, flags }) =>
    kind === FRAME.reset || kind === FRAME.goAway ||
    (kind === FRAME.data || kind === FRAME.headers) && (flags & END_STREAM) !== 0
  );

/**
 * A service that answers HTTP/2: a finding is what it logs as a failure. The status of a reply stands in a compressed
 * header, which the log says plainly.
 */
export function http2Target({ url, failures }: { readonly url: string; readonly failures: readonly string[] }): Target {
  const { hostname, port } = new URL(url);
  return {
    name: "http2",
    seeds: () => Promise.resolve(HTTP2_REQUESTS),
    damage,
    async read(bytes) {
      const before = failures.length;
      const reply = await exchange({ hostname, port: Number(port) }, bytes, { replyMs: REPLY_MS, isWhole });
      if (failures.length > before) throw new FailureLogged(failures.slice(before).join("\n"));
      if (!framesOf(reply).some(({ kind }) => kind === FRAME.headers)) throw new SyntaxError("refused without a reply");
    },
  };
}

class FailureLogged extends Error {
  override readonly name = "FailureLogged";
}
