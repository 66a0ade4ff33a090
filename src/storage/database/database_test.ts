import assert from "node:assert/strict";
import { refusal } from "../testing/refusal.ts";
import { databaseTests } from "../testing/database.ts";
import { acquireLock } from "../files/lock.ts";
import { migrate, MIGRATIONS } from "./migrations.ts";
import { openDatabase } from "./open_database.ts";

const test = databaseTests();

test("query() takes and gives the same values on every database", async (database) => {
  const date = new Date("2026-11-24T10:00:00.000Z");
  const { rows } = await database.query(
    `SELECT $1::text AS text, $2::integer AS integer, $3::boolean AS boolean, $4::jsonb AS json, $5::timestamptz AS at,
     $6::text AS nothing, ($7::bigint)::text AS big, $8::jsonb AS list`,
    ["ü", 7, true, JSON.stringify({ a: [1, null] }), date, null, "9007199254740993", JSON.stringify(["x"])],
  );
  assert.deepEqual(rows, [{
    text: "ü",
    integer: 7,
    boolean: true,
    json: { a: [1, null] },
    at: date,
    nothing: null,
    big: "9007199254740993",
    list: ["x"],
  }]);
});

test("query() counts the rows that it touched", async (database) => {
  await database.script("CREATE TABLE counted (n integer); INSERT INTO counted VALUES (1), (2), (3);");
  assert.equal((await database.query("UPDATE counted SET n = 0 WHERE n > $1", [1])).affected, 2);
  assert.equal((await database.query("UPDATE counted SET n = 0 WHERE n > $1", [9])).affected, 0);
});

test("transaction() commits when it resolves and rolls back when it throws", async (database) => {
  await database.script("CREATE TABLE kept (n integer)");
  assert.equal(await database.transaction(async (tx) => (await tx.query("INSERT INTO kept VALUES (1)")).affected), 1);
  await assert.rejects(
    database.transaction(async (tx) => {
      await tx.query("INSERT INTO kept VALUES (2)");
      throw new Error("changed my mind");
    }),
    /changed my mind/,
  );
  assert.deepEqual((await database.query("SELECT n FROM kept")).rows, [{ n: 1 }]);
});

test("script() leaves the database usable after a failure inside BEGIN … COMMIT", async (database) => {
  await assert.rejects(database.script("BEGIN; SELECT 1 / 0; COMMIT"), /division by zero/);
  assert.deepEqual((await database.script("SELECT 1 AS a; SELECT 2 AS b")).rows, [{ a: 1 }, { b: 2 }]);
});

test("migrate() runs each step once and refuses a newer schema", async (database) => {
  const steps = [...MIGRATIONS, "CREATE TABLE sulcus.next (n integer)"];
  await migrate(database, steps);
  await migrate(database, steps); // CREATE TABLE would fail if it ran again
  await assert.rejects(
    migrate(database),
    refusal(
      "database-too-new",
      new RegExp(
        `expected schema version ${MIGRATIONS.length} or less, got ${steps.length}: a newer version .* restore`,
      ),
    ),
  );
  await database.script(`DROP TABLE sulcus.next; DELETE FROM sulcus.migrations WHERE version = ${steps.length}`);
});

test("migrate() takes a patient who has the case's name for one that nobody named", async (database) => {
  const id = "00000000-0000-4000-8000-000000000001";
  await database.script("DROP SCHEMA sulcus CASCADE");
  await migrate(database, MIGRATIONS.slice(0, 2));
  await database.script(`
    INSERT INTO sulcus.datasets (id, name, task, modalities, labels, classes)
      VALUES ('${id}', 'a', 'segmentation', '[]', '[]', '[]');
    INSERT INTO sulcus.dataset_cases (id, dataset, name, patient)
      SELECT gen_random_uuid(), '${id}', name, patient
      FROM (VALUES ('sub-1_ses-1', 'sub-1_ses-1'), ('x', 'p'), ('y', NULL)) AS old (name, patient);`);
  await migrate(database);
  const { rows } = await database.query(
    "SELECT name, patient, patient_from, excluded FROM sulcus.dataset_cases WHERE dataset = $1 ORDER BY name",
    [id],
  );
  assert.deepEqual(rows, [
    { name: "sub-1_ses-1", patient: null, patient_from: null, excluded: null },
    { name: "x", patient: "p", patient_from: "named", excluded: null },
    { name: "y", patient: null, patient_from: null, excluded: null },
  ]);
  await database.query("DELETE FROM sulcus.datasets");
});

