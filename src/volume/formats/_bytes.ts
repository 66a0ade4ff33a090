/** A file or buffer as a stream of bytes, inflated where it is gzip, that is read only as far as asked. */
import { open } from "node:fs/promises";
import { CHUNK, ChunkReader, inflate, isGzip, MAX_RATIO } from "./_gzip.ts";

/** Reads exact numbers of bytes; `close()` ends the source, wherever it stands. */
export class ByteFeed {
  readonly #bytes: ChunkReader;
  /** Bytes handed out so far. */
  position = 0;

  private constructor(
    bytes: ChunkReader,
    /** The source is gzip, and is inflated here. */
    readonly isGzip: boolean,
    /** The most bytes that can still come, from the size of the file. */
    readonly mostBytes: number,
  ) {
    this.#bytes = bytes;
  }

  /** @throws {Error} when the file cannot be opened; the message holds no name */
  static async open(source: string | Uint8Array): Promise<ByteFeed> {
    const { chunks, size } = typeof source === "string"
      ? await openFile(source)
      : { chunks: once(source), size: source.length };
    const stored = new ChunkReader(chunks);
    return isGzip(await stored.peek(2))
      ? new ByteFeed(new ChunkReader(inflate(stored)), true, size * MAX_RATIO)
      : new ByteFeed(stored, false, size);
  }

  /** The next `count` bytes, or fewer where the source ends; they stay to be read. */
  async peek(count: number): Promise<Uint8Array> {
    return await this.#bytes.peek(count);
  }

  /** Fills `into` as far as bytes come; returns how many did. */
  async fill(into: Uint8Array): Promise<number> {
    const done = await this.#bytes.fill(into);
    this.position += done;
    return done;
  }

  async close(): Promise<void> {
    await this.#bytes.close();
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
