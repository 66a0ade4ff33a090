/** Files of backups, stored once under their sha256: a second backup of the same files takes no further space. */
import { DomainError } from "../errors.ts";
import { digestFile, exists, receiveFile, removeIfPresent } from "../files/files.ts";
import { isTemporary } from "../files/sweep.ts";

export interface StoredObject {
  /** Path below the data directory. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Parts of the data directory that a backup leaves out: the database, uploads under way, locks, dumps. */
const LEFT_OUT = /^(pg|spool|backup)(\/|$)|(^|\/)(sulcus\.lock|lock|restore-incomplete)$/;

/** Paths below a data directory that belong into a backup. */
export async function listFiles(dataDirectory: string, below = ""): Promise<string[]> {
  const found: string[] = [];
  const entries = await Array.fromAsync(Deno.readDir(`${dataDirectory}/${below}`)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return []; // removed meanwhile
    throw error;
  });
  for (const { name, isDirectory, isFile } of entries) {
    const path = below === "" ? name : `${below}/${name}`;
    if (LEFT_OUT.test(path) || isTemporary(path)) continue;
    if (isDirectory) found.push(...await listFiles(dataDirectory, path));
    else if (isFile) found.push(path);
  }
  return found.sort();
}

export function objectPath(root: string, sha256: string): string {
  return `${root}/objects/${sha256.slice(0, 2)}/${sha256}`;
}

/** Copies a file into the store; null: it was removed meanwhile. */
export async function storeObject(root: string, dataDirectory: string, path: string): Promise<StoredObject | null> {
  const source = await Deno.open(`${dataDirectory}/${path}`).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (source === null) return null;
  const arriving = `${root}/objects/.tmp-${crypto.randomUUID()}`;
  try {
    const { sha256, bytes } = await receiveFile(source.readable, arriving);
    const target = objectPath(root, sha256);
    if (!await exists(target)) {
      await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
      await Deno.rename(arriving, target);
    }
    return { path, sha256, bytes };
  } finally {
    await removeIfPresent(arriving);
  }
}

/** @throws {DomainError} `invalid-archive`: the stored file is missing or damaged */
export async function checkObject(root: string, { sha256 }: StoredObject): Promise<void> {
  const found = await digestFile(objectPath(root, sha256)).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  });
  if (found?.sha256 === sha256) return;
  const what = found === null ? "is missing" : "was changed";
  throw new DomainError("invalid-archive", `Cannot restore the backup: its object ${sha256.slice(0, 12)}… ${what}`);
}

/** Writes a file of the store to its place. @throws {DomainError} `invalid-archive`: it is missing or damaged */
export async function fetchObject(root: string, dataDirectory: string, object: StoredObject): Promise<void> {
  if (/(^|\/)\.\.?(\/|$)|^\/|\\/.test(object.path)) {
    throw new DomainError("invalid-archive", "Cannot restore the backup: a path in it leaves the data directory");
  }
  await checkObject(root, object);
  const source = await Deno.open(objectPath(root, object.sha256));
  await receiveFile(source.readable, `${dataDirectory}/${object.path}`);
}
