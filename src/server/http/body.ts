/**
 * Request bodies as streams, bounded in size and in time, whose first bytes match the expected kind of file. Only the
 * current chunk and small JSON are held in memory.
 */
import { givenInstead, isVolumeStart, VOLUME_FILE, VOLUME_START_BYTES } from "../../volume/mod.ts";
import type { Limits } from "../settings.ts";
import { Problem } from "./problems.ts";
import { parseJson } from "./validate.ts";

export interface BodyLimits extends Pick<Limits, "idleMs" | "leastBytesPerSecond" | "bodyMs"> {
  readonly maxBytes: number;
  /** Called with the size of every chunk. */
  readonly onBytes?: (bytes: number) => void;
}

/** The server's limits for a body of at most `maxBytes`. */
export function bodyLimits(limits: Limits, maxBytes: number, onBytes: (bytes: number) => void): BodyLimits {
  return { ...limits, maxBytes, onBytes };
}

/** Smaller chunks are put together, so that chunks of one byte do not take a turn and a write each. */
const LEAST_CHUNK_BYTES = 16 * 1024;

/**
 * The chunks of a body, all but the last of at least {@link LEAST_CHUNK_BYTES}.
 * @throws {Problem} `too-large`; `upload-stalled`; `length-mismatch` when the client goes away
 */
export async function* bodyChunks(
  request: Request,
  limits: BodyLimits,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (request.body === null) return;
  const reader = (request.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
  const pace = new Pace(limits);
  let held = new Uint8Array(LEAST_CHUNK_BYTES);
  let heldBytes = 0;
  try {
    for (;;) {
      const { done, value } = await pace.wait(reader);
      if (done) break;
      limits.onBytes?.(value.length);
      if (pace.received > limits.maxBytes) throw tooLarge(limits.maxBytes);
      if (heldBytes === 0 && value.length >= LEAST_CHUNK_BYTES) {
        yield value;
        continue;
      }
      for (let taken = 0; taken < value.length;) {
        const part = value.subarray(taken, taken + LEAST_CHUNK_BYTES - heldBytes);
        held.set(part, heldBytes);
        heldBytes += part.length;
        taken += part.length;
        if (heldBytes < LEAST_CHUNK_BYTES) continue;
        yield held;
        held = new Uint8Array(LEAST_CHUNK_BYTES);
        heldBytes = 0;
      }
    }
    if (heldBytes > 0) yield held.subarray(0, heldBytes);
  } finally {
    await reader.cancel().catch(() => {}); // it may have failed already
  }
}

export function tooLarge(maxBytes: number): Problem {
  return new Problem("too-large", `Cannot take the body: expected at most ${maxBytes} bytes, got more`);
}

/** How fast a body comes. Only the time in which the server waits for the client counts. */
class Pace {
  readonly #limits: BodyLimits;
  readonly #start = performance.now();
  #waitedMs = 0;
  received = 0;

  constructor(limits: BodyLimits) {
    this.#limits = limits;
  }

  /** Reads the next chunk. @throws {Problem} `upload-stalled`, `length-mismatch` */
  async wait(
    reader: ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>,
  ): Promise<ReadableStreamReadResult<Uint8Array<ArrayBuffer>>> {
    const { idleMs, leastBytesPerSecond, bodyMs } = this.#limits;
    const began = performance.now();
    const left = this.#start + bodyMs - began;
    const words = left < idleMs
      ? `it took longer than ${bodyMs / 1000} s as a whole`
      : `nothing came for ${idleMs / 1000} s`;
    const next = await withPatience(reader, Math.max(0, Math.min(idleMs, left)), words);
    this.#waitedMs += performance.now() - began;
    this.received += next.value?.length ?? 0;
    const rate = this.received / (this.#waitedMs / 1000);
    if (!next.done && this.#waitedMs > idleMs && rate < leastBytesPerSecond) {
      throw stalled(`it comes with ${Math.floor(rate)} bytes a second, expected at least ${leastBytesPerSecond}`);
    }
    return next;
  }
}

function stalled(words: string): Problem {
  return new Problem("upload-stalled", `Cannot take the body: ${words}`);
}

async function withPatience<T>(
  reader: ReadableStreamDefaultReader<T>,
  patienceMs: number,
  words: string,
): Promise<ReadableStreamReadResult<T>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(stalled(words)), patienceMs);
  });
  try {
    return await Promise.race([reader.read(), late]);
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
    if (!matches(start)) refuse(kind === "volume" ? givenInstead(start) : "other content");
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
