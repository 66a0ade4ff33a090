/**
 * Backups of a data directory: a dump of the database and the files by their hashes, in a folder that holds many of them.
 * Taken while the service runs; a file that a row needs and that was deleted meanwhile makes the dump anew.
 *
 * `<root>/backups/<time>/backup.json` and `*.jsonl`, `<root>/objects/ab/abcd…`
 */
import type { Database } from "../database/database.ts";
import { DomainError } from "../errors.ts";
import { digestFile, exists, removeIfPresent, writeWhole } from "../files/files.ts";
import { checkSchemaVersion, type Dump, restoreRows } from "./dump.ts";
import { fetchObject, listFiles, type StoredObject, storeObject } from "./objects.ts";

const FORMAT = 1;

/** What `backup.json` holds. */
export interface Backup extends Omit<Dump, "files"> {
  readonly format: typeof FORMAT;
  readonly createdAt: string;
  /** The program that made it. */
  readonly sulcus: string;
  /** Of each table's lines. */
  readonly sha256: Readonly<Record<string, string>>;
  readonly files: readonly StoredObject[];
}

export interface BackupOptions {
  readonly dataDirectory: string;
  /** Folder of the backups. */
  readonly root: string;
  readonly sulcus: string;
  /** Dumps the database into a folder: see `dumpTo()`. */
  readonly dump: (folder: string) => Promise<Dump>;
}

/** Dumps that are tried while files are deleted. */
const TRIES = 5;

/** Makes a backup; returns its name. @throws {DomainError} `conflict`: files are deleted all the time */
export async function makeBackup({ dataDirectory, root, sulcus, dump }: BackupOptions): Promise<[string, Backup]> {
  const createdAt = new Date().toISOString(), name = createdAt.replaceAll(/[:.]/g, "-");
  const staging = `${root}/backups/.tmp-${name}`;
  await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
  await Deno.mkdir(`${root}/objects`, { recursive: true, mode: 0o700 });
  try {
    for (let tries = 1;; tries++) {
      const { files: needed, ...dumped } = await dump(staging);
      const files: StoredObject[] = [];
      for (const path of await listFiles(dataDirectory)) {
        const stored = await storeObject(root, dataDirectory, path);
        if (stored !== null) files.push(stored);
      }
      const found = new Set(files.map(({ path }) => path));
      const missing = needed.filter((path) => !found.has(path)).length;
      if (missing > 0 && tries < TRIES) continue;
      if (missing > 0) {
        throw new DomainError(
          "conflict",
          `Cannot back up: ${missing} of ${needed.length} files that the database names are not in the data folder. ` +
            "Data sets or models were deleted all the while, or files are lost",
        );
      }
      const hashes: [string, string][] = [];
      for (const { name } of dumped.tables) hashes.push([name, (await digestFile(`${staging}/${name}.jsonl`)).sha256]);
      const backup: Backup = {
        format: FORMAT,
        createdAt,
        sulcus,
        ...dumped,
        sha256: Object.fromEntries(hashes),
        files,
      };
      await writeWhole(`${staging}/backup.json`, JSON.stringify(backup, null, 1));
      await Deno.rename(staging, `${root}/backups/${name}`);
      return [name, backup];
    }
  } finally {
    await removeIfPresent(staging);
  }
}

/** The backups of a folder, oldest first. */
export async function listBackups(root: string): Promise<[string, Backup][]> {
  if (!await exists(`${root}/backups`)) return [];
  const names = (await Array.fromAsync(Deno.readDir(`${root}/backups`))).map(({ name }) => name);
  const found: [string, Backup][] = [];
  for (const name of names.filter((name) => !name.startsWith(".")).sort()) {
    found.push([name, await readBackup(root, name)]);
  }
  return found;
}

/** @throws {DomainError} `not-found`, `invalid-archive` */
async function readBackup(root: string, name: string): Promise<Backup> {
  const path = `${root}/backups/${name}/backup.json`;
  if (!/^[\w-]+$/.test(name) || !await exists(path)) throw new DomainError("not-found", "Cannot find this backup");
  const backup: Backup = JSON.parse(await Deno.readTextFile(path));
  if (backup.format === FORMAT) return backup;
  throw new DomainError("invalid-archive", `Cannot read the backup: expected format ${FORMAT}, got ${backup.format}`);
}

/** Removes a backup, and the files that no other one has. */
export async function removeBackup(root: string, name: string): Promise<void> {
  await readBackup(root, name);
  await removeIfPresent(`${root}/backups/${name}`);
  const used = new Set((await listBackups(root)).flatMap(([, { files }]) => files.map(({ sha256 }) => sha256)));
  for await (const { name: part } of Deno.readDir(`${root}/objects`)) {
    if (part.startsWith(".")) continue;
    for await (const { name: sha256 } of Deno.readDir(`${root}/objects/${part}`)) {
      if (!used.has(sha256)) await removeIfPresent(`${root}/objects/${part}/${sha256}`);
    }
  }
}

/** The file that says that a restore has not ended; a data directory with it is not opened. */
export const INCOMPLETE = "restore-incomplete";

export interface RestoreOptions {
  readonly root: string;
  /** Default: the newest. */
  readonly name?: string;
  /** Empty or absent; it gets the files. */
  readonly dataDirectory: string;
  /** Opens the empty database that gets the rows. */
  readonly open: () => Promise<Database>;
}

/**
 * Restores a backup into an empty data directory and an empty database. Everything is checked by its hash.
 * @throws {DomainError} `not-found`, `conflict` something is there already, `invalid-archive`, `database-too-new`
 */
export async function restoreBackup({ root, name, dataDirectory, open }: RestoreOptions): Promise<[string, Backup]> {
  const newest = name ?? (await listBackups(root)).at(-1)?.[0];
  if (newest === undefined) throw new DomainError("not-found", "Cannot restore: the folder has no backup");
  const backup = await readBackup(root, newest), folder = `${root}/backups/${newest}`;
  checkSchemaVersion(backup);
  for (const { name } of backup.tables) {
    const { sha256 } = await digestFile(`${folder}/${name}.jsonl`);
    if (sha256 === backup.sha256[name]) continue;
    throw new DomainError("invalid-archive", `Cannot restore the backup: the rows of ${name} were changed`);
  }
  await Deno.mkdir(dataDirectory, { recursive: true, mode: 0o700 });
  const there = (await Array.fromAsync(Deno.readDir(dataDirectory))).length;
  if (there > 0) {
    throw new DomainError(
      "conflict",
      `Cannot restore into this data directory: expected an empty one, got ${there} entries`,
    );
  }
  await writeWhole(
    `${dataDirectory}/${INCOMPLETE}`,
    "A restore has begun here and not ended. Empty this folder and restore again.\n",
  );
  for (const file of backup.files) await fetchObject(root, dataDirectory, file);
  const database = await open();
  try {
    await restoreRows(database, folder, { ...backup, files: [] });
  } finally {
    await database.close();
  }
  await removeIfPresent(`${dataDirectory}/${INCOMPLETE}`);
  return [newest, backup];
}
