/** Files that are whole or absent: temporary name, fsync, rename. Not a storage abstraction. */
import { DomainError } from "./errors.ts";

export interface ReceivedFile {
  readonly bytes: number;
  readonly sha256: string;
}

/**
 * Streams `source` to `path` (temporary file, fsync, rename) and hashes it on the way.
 * @throws {DomainError} `too-large` past `maxBytes`; nothing is left behind
 */
export function receiveFile(
  _source: ReadableStream<Uint8Array>,
  _path: string,
  _options: { maxBytes: number; signal?: AbortSignal },
): Promise<ReceivedFile> {
  throw new DomainError("internal", "Cannot do this yet");
}
