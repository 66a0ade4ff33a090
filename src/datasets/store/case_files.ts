/**
 * Case files on disk: `<root>/<data set>/cases/<uuid>/<role>-<uuid>` with the ending of their format. No user's name is
 * part of a path.
 */
import { receiveFile, removeIfEmpty, removeIfPresent, syncDirectory } from "../../storage/mod.ts";
import { cleanVolume, volumeEnding } from "../../volume/mod.ts";
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
  readonly inspector: Pick<Inspector, "inspect">;
  readonly signal?: AbortSignal;
}

export function newCaseFolder(): string {
  return `cases/${crypto.randomUUID()}`;
}

/**
 * Writes a copy of a stored file without free text beside it.
 * @returns its path below the data set's folder
 * @throws {VolumeError} the file cannot be read
 */
export async function cleanStored(directory: string, file: string): Promise<string> {
  const [folder, name] = [file.slice(0, file.lastIndexOf("/")), file.slice(file.lastIndexOf("/") + 1)];
  const [role] = name.split("-");
  const clean = `${folder}/${role}-${crypto.randomUUID()}`;
  const written = `${directory}/${clean}.tmp`, whole = clean + await volumeEnding(`${directory}/${file}`);
  try {
    await cleanVolume(`${directory}/${file}`, written);
  } catch (error) {
    await removeIfPresent(written);
    throw error;
  }
  await Deno.rename(written, `${directory}/${whole}`);
  await syncDirectory(`${directory}/${folder}`);
  return whole;
}

/**
 * Streams a file into a case's folder, inspects it, and keeps a copy without free text; a file that is no volume is
 * removed. Hash and size are those of the bytes as they came.
 * @throws {DomainError} `too-large`, `invalid-volume`
 */
export async function storeCaseFile(
  source: ReadableStream<Uint8Array>,
  { directory, folder, role, maxBytes, inspector, signal }: StoreOptions,
): Promise<StoredFile> {
  const bare = `${folder}/${role}-${crypto.randomUUID()}`;
  const arrived = `${directory}/${bare}.tmp`, clean = `${directory}/${bare}`;
  try {
    const received = await receiveFile(source, arrived, { maxBytes, signal });
    const info = await inspector.inspect(arrived, { isLabel: role === "label" });
    await cleanVolume(arrived, clean);
    const file = bare + await volumeEnding(clean);
    await Deno.rename(clean, `${directory}/${file}`);
    await syncDirectory(`${directory}/${folder}`);
    return { role, file, ...received, info };
  } catch (error) {
    await removeIfPresent(clean);
    await removeIfEmpty(`${directory}/${folder}`);
    throw error;
  } finally {
    await removeIfPresent(arrived);
  }
}
