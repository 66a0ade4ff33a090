/** A file or buffer as a stream of bytes, inflated where it is gzip, that is read only as far as asked. */
import { Buffer } from "node:buffer";
import { open } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { constants, createGunzip } from "node:zlib";
import { VolumeError } from "../grid/grid.ts";

const CHUNK = 2 ** 18;

/** Deflate cannot shrink more than this. */
const MAX_RATIO = 1032;

/** True where bytes begin as gzip does. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Reads exact numbers of bytes from a chunked source; `close()` ends the source, wherever it stands. */
export class ByteFeed {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest = new Uint8Array(0) as Uint8Array;
  /** Bytes handed out so far. */
  position = 0;

  private constructor(
    chunks: AsyncIterable<Uint8Array>,
    /** The source is gzip, and is inflated here. */
    readonly isGzip: boolean,
    /** The most bytes that can still come, from the size of the file. */
    readonly mostBytes: number,
  ) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** @throws {Error} when the file cannot be opened; the message holds no name */
  static async open(source: string | Uint8Array): Promise<ByteFeed> {
    const { chunks, size } = typeof source === "string"
      ? await openFile(source)
      : { chunks: once(source), size: source.length };
    const first = await chunks.next();
    const start = first.done ? new Uint8Array(0) : first.value;
    const whole = rejoin(start, chunks);
    return isGzip(start) ? new ByteFeed(inflate(whole), true, size * MAX_RATIO) : new ByteFeed(whole, false, size);
  }

  /** The next `count` bytes, or fewer where the source ends; they stay to be read. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#rest.length < count) {
      const next = await this.#chunks.next();
      if (next.done) break;
      this.#rest = new Uint8Array(Buffer.concat([this.#rest, next.value]));
    }
    return this.#rest.subarray(0, count);
  }

  /** Fills `into` as far as bytes come; returns how many did. */
  async fill(into: Uint8Array): Promise<number> {
    let done = 0;
    while (done < into.length) {
      if (this.#rest.length === 0) {
        const next = await this.#chunks.next();
        if (next.done) break;
        this.#rest = next.value;
      }
      const part = this.#rest.subarray(0, into.length - done);
      into.set(part, done);
      done += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    this.position += done;
    return done;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

async function openFile(path: string): Promise<{ chunks: AsyncGenerator<Uint8Array>; size: number }> {
  // Node's messages quote the path, and a file name can be a patient's.
  const file = await open(path).catch((error) => {
    throw new Error(`Cannot read a volume: the file cannot be opened (${error.code ?? "unknown reason"})`);
  });
  const { size } = await file.stat();
  return { size, chunks: fileChunks(file) };
}

async function* fileChunks(file: Awaited<ReturnType<typeof open>>): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { bytesRead, buffer } = await file.read(new Uint8Array(CHUNK), 0, CHUNK);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let i = 0; i < bytes.length; i += CHUNK) yield bytes.subarray(i, i + CHUNK);
}

async function* rejoin(first: Uint8Array, rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } finally {
    await rest.return(undefined);
  }
}

async function* inflate(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  // Sync flush: a truncated stream yields the bytes that it holds, and the caller reports the short read with figures.
  const gunzip = createGunzip({ chunkSize: CHUNK, finishFlush: constants.Z_SYNC_FLUSH });
  // `pipeline` requires a callback; its error also reaches the loop below.
  pipeline(Readable.from(chunks, { objectMode: true, highWaterMark: 1 }), gunzip, () => {});
  try {
    for await (const chunk of gunzip) yield chunk;
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    if (code.startsWith("Z_")) {
      throw new VolumeError("Cannot read a volume: expected whole gzip data, got damaged data");
    }
    throw error;
  }
}
