/** Gzip read as a stream: all members of a file one after the other; whatever follows the last is left alone. */
import { Buffer } from "node:buffer";
import { pipeline, Readable } from "node:stream";
import { constants, crc32, createInflateRaw } from "node:zlib";
import { VolumeError } from "../grid/grid.ts";

/** Bytes read and inflated together. */
export const CHUNK = 2 ** 18;

/** Deflate cannot shrink more than this. */
export const MAX_RATIO = 1032;

/** Twice the blocks of 64 KiB that the largest volume has: a guard against files of tiny members, each of which takes 1 ms. */
const MAX_MEMBERS = 2 ** 15;

/** True where bytes begin as gzip does. */
export function isGzip(start: Uint8Array): boolean {
  return start[0] === 0x1f && start[1] === 0x8b;
}

/** Reads any numbers of bytes from a chunked source; `close()` ends the source, wherever it stands. */
export class ChunkReader {
  readonly #chunks: AsyncIterator<Uint8Array>;
  /** Chunks that come before those of the source; none is empty. */
  readonly #rest: Uint8Array[] = [];

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The next `count` bytes, or fewer where the source ends; they stay to be read. */
  async peek(count: number): Promise<Uint8Array> {
    let start = await this.next() ?? new Uint8Array(0);
    while (start.length < count) {
      const chunk = await this.next();
      if (chunk === null) break;
      start = Buffer.concat([start, chunk]);
    }
    this.unread([start]);
    return start.subarray(0, count);
  }

  /** Fills `into` as far as bytes come; returns how many did. */
  async fill(into: Uint8Array): Promise<number> {
    let done = 0;
    while (done < into.length) {
      const chunk = await this.next();
      if (chunk === null) break;
      const part = chunk.subarray(0, into.length - done);
      into.set(part, done);
      done += part.length;
      this.unread([chunk.subarray(part.length)]);
    }
    return done;
  }

  /** Skips everything up to the first byte of a value, and that byte. */
  async skipPast(value: number): Promise<void> {
    for (let chunk = await this.next(); chunk !== null; chunk = await this.next()) {
      const at = chunk.indexOf(value);
      if (at >= 0) return this.unread([chunk.subarray(at + 1)]);
    }
  }

  /** The bytes that come next, as many as there are at once; null at the end. */
  async next(): Promise<Uint8Array | null> {
    const rest = this.#rest.shift();
    if (rest !== undefined) return rest;
    const next = await this.#chunks.next();
    return next.done ? null : next.value;
  }

  /** Puts chunks back in front of those to come. */
  unread(chunks: readonly Uint8Array[]): void {
    this.#rest.unshift(...chunks.filter((c) => c.length > 0));
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

/**
 * The content of every gzip member, one after the other. Bytes after a whole member that are no further one are ignored,
 * as zlib's reader ignores them: archives and transfers pad files.
 * @throws {VolumeError} the first member is damaged, or a checksum is wrong
 */
export async function* inflate(source: ChunkReader): AsyncGenerator<Uint8Array> {
  try {
    for (let member = 1; isGzip(await source.peek(2)); member++) {
      if (member > MAX_MEMBERS) throw tooMany();
      let crc = 0;
      let length = 0;
      try {
        await skipHeader(source);
        for await (const bytes of inflateMember(source)) {
          crc = crc32(bytes, crc);
          length += bytes.length;
          yield bytes;
        }
      } catch (error) {
        if (!(error as { code?: string }).code?.startsWith("Z_")) throw error;
        if (member === 1) throw damaged();
        return; // Padding that begins like gzip; voxels that are missing are reported with figures.
      }
      const trailer = new DataView(new ArrayBuffer(8));
      // A truncated file yields the bytes that it holds, and the caller reports the short read with figures.
      if (await source.fill(new Uint8Array(trailer.buffer)) < 8) return;
      if (trailer.getUint32(0, true) !== crc || trailer.getUint32(4, true) !== length % 2 ** 32) throw damaged();
    }
  } finally {
    await source.close();
  }
}

function tooMany(): VolumeError {
  return new VolumeError(`Cannot read a volume: expected at most ${MAX_MEMBERS} gzip members, got more`);
}

function damaged(): VolumeError {
  return new VolumeError("Cannot read a volume: expected whole gzip data, got damaged data");
}

/** Flags of a member's header, RFC 1952. */
const FLAG = { checksum: 2, extra: 4, name: 8, comment: 16 } as const;

async function skipHeader(source: ChunkReader): Promise<void> {
  const fixed = new Uint8Array(10);
  await source.fill(fixed);
  const flags = fixed[3];
  if (flags & FLAG.extra) {
    const length = new Uint8Array(2);
    await source.fill(length);
    await source.fill(new Uint8Array(length[0] + 256 * length[1]));
  }
  for (const text of [FLAG.name, FLAG.comment]) if (flags & text) await source.skipPast(0);
  if (flags & FLAG.checksum) await source.fill(new Uint8Array(2));
}

/** Inflates up to the end of a member; the bytes after it go back to the source. */
async function* inflateMember(source: ChunkReader): AsyncGenerator<Uint8Array> {
  // Sync flush: a truncated stream ends without an error.
  const raw = createInflateRaw({ chunkSize: CHUNK, finishFlush: constants.Z_SYNC_FLUSH });
  /** Chunks given to `raw` that it has not taken in whole, and the number of bytes before them. */
  const given: Uint8Array[] = [];
  let before = 0;
  const feed = async function* () {
    for (let chunk = await source.next(); chunk !== null; chunk = await source.next()) {
      given.push(chunk);
      yield chunk;
    }
  }();
  // `pipeline` requires a callback; its error also reaches the loop below.
  pipeline(Readable.from(feed, { objectMode: true, highWaterMark: 1 }), raw, () => {});
  for await (const bytes of raw) {
    while (given.length > 0 && before + given[0].length <= raw.bytesWritten) before += given.shift()!.length;
    yield bytes;
  }
  // Waits for a chunk that is on its way.
  await feed.return();
  let taken = raw.bytesWritten - before;
  source.unread(given.map((chunk) => {
    const rest = chunk.subarray(taken);
    taken = Math.max(taken - chunk.length, 0);
    return rest;
  }));
}
