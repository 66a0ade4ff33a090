/**
 * Backups of a data directory: a dump of the database and the files by their hashes, in a folder that holds many of them.
 * Taken while the service runs; a file that a row needs and that was deleted meanwhile makes the dump anew.
 *
 * `<root>/backups/<time>/backup.json` and `*.jsonl`, `<root>/objects/ab/abcd…`
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Database, Witness } from "../database/database.ts";
import { DomainError } from "../errors.ts";
import { acquireLock, type Lock } from "../files/lock.ts";
import { digestFile, exists, removeIfEmpty, removeIfPresent, writeWhole } from "../files/files.ts";
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
  await Deno.mkdir(`${root}/backups`, { recursive: true, mode: 0o700 });
  const lock = await lockRoot(root);
  try {
    await removeHalf(root);
    await Deno.mkdir(staging, { recursive: true, mode: 0o700 });
    await Deno.mkdir(`${root}/objects`, { recursive: true, mode: 0o700 });
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
    lock.release();
  }
}

/** One process at a time works on the backups of a folder. @throws {DomainError} `locked` */
async function lockRoot(root: string): Promise<Lock> {
  return await acquireLock(`${root}/lock`, { what: "the folder of the backups" });
}

/** Removes what backups left that were interrupted: rows and files of patients that no backup shows. */
async function removeHalf(root: string): Promise<void> {
  const used = new Set((await listBackups(root)).flatMap(([, { files }]) => files.map(({ sha256 }) => sha256)));
  for (const folder of ["backups", "objects"]) {
    if (!await exists(`${root}/${folder}`)) continue;
    for await (const { name } of Deno.readDir(`${root}/${folder}`)) {
      if (name.startsWith(".")) await removeIfPresent(`${root}/${folder}/${name}`);
      else if (folder === "objects") await removeUnused(`${root}/objects/${name}`, used);
    }
  }
}

async function removeUnused(folder: string, used: ReadonlySet<string>): Promise<void> {
  for await (const { name } of Deno.readDir(folder)) if (!used.has(name)) await removeIfPresent(`${folder}/${name}`);
  await removeIfEmpty(folder);
}

/** What a backup may hold. */
export interface Held {
  /** Id of a data set. */
  readonly dataset?: string | undefined;
  /** `NAME/VERSION` */
  readonly model?: string | undefined;
  /** Id of a job. */
  readonly job?: string | undefined;
}

/** Reports whether a backup holds all of these: rows or files, which may be deleted since. */
export async function holds(root: string, [name, backup]: [string, Backup], held: Held): Promise<boolean> {
  const { dataset, model, job } = held;
  if (dataset !== undefined && !backup.datasets.includes(dataset)) return false;
  if (model !== undefined && !backup.files.some(({ path }) => path.startsWith(`models/${model}/`))) return false;
  if (job === undefined) return true;
  if (backup.files.some(({ path }) => path.split("/")[1]?.startsWith(job) === true)) return true;
  const rows = createInterface({ input: createReadStream(`${root}/backups/${name}/jobs.jsonl`), crlfDelay: Infinity });
  for await (const row of rows) if (row !== "" && JSON.parse(row).id === job) return true;
  return false;
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
  if (!/^[\w-]+$/.test(name) || !await exists(path)) {
    throw new DomainError("not-found", "Cannot find this backup: `sulcus backup list` lists those there are");
  }
  const backup: Backup = JSON.parse(await Deno.readTextFile(path));
  if (backup.format === FORMAT) return backup;
  throw new DomainError("invalid-archive", `Cannot read the backup: expected format ${FORMAT}, got ${backup.format}`);
}

/** Removes a backup, and the files that no other one has. */
export async function removeBackup(root: string, name: string): Promise<void> {
  await readBackup(root, name);
  const lock = await lockRoot(root);
  try {
    await removeIfPresent(`${root}/backups/${name}`);
    await removeHalf(root);
  } finally {
    lock.release();
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
  /** Writes into the restored trail that it was restored. */
  readonly witness?: Witness;
}

/**
 * Restores a backup into an empty data directory and an empty database. Everything is checked by its hash.
 * @throws {DomainError} `not-found`, `conflict` something is there already, `invalid-archive`, `database-too-new`
 */
export async function restoreBackup(
  { root, name, dataDirectory, open, witness }: RestoreOptions,
): Promise<[string, Backup]> {
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
    await restoreRows(database, { folder, dump: { ...backup, files: [] }, witness });
  } finally {
    await database.close();
  }
  await removeIfPresent(`${dataDirectory}/${INCOMPLETE}`);
  return [newest, backup];
}
