/** Files that are whole or absent: temporary name, fsync, rename. Not a storage abstraction. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { DomainError } from "./errors.ts";

export interface ReceivedFile {
  readonly bytes: number;
  /** Of the bytes as they came, hexadecimal. */
  readonly sha256: string;
}

/**
 * Streams `source` to `path` (temporary file, fsync, rename) and hashes it on the way.
 * @throws {DomainError} `too-large` past `maxBytes`; nothing is left behind
 */
export async function receiveFile(
  source: ReadableStream<Uint8Array>,
  path: string,
  { maxBytes, signal }: { maxBytes: number; signal?: AbortSignal },
): Promise<ReceivedFile> {
  const directory = dirname(path);
  await Deno.mkdir(directory, { recursive: true });
  const temporary = `${directory}/.tmp-${crypto.randomUUID()}`;
  try {
    const received = await writeSynced(source, temporary, { maxBytes, signal });
    await Deno.rename(temporary, path);
    await syncDirectory(directory);
    return received;
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

/** Writes a new file from a stream, hashes it and fsyncs it; the caller removes it after an error. */
export async function writeSynced(
  source: ReadableStream<Uint8Array>,
  path: string,
  { maxBytes = Infinity, signal }: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<ReceivedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  using file = await Deno.open(path, { createNew: true, write: true });
  for await (const chunk of source) {
    signal?.throwIfAborted();
    bytes += chunk.length;
    if (bytes > maxBytes) {
      throw new DomainError("too-large", `Cannot store a file: expected at most ${maxBytes} bytes, got more`);
    }
    hash.update(chunk);
    for (let done = 0; done < chunk.length;) done += await file.write(chunk.subarray(done));
  }
  await file.sync();
  return { bytes, sha256: hash.digest("hex") };
}

/** Writes a small file whole or not at all. */
export async function writeFileAtomic(path: string, content: string | Uint8Array<ArrayBuffer>): Promise<void> {
  await receiveFile(new Blob([content]).stream(), path, { maxBytes: Infinity });
}

/** Makes renames and new names inside `directory` durable. */
export async function syncDirectory(directory: string): Promise<void> {
  if (Deno.build.os === "windows") return; // no such operation there
  using handle = await Deno.open(directory);
  await handle.sync();
}

/** Size, sha256 and zip checksum of a file. */
export async function digestFile(path: string): Promise<ReceivedFile & { readonly crc32: number }> {
  const hash = createHash("sha256");
  let bytes = 0;
  let crc = 0;
  const file = await Deno.open(path);
  for await (const chunk of file.readable) {
    hash.update(chunk);
    crc = crc32(chunk, crc);
    bytes += chunk.length;
  }
  return { bytes, sha256: hash.digest("hex"), crc32: crc };
}

/** Removes a file or folder; what is absent is no error. */
export async function removeIfPresent(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  });
}
