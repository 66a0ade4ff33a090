import assert from "node:assert/strict";
import { refusal } from "../testing/refusal.ts";
import { createTestDatabase, TEST_URL } from "../testing/database.ts";
import type { Database } from "../database/database.ts";
import { migrate, MIGRATIONS } from "../database/migrations.ts";
import { openDatabase } from "../database/open_database.ts";
import { openPglite } from "../database/pglite.ts";
import { exists, writeWhole } from "../files/files.ts";
import { INCOMPLETE, listBackups, makeBackup, removeBackup, restoreBackup } from "./backup.ts";
import { dumpTo } from "./dump.ts";
import { answerDumps, askForDump } from "./requests.ts";

const KINDS: Readonly<Record<string, { open: () => Promise<Database>; ignore: boolean }>> = {
  PGlite: { open: () => openPglite(), ignore: false },
  PostgreSQL: { open: () => createTestDatabase(TEST_URL!), ignore: !TEST_URL },
};

const DATASET = "6b5ad9a4-3c60-4d43-9c29-0f6ab9d36f01";
const CASE = "6b5ad9a4-3c60-4d43-9c29-0f6ab9d36f02";
const FILE = `datasets/${DATASET}/cases/a/t1.nii`;

/** Rows that refer to each other, one of them with a file, as an earlier schema has them. */
async function fill(database: Database, data: string): Promise<void> {
  await database.query(
    "INSERT INTO sulcus.datasets (id, name, task, modalities, labels, classes, created_at) VALUES ($1, $2, $3, '[]', '[]', '[]', $4)",
    [DATASET, 'Zoë\'s "cases"\n', "segmentation", new Date("2026-01-02T03:04:05.678Z")],
  );
  await database.query("INSERT INTO sulcus.dataset_cases (id, dataset, name) VALUES ($1, $2, 'a')", [CASE, DATASET]);
  await database.query(
    "INSERT INTO sulcus.dataset_files (case_id, role, file, sha256, bytes, info) VALUES ($1, 't1', 'cases/a/t1.nii', 'x', $2, '{}')",
    [CASE, "9007199254740993"],
  );
  for (let i = 0; i < 1203; i++) {
    await database.query("INSERT INTO sulcus.audit (actor, action, model, version) VALUES ('w', 'import', 'm', $1)", [
      i + 1,
    ]);
  }
  await writeWhole(`${data}/${FILE}`, "voxels");
  await writeWhole(`${data}/models/m/1/network.onnx`, "voxels"); // the same bytes: stored once
  await writeWhole(`${data}/spool/x/upload`, "an upload under way");
  await writeWhole(`${data}/.tmp-x`, "half");
}

async function rowsOf(database: Database): Promise<string> {
  const { rows } = await database.query<{ row: string }>(
    `SELECT to_jsonb(d)::text AS row FROM sulcus.datasets d UNION ALL SELECT to_jsonb(f)::text FROM sulcus.dataset_files f
     UNION ALL SELECT to_jsonb(c)::text FROM sulcus.dataset_cases c
     UNION ALL SELECT string_agg(to_jsonb(a)::text, ',' ORDER BY id) FROM sulcus.audit a`,
  );
  return rows.map(({ row }) => row).sort().join("\n");
}

