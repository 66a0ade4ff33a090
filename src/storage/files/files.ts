/** Files that are whole or absent: temporary name, fsync, rename. */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { DomainError } from "../errors.ts";

/** A whole file, or its parts one behind the other. */
type Content = string | Uint8Array | readonly (string | Uint8Array)[] | AsyncIterable<Uint8Array>;

/**
 * Replaces `path` by `content`, durably and whole or not at all; makes its folder. The one writer of files that must
 * survive a crash.
 */
export async function writeWhole(path: string, content: Content): Promise<void> {
  const directory = dirname(path);
  await Deno.mkdir(directory, { recursive: true });
  const temporary = `${directory}/.tmp-${crypto.randomUUID()}`;
  try {
    await writeSynced(temporary, content);
    await Deno.rename(temporary, path);
    await syncDirectory(directory);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function writeSynced(path: string, content: Content): Promise<void> {
  using file = await Deno.open(path, { createNew: true, write: true });
  for await (const part of typeof content === "string" || content instanceof Uint8Array ? [content] : content) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
  }
  await file.sync();
}

export interface ReceivedFile {
  readonly bytes: number;
  /** Of the bytes as they came, hexadecimal. */
  readonly sha256: string;
}

/**
 * Writes a stream to `path` whole and hashes it on the way.
 * @throws {DomainError} `too-large` past `maxBytes`; nothing is left behind
 */
export async function receiveFile(
  source: ReadableStream<Uint8Array>,
  path: string,
  { maxBytes = Infinity, signal }: { maxBytes?: number; signal?: AbortSignal } = {},
): Promise<ReceivedFile> {
  const hash = createHash("sha256");
  let bytes = 0;
  async function* measured(): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      signal?.throwIfAborted();
      bytes += chunk.length;
      if (bytes > maxBytes) {
        throw new DomainError("too-large", `Cannot store a file: expected at most ${maxBytes} bytes, got more`);
      }
      hash.update(chunk);
      yield chunk;
    }
  }
  await writeWhole(path, measured());
  return { bytes, sha256: hash.digest("hex") };
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

/** Removes a file or folder; an absent one is no error. */
export async function removeIfPresent(path: string): Promise<void> {
  await Deno.remove(path, { recursive: true }).catch((error) => {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  });
}

/** Removes a folder that has nothing in it; any other stays. */
export async function removeIfEmpty(path: string): Promise<void> {
  await Deno.remove(path).catch((error) => {
    if (!(error instanceof Error && "code" in error && /^(ENOTEMPTY|EEXIST|ENOENT|ENOTDIR)$/.test(`${error.code}`))) {
      throw error;
    }
  });
}

export async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, (error) => {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return false;
    throw error;
  });
}
