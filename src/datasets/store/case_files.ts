/** Case files on disk: `<root>/<data set>/cases/<uuid>/<role>-<uuid>.nii.gz`. No user's name is part of a path. */
import { receiveFile, removeIfPresent } from "../../storage/mod.ts";
import type { StoredFile } from "./rows.ts";
import type { Inspector } from "../checks/inspect.ts";
import type { Role } from "../layouts/plan.ts";

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
 * Streams a file into a case's folder and looks into it; nothing stays of a file that is no volume.
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
    const file = `${bare}${await isGzip(`${directory}/${bare}`) ? ".nii.gz" : ".nii"}`;
    await Deno.rename(`${directory}/${bare}`, `${directory}/${file}`);
    return { role, file, ...received, info };
  } catch (error) {
    await removeIfPresent(`${directory}/${bare}`);
    throw error;
  }
}

async function isGzip(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const start = new Uint8Array(2);
  await file.read(start);
  return start[0] === 0x1f && start[1] === 0x8b;
}