async function inFolders(fn: (folders: { data: string; root: string; again: string }) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  const [data, root, again] = ["data", "backups", "again"].map((name) => `${folder}/${name}`);
  await Deno.mkdir(data);
  try {
    await fn({ data, root, again });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const [kind, { open, ignore }] of Object.entries(KINDS)) {
  Deno.test({
    name: `a backup restores to the same rows, numbers and files (${kind})`,
    ignore,
    sanitizeOps: false,
    sanitizeResources: false,
    fn: () =>
      inFolders(async ({ data, root, again }) => {
        const database = await open(), target = await open();
        await migrate(database);
        await fill(database, data);
        const dump = (folder: string) => dumpTo(database, folder);
        const make = () => makeBackup({ dataDirectory: data, root, sulcus: "1", dump });
        const [name, backup] = await make();
        assert.deepEqual(backup.files.map(({ path }) => path), [FILE, "models/m/1/network.onnx"]);
        assert.equal(backup.files[0].sha256, backup.files[1].sha256);
        assert.deepEqual(backup.datasets, [DATASET]);
        const expected = await rowsOf(database);
        const keptOpen = { ...target, close: () => Promise.resolve() };
        const options = { root, dataDirectory: again, open: () => Promise.resolve(keptOpen) };
        const [restored] = await restoreBackup(options);
        assert.equal(restored, name);
        assert.equal(await rowsOf(target), expected);
        assert.equal(await Deno.readTextFile(`${again}/${FILE}`), "voxels");
        assert.equal(await exists(`${again}/${INCOMPLETE}`), false);
        const next =
          "INSERT INTO sulcus.audit (actor, action, model, version) VALUES ('w', 'import', 'm', 1) RETURNING id::text";
        assert.equal((await target.query<{ id: string }>(next)).rows[0].id, "1204", "numbers go on");
        await assert.rejects(restoreBackup(options), refusal("conflict", /expected an empty one/));

        await database.query("DELETE FROM sulcus.datasets WHERE id = $1", [DATASET]);
        await Deno.remove(`${data}/datasets`, { recursive: true });
        const [later] = await make();
        assert.deepEqual((await listBackups(root)).map(([n, b]) => [n, b.datasets]), [[name, [DATASET]], [later, []]]);
        await removeBackup(root, name);
        assert.deepEqual((await listBackups(root)).map(([n]) => n), [later]);
        await database.close();
        await target.close();
      }),
  });
}

Deno.test("a backup whose rows, files or version are not what they were is refused, and half a restore is not opened", () =>
  inFolders(async ({ data, root, again }) => {
    const database = await openPglite();
    await migrate(database);
    await fill(database, data);
    const [name, backup] = await makeBackup({
      dataDirectory: data,
      root,
      sulcus: "1",
      dump: (f) => dumpTo(database, f),
    });
    await database.close();
    const restore = () => restoreBackup({ root, dataDirectory: again, open: () => openPglite() });
    const change = async (path: string, text: string, code: string, words: RegExp) => {
      const former = await Deno.readTextFile(path);
      await Deno.writeTextFile(path, text);
      await assert.rejects(restore(), refusal(code, words));
      await Deno.writeTextFile(path, former);
    };
    const own = `${root}/backups/${name}`;
    await change(`${own}/audit.jsonl`, "{}", "invalid-archive", /the rows of audit were changed/);
    const newer = JSON.stringify({ ...backup, schemaVersion: MIGRATIONS.length + 1 });
    await change(`${own}/backup.json`, newer, "database-too-new", /a newer version of Sulcus made it/);
    const climbing = JSON.stringify({ ...backup, files: [{ ...backup.files[0], path: "../evil" }] });
    await change(`${own}/backup.json`, climbing, "invalid-archive", /leaves the data directory/);
    await Deno.remove(again, { recursive: true });
    const { sha256 } = backup.files[0];
    await change(`${root}/objects/${sha256.slice(0, 2)}/${sha256}`, "VOXELS", "invalid-archive", /was changed/);
    await assert.rejects(
      openDatabase({ dataDirectory: again }),
      refusal("conflict", /a restore into it has not ended/),
    );
    await Deno.remove(again, { recursive: true });
    await restoreBackup({ root, dataDirectory: again, open: () => openPglite() });
  }));

Deno.test("a backup of an earlier schema is brought up to date", () =>
  inFolders(async ({ data, root, again }) => {
    const database = await openPglite(), target = await openPglite();
    await migrate(database, MIGRATIONS.slice(0, 3));
    await fill(database, data);
    await makeBackup({ dataDirectory: data, root, sulcus: "0", dump: (folder) => dumpTo(database, folder) });
    const keptOpen = { ...target, close: () => Promise.resolve() };
    await restoreBackup({ root, dataDirectory: again, open: () => Promise.resolve(keptOpen) });
    const { rows } = await target.query("SELECT name, owner FROM sulcus.datasets");
    assert.deepEqual(rows, [{ name: 'Zoë\'s "cases"\n', owner: null }]);
    await database.close();
    await target.close();
  }));

Deno.test("the process that has the database dumps it for another one, and says when it cannot", () =>
  inFolders(async ({ data, root }) => {
    const database = await openPglite();
    await migrate(database);
    await fill(database, data);
    const failures: unknown[] = [];
    {
      await using _answers = answerDumps(database, data, { onFailed: (error) => failures.push(error) });
      const dump = await askForDump(data, root);
      assert.ok(dump.tables.some(({ name, rows }) => name === "audit" && rows === 1203));
      assert.equal((await Deno.readTextFile(`${root}/audit.jsonl`)).trim().split("\n").length, 1203);
      assert.deepEqual([...Deno.readDirSync(`${data}/backup`)], [], "a dump with names does not stay");
      await database.close();
      await assert.rejects(askForDump(data, root), refusal("database-unavailable", /the service's database failed/));
      assert.equal(failures.length, 1);
    }
    await assert.rejects(askForDump(data, root, { waitMs: 300 }), refusal("locked", /did not answer within 0.3 s/));
  }));

Deno.test("files that are deleted during a backup make it dump anew; lost ones end it in words", () =>
  inFolders(async ({ data, root }) => {
    const database = await openPglite();
    await migrate(database);
    await fill(database, data);
    let dumps = 0;
    const dump = async (folder: string) => {
      const made = await dumpTo(database, folder);
      if (dumps++ === 0) { // deleted between the dump and the copies
        await database.query("DELETE FROM sulcus.datasets WHERE id = $1", [DATASET]);
        await Deno.remove(`${data}/datasets`, { recursive: true });
      }
      return made;
    };
    const [, backup] = await makeBackup({ dataDirectory: data, root, sulcus: "1", dump });
    assert.deepEqual([dumps, backup.datasets, backup.files.length], [2, [], 1]);
    await fill(database, data).catch(() => {}); // its rows of the audit are there already
    await Deno.remove(`${data}/${FILE}`);
    const again = makeBackup({ dataDirectory: data, root, sulcus: "1", dump: (folder) => dumpTo(database, folder) });
    await assert.rejects(again, refusal("conflict", /1 of 1 files that the database names are not in the data folder/));
    await database.close();
  }));
