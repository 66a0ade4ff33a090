/**
 * Case files on disk: `<root>/<data set>/cases/<uuid>/<role>-<uuid>` with the ending of their format. No user's name is
 * part of a path.
 */
import { receiveFile, removeIfPresent } from "../../storage/mod.ts";
import { volumeEnding } from "../../volume/mod.ts";
import type { StoredFile } from "./rows.ts";
import type { Inspector } from "../checks/inspect.ts";
import type { Role } from "../types.ts";

export interface StoreOptions {
  /** Folder of the data set. */
  readonly directory: string;
  /** Folder of the case inside it, `cases/<uuid>`. */
  readonly folder: string;
  readonly role: Role;
  readonly maxBytes: number;
  readonly inspector: Inspector;
  readonly signal?: AbortSignal;
}

export function newCaseFolder(): string {
  return `cases/${crypto.randomUUID()}`;
}

/**
 * Streams a file into a case's folder and inspects it; a file that is no volume is removed.
 * @throws {DomainError} `too-large`, `invalid-volume`
 */
export async function storeCaseFile(
  source: ReadableStream<Uint8Array>,
  { directory, folder, role, maxBytes, inspector, signal }: StoreOptions,
): Promise<StoredFile> {
  const bare = `${folder}/${role}-${crypto.randomUUID()}`;
  const received = await receiveFile(source, `${directory}/${bare}`, { maxBytes, signal });
  try {
    const info = await inspector.inspect(`${directory}/${bare}`, { isLabel: role === "label" });
    const file = bare + await volumeEnding(`${directory}/${bare}`);
    await Deno.rename(`${directory}/${bare}`, `${directory}/${file}`);
    return { role, file, ...received, info };
  } catch (error) {
    await removeIfPresent(`${directory}/${bare}`);
    throw error;
  }
}
