/** `sulcus backup`: backs up a data directory, also of a running service, and lists and removes backups. */
import { resolve } from "node:path";
import project from "../../../deno.json" with { type: "json" };
import {
  askForDump,
  type Backup,
  DomainError,
  dumpTo,
  exists,
  holds,
  keepPrivate,
  listBackups,
  makeBackup,
  openEmptyDatabase,
  removeBackup,
} from "../../storage/mod.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, type Settings, settingsOf } from "../options/settings.ts";
import { operatorWitness } from "../options/operator.ts";
import type { Io } from "../terminal/io.ts";

export const backupCommand: Command = {
  name: "backup",
  summary: "backs up the data directory and its database, also of a running service",
  usage: [
    "backup --to DIR",
    "backup list --to DIR [--dataset ID] [--model NAME/VERSION] [--job ID]",
    "backup remove NAME --to DIR",
  ],
  flags: {
    to: {
      value: "DIR",
      help: "Folder of the backups, on another disk. Files that it has already are not stored again",
    },
    dataset: { value: "ID", help: "List only the backups that hold this data set, which may be deleted since" },
    model: { value: "NAME/VERSION", help: "List only those that hold this version of a model" },
    job: { value: "ID", help: "List only those that hold this job: its record, mask, report or checkpoint" },
    data: DATA_FLAGS.data,
    ...JSON_FLAG,
  },
  words: 2,
  notes: `
A backup is one consistent state: the rows of every table, and every file by its sha256. Run it under the service's own
account, which alone may read the data directory. An embedded database is dumped by the running service itself; with
DATABASE_URL, or where no service runs, by this command. Backups hold patients' data: keep them as the data themselves,
and remove those that hold what was deleted (list --dataset ID, --model NAME/VERSION or --job ID, then remove). The
audit trail has an entry for each backup, and a restored one says so.`,
  run: runBackup,
};

async function runBackup(args: Args, io: Io): Promise<void> {
  const [action, name] = args.words, root = resolve(args.required("to"));
  if (action === "list" && name === undefined) return await list(root, args, io);
  if (action === "remove" && name !== undefined) {
    await removeBackup(root, name);
    return io.out(args.is("json") ? JSON.stringify({ type: "result", removed: name }) : `Removed ${name}`);
  }
  if (action !== undefined) wrong("Cannot run backup: expected nothing more, list, or remove NAME");
  using _private = keepPrivate();
  const settings = settingsOf(args, io.env), dataDirectory = resolve(settings.data);
  if (!await exists(dataDirectory)) {
    throw new DomainError("not-found", "Cannot back up: there is no such data directory");
  }
  const dump = (folder: string) => dumpOf(settings, dataDirectory, folder);
  const [made, backup] = await makeBackup({ dataDirectory, root, sulcus: project.version, dump });
  print(made, backup, args, io);
}

/** Dumps the database here, or lets the service do it that holds it. */
async function dumpOf({ databaseUrl: url }: Settings, dataDirectory: string, folder: string) {
  if (!url && !await exists(`${dataDirectory}/pg`)) {
    throw new DomainError(
      "not-found",
      "Cannot back up: the data directory has no database, and DATABASE_URL is not set",
    );
  }
  const database = await openEmptyDatabase({ dataDirectory, url }).catch((error) => {
    if (error instanceof DomainError && error.code === "locked") return null;
    throw error;
  });
  if (database === null) return await askForDump(dataDirectory, folder);
  try {
    return await dumpTo(database, folder, operatorWitness("backup", "service", "sulcus"));
  } finally {
    await database.close();
  }
}

async function list(root: string, args: Args, io: Io): Promise<void> {
  const held = { dataset: args.text("dataset"), model: args.text("model"), job: args.text("job") };
  for (const found of await listBackups(root)) {
    if (await holds(root, found, held)) print(...found, args, io);
  }
}

function print(name: string, { createdAt, tables, files, datasets, schemaVersion }: Backup, args: Args, io: Io): void {
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (args.is("json")) {
    const counts = { rows, files: files.length, bytes, datasets: datasets.length, schemaVersion };
    return io.out(JSON.stringify({ type: "result", name, createdAt, ...counts }));
  }
  io.out(`${name}: ${rows} rows, ${files.length} files, ${(bytes / 1e6).toFixed(1)} MB, ${datasets.length} data sets`);
}
