/**
 * Request bodies as streams, bounded in size and in time, whose first bytes match the expected kind of file. Only the
 * current chunk and small JSON are held in memory.
 */
import { isVolumeStart, VOLUME_FILE, VOLUME_START_BYTES } from "../../volume/mod.ts";
import { Problem } from "./problems.ts";
import { parseJson } from "./validate.ts";

export interface BodyLimits {
  readonly maxBytes: number;
  /** Longest pause between two chunks, ms. */
  readonly idleMs: number;
  /** Called with the size of every chunk. */
  readonly onBytes?: (bytes: number) => void;
}

/**
 * The chunks of a body.
 * @throws {Problem} `too-large`; `upload-stalled`; `length-mismatch` when the client goes away
 */
export async function* bodyChunks(
  request: Request,
  { maxBytes, idleMs, onBytes }: BodyLimits,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return;
  const reader = (request.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  let received = 0;
  try {
    for (;;) {
      const { done, value } = await withPatience(reader, idleMs);
      if (done) return;
      received += value.length;
      onBytes?.(value.length);
      if (received > maxBytes) throw tooLarge(maxBytes);
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // it may have failed already
  }
}

export function tooLarge(maxBytes: number): Problem {
  return new Problem("too-large", `Cannot take the body: expected at most ${maxBytes} bytes, got more`);
}

async function withPatience<T>(
  reader: ReadableStreamDefaultReader<T>,
  idleMs: number,
): Promise<ReadableStreamReadResult<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stalled = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Problem("upload-stalled", `Cannot take the body: nothing came for ${idleMs / 1000} s`));
    }, idleMs);
  });
  try {
    return await Promise.race([reader.read(), stalled]);
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem("length-mismatch", "Cannot take the body: the connection ended before it was complete", {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** @throws {Problem} `invalid-json`, and as {@link bodyChunks} */
export async function readJson(request: Request, limits: BodyLimits): Promise<unknown> {
  const bytes = await new Response(ReadableStream.from(bodyChunks(request, limits))).arrayBuffer();
  return parseJson(new Uint8Array(bytes), "the body");
}

/** Kinds of files, recognised by their first bytes. */
export type FileKind = "volume" | "zip" | "weights";

const KINDS: Readonly<Record<FileKind, { readonly what: string; readonly matches: (start: Uint8Array) => boolean }>> = {
  volume: { what: VOLUME_FILE, matches: isVolumeStart },
  zip: {
    what: "a .zip file",
    matches: ([p, k, a, b]) => p === 0x50 && k === 0x4b && (a === 3 && b === 4 || a === 5 && b === 6),
  },
  weights: { what: "a PyTorch, safetensors or ONNX file", matches: () => true }, // recognised when it is there whole
};
const START_BYTES = Math.max(VOLUME_START_BYTES, 4);

/**
 * Passes chunks on once the first bytes are those of `kind`; `name` says in the message which file it is.
 * @throws {Problem} `unsupported-media-type`
 */
export async function* checkedStart(
  chunks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  kind: FileKind,
  name: string,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const { what, matches } = KINDS[kind];
  const refuse = (got: string) => {
    throw new Problem("unsupported-media-type", `Cannot read ${name}: expected ${what}, got ${got}`);
  };
  let start = new Uint8Array();
  for await (const chunk of chunks) {
    if (start.length >= START_BYTES) {
      yield chunk;
      continue;
    }
    start = concat(start, chunk);
    if (start.length < START_BYTES) continue;
    if (!matches(start)) refuse("other content");
    yield start;
  }
  if (start.length < START_BYTES) refuse(start.length === 0 ? "nothing" : "too few bytes");
}

function concat(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