test("migrate() brings the data of every former schema up to date, and keeps each row", async (database) => {
  const id = "00000000-0000-4000-8000-000000000002";
  for (let version = 1; version < MIGRATIONS.length; version++) {
    await database.script("DROP SCHEMA sulcus CASCADE");
    await migrate(database, MIGRATIONS.slice(0, version));
    await database.script(`
      INSERT INTO sulcus.datasets (id, name, task, modalities, labels, classes)
        VALUES ('${id}', 'set', 'segmentation', '["t1"]', '[]', '[]');
      INSERT INTO sulcus.dataset_cases (id, dataset, name, patient, class) VALUES ('${id}', '${id}', 'case', 'p', 'c');
      INSERT INTO sulcus.dataset_files (case_id, role, file, sha256, bytes, info)
        VALUES ('${id}', 't1', 'cases/a/t1-b.nii.gz', 'hash', 7, '{"sizeVox": [1, 1, 1]}');
      INSERT INTO sulcus.model_versions (name, version, state, shipped, job) VALUES ('m', 1, 'served', false, 'job');
      INSERT INTO sulcus.audit (actor, action, model, version) VALUES ('w', 'approve', 'm', 1);
      INSERT INTO sulcus.jobs (id, kind, state, input, dataset, finished_at)
        VALUES ('${id}', 'finetune', 'succeeded', '{"name": "m"}', '${id}', now());
      INSERT INTO sulcus.job_events (job, type, data) VALUES ('${id}', 'done', '{}');`);
    await migrate(database);
    const { rows } = await database.query(
      `SELECT d.name AS dataset, c.name AS case_name, c.patient, c.class, f.file, f.bytes::text AS bytes, f.has_text, v.state,
         v.bytes AS package, a.actor, j.kind, j.owner, j.project, j.asked_by->>'id' AS asked_by, e.type
       FROM sulcus.datasets d JOIN sulcus.dataset_cases c ON c.dataset = d.id JOIN sulcus.dataset_files f ON f.case_id = c.id
       JOIN sulcus.jobs j ON j.dataset = d.id JOIN sulcus.job_events e ON e.job = j.id
       CROSS JOIN sulcus.model_versions v CROSS JOIN sulcus.audit a`,
    );
    assert.deepEqual(rows, [{
      dataset: "set",
      case_name: "case",
      patient: "p",
      class: "c",
      file: "cases/a/t1-b.nii.gz",
      bytes: "7",
      has_text: true, // its header is cleaned by the next sweep
      state: "served",
      package: null, // measured at the next start
      actor: "w",
      kind: "finetune",
      owner: null,
      project: null,
      asked_by: "local",
      type: "done",
    }], `from version ${version}`);
  }
  await database.script("TRUNCATE sulcus.datasets, sulcus.jobs, sulcus.model_versions, sulcus.audit CASCADE");
});

test("migrate() leaves nothing of a step that fails", async (database) => {
  const steps = [...MIGRATIONS, "CREATE TABLE sulcus.half (n integer); SELECT 1 / 0"];
  await assert.rejects(migrate(database, steps), /division by zero/);
  const { rows } = await database.query("SELECT to_regclass('sulcus.half') AS half");
  assert.deepEqual(rows, [{ half: null }]);
  await migrate(database);
});

Deno.test("openDatabase() keeps a second process out and lets it in once the first was killed", async () => {
  const dataDirectory = await Deno.makeTempDir();
  const script = `
    import { openDatabase } from ${JSON.stringify(import.meta.resolve("./open_database.ts"))};
    const database = await openDatabase({ dataDirectory: ${JSON.stringify(dataDirectory)} });
    await database.query("INSERT INTO sulcus.audit (actor, action, model, version) VALUES ('a', 'import', 'm', 1)");
    console.log("open");
    setInterval(() => {}, 1000);`;
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["eval", script],
    cwd: import.meta.dirname,
    stdout: "piped",
    stderr: "null",
  }).spawn();
  try {
    const output = holder.stdout.getReader();
    assert.equal(new TextDecoder().decode((await output.read()).value), "open\n");
    await assert.rejects(
      openDatabase({ dataDirectory }),
      refusal("locked", new RegExp(`Cannot use the data directory: process ${holder.pid} has it open`)),
    );
    holder.kill("SIGKILL");
    await holder.status;
    await output.cancel();
    const database = await openDatabase({ dataDirectory });
    assert.equal((await database.query("SELECT actor FROM sulcus.audit")).rows.length, 1);
    await database.close();
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("openDatabase() does not reveal the password when PostgreSQL cannot be reached", async () => {
  const dataDirectory = await Deno.makeTempDir();
  await assert.rejects(
    openDatabase({ dataDirectory, url: "postgres://user:secret@127.0.0.1:1/none" }),
    (error: Error) =>
      refusal("database-unavailable", /^Cannot connect to PostgreSQL \(ECONNREFUSED\)$/)(error) && !error.cause,
  );
  await Deno.remove(dataDirectory);
});

Deno.test("acquireLock() waits for the holder to let go", async () => {
  const path = await Deno.makeTempFile();
  const first = await acquireLock(path, { what: "the folder" });
  await assert.rejects(acquireLock(path, { what: "the folder" }), refusal("locked", /Cannot use the folder: process/));
  const timer = setTimeout(() => first.release(), 100);
  const second = await acquireLock(path, { what: "the folder", waitMs: 5000 });
  clearTimeout(timer);
  second.release();
  await Deno.remove(path);
});
