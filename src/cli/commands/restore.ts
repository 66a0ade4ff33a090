/** `sulcus restore`: makes a data directory and its database of a backup. */
import { resolve } from "node:path";
import { keepPrivate, openEmptyDatabase, restoreBackup } from "../../storage/mod.ts";
import type { Args, Command } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { operatorWitness } from "../options/operator.ts";
import type { Io } from "../terminal/io.ts";

export const restoreCommand: Command = {
  name: "restore",
  summary: "makes an empty data directory and database what they were at a backup",
  usage: ["restore --from DIR [--at NAME] --data DIR"],
  flags: {
    from: { value: "DIR", help: "Folder of the backups" },
    at: { value: "NAME", help: "The backup, see `sulcus backup list`. Default: the newest" },
    data: { ...DATA_FLAGS.data, help: "Data directory to make; it must be absent or empty" },
    ...JSON_FLAG,
  },
  notes: `
Rows and files are checked by their sha256. With DATABASE_URL the rows go there, into a database without tables of
Sulcus; otherwise into an embedded one. A backup of an earlier version is brought up to date, one of a newer version is
refused. A restore that was interrupted leaves a directory that no service opens: empty it and restore again.
Trainings that were open at the backup resume from their checkpoints.`,
  run: runRestore,
};

async function runRestore(args: Args, io: Io): Promise<void> {
  using _private = keepPrivate();
  const root = resolve(args.required("from")), { data, databaseUrl: url } = settingsOf(args, io.env);
  const dataDirectory = resolve(data);
  const [name, { files, tables }] = await restoreBackup({
    root,
    name: args.text("at"),
    dataDirectory,
    open: () => openEmptyDatabase({ dataDirectory, url }),
    witness: operatorWitness("restore", "service", "sulcus"),
  });
  const rows = tables.reduce((sum, table) => sum + table.rows, 0);
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", name, rows, files: files.length }));
  io.out(`Restored ${name}: ${rows} rows, ${files.length} files`);
}
