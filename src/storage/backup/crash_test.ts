/** A kill at any operation on files or rows of a backup or a restore: no half one counts, and nothing of it is left. */
import assert from "node:assert/strict";
import { refusal } from "../testing/refusal.ts";
import { mortal, walkCrashes } from "../testing/crash.ts";
import { databaseTests } from "../testing/database.ts";
import type { Database } from "../database/database.ts";
import { migrate } from "../database/migrations.ts";
import { openDatabase } from "../database/open_database.ts";
import { exists, writeWhole } from "../files/files.ts";
import { INCOMPLETE, listBackups, makeBackup, restoreBackup } from "./backup.ts";
import { dumpTo } from "./dump.ts";

const test = databaseTests();
const DATASET = "6b5ad9a4-3c60-4d43-9c29-0f6ab9d36f01";
const FILE = `datasets/${DATASET}/cases/a/t1.nii`;

async function fill(database: Database, data: string): Promise<void> {
  await database.script("DROP SCHEMA IF EXISTS sulcus CASCADE");
  await migrate(database);
  await database.query(
    "INSERT INTO sulcus.datasets (id, name, task, modalities, labels, classes) VALUES ($1, 'n', 'segmentation', '[]', '[]', '[]')",
    [DATASET],
  );
  await database.query("INSERT INTO sulcus.dataset_cases (id, dataset, name) VALUES ($1, $1, 'DOE^JANE')", [DATASET]);
  await database.query(
    "INSERT INTO sulcus.dataset_files (case_id, role, file, sha256, bytes, info) VALUES ($1, 't1', 'cases/a/t1.nii', 'x', 6, '{}')",
    [DATASET],
  );
  await writeWhole(`${data}/${FILE}`, "voxels");
}

async function inFolder(fn: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await fn(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const namesIn = async (folder: string) =>
  await exists(folder) ? (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort() : [];

test("a kill at any operation of a backup leaves the former backups, and the next one clears what is left", (database) =>
  inFolder(async (folder) => {
    const [data, root, again] = ["data", "backups", "again"].map((name) => `${folder}/${name}`);
    await fill(database, data);
    const make = (on: Database) => makeBackup({ dataDirectory: data, root, sulcus: "1", dump: (to) => dumpTo(on, to) });
    const known: string[] = [(await make(database))[0]];
    let isAcknowledged = false;
    const operations = await walkCrashes({
      async work() {
        isAcknowledged = false;
        await writeWhole(`${data}/${FILE}`, `voxels ${crypto.randomUUID()}`);
        const [name] = await make(mortal(database));
        isAcknowledged = true;
        known.push(name);
      },
      async check(at, isDone) {
        const where = `operation ${at}`;
        assert.equal(isDone, isAcknowledged, where);
        const listed = (await listBackups(root)).map(([name]) => name);
        assert.ok(known.every((name) => listed.includes(name)), where);
        const [name] = await make(database);
        known.splice(0, known.length, ...listed, name);
        const backups = await listBackups(root);
        assert.deepEqual(await namesIn(`${root}/backups`), backups.map(([name]) => name), `${where}: no half backup`);
        const used = new Set(backups.flatMap(([, { files }]) => files.map(({ sha256 }) => sha256)));
        const stored = (await Promise.all((await namesIn(`${root}/objects`)).map((part) =>
          namesIn(`${root}/objects/${part}`)
        ))).flat();
        assert.deepEqual(stored.sort(), [...used].sort(), `${where}: no file of no backup`);
      },
    });
    assert.ok(operations > 60, `${operations} operations`);
    const [, { files }] = (await listBackups(root)).at(-1)!;
    assert.deepEqual(files.map(({ path }) => path), [FILE]);
    assert.equal(await exists(again), false);
  }));

test("a kill at any operation of a restore leaves what no service opens, and the next restore is whole", (database) =>
  inFolder(async (folder) => {
    const [data, root, again] = ["data", "backups", "again"].map((name) => `${folder}/${name}`);
    await fill(database, data);
    await makeBackup({ dataDirectory: data, root, sulcus: "1", dump: (to) => dumpTo(database, to) });
    const keptOpen = (on: Database): Database => ({ ...on, close: () => Promise.resolve() });
    const restore = (on: Database) =>
      restoreBackup({ root, dataDirectory: again, open: () => Promise.resolve(keptOpen(on)) });
    const empty = async () => {
      await database.script("DROP SCHEMA IF EXISTS sulcus CASCADE");
      if (await exists(again)) await Deno.remove(again, { recursive: true });
    };
    const isWhole = async (where: string) => {
      const { rows } = await database.query(
        "SELECT c.name FROM sulcus.dataset_cases c JOIN sulcus.dataset_files f ON f.case_id = c.id",
      );
      assert.deepEqual(rows, [{ name: "DOE^JANE" }], where);
      assert.equal(await Deno.readTextFile(`${again}/${FILE}`), "voxels", where);
      assert.deepEqual(await namesIn(again), ["datasets"], where);
    };
    await empty();
    const operations = await walkCrashes({
      work: async () => void await restore(mortal(database)),
      async check(at, isDone) {
        const where = `operation ${at}`;
        if (isDone) await isWhole(where);
        else if ((await namesIn(again)).includes(INCOMPLETE)) {
          await assert.rejects(openDatabase({ dataDirectory: again }), refusal("conflict", /has not ended/));
        } else if ((await namesIn(again)).length > 0) {
          const left = await namesIn(again);
          // Nothing of the backup is there yet, or all of it: killed before it said so.
          if (!left.every((name) => name.startsWith(".tmp-"))) await isWhole(where);
        }
        const { rows } = await database.query<{ found: string | null }>(
          "SELECT to_regclass('sulcus.migrations')::text AS found",
        );
        if (rows[0].found !== null) {
          const { rows: [{ n }] } = await database.query<{ n: number }>(
            "SELECT count(*)::integer AS n FROM sulcus.dataset_files",
          );
          assert.equal(n, 1, `${where}: all rows or none`);
        }
        await empty();
        await restore(database);
        await isWhole(where);
        await empty();
      },
    });
    assert.ok(operations > 40, `${operations} operations`);
    await migrate(database);
  }));
