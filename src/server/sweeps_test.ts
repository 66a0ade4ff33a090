import assert from "node:assert/strict";
import { SYSTEM } from "../audit/mod.ts";
import { Registry } from "../registry/mod.ts";
import { draftOf, makeSource } from "../registry/testing/packages.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { exists } from "../storage/mod.ts";
import { readyDataset } from "../datasets/testing/cases.ts";
import { filesBelow } from "../datasets/testing/datasets.ts";
import { Spool } from "./http/spool.ts";
import { LEFT_BEHIND_MS, sweep } from "./sweeps.ts";
import { DEFAULT_POLICY, Policies, Projects } from "../identity/mod.ts";
import { withBench } from "./testing/server.ts";

const test = databaseTests();
const HOUR_MS = 3600 * 1000;

/** Writes a file with its folders, all of them last changed so long ago. */
async function leave(root: string, path: string, ageMs: number): Promise<void> {
  const time = new Date(Date.now() - ageMs), parts = path.split("/");
  await Deno.mkdir(`${root}/${parts.slice(0, -1).join("/")}`, { recursive: true });
  await Deno.writeTextFile(`${root}/${path}`, "DOE^JANE");
  for (let n = parts.length; n > 1; n--) await Deno.utime(`${root}/${parts.slice(0, n).join("/")}`, time, time);
}

test("what a crash left goes by its age: orphans in live data sets, stagings, temporary files, empty folders", (database) =>
  withBench(database, async ({ services, place: { dataDirectory, datasets } }) => {
    const id = await readyDataset(datasets);
    const kept = filesBelow(`${dataDirectory}/datasets/${id}`).sort();
    const live = `datasets/${id}/cases/${crypto.randomUUID()}`;
    const old = [
      `${live}/t1-${crypto.randomUUID()}.nii.gz`,
      `${live}/.tmp-${crypto.randomUUID()}`,
      `datasets/${crypto.randomUUID()}/cases/a/t1-x`,
      `models/.tmp-abc/network.onnx`,
      `results/.${crypto.randomUUID()}.tmp`,
      `calibration/.tmp-${crypto.randomUUID()}`,
    ];
    for (const path of old) await leave(dataDirectory, path, LEFT_BEHIND_MS + HOUR_MS);
    const young = [`${live}/t2-${crypto.randomUUID()}`, "models/.tmp-young/network.onnx"];
    for (const path of young) await leave(dataDirectory, path, HOUR_MS);
    await Deno.mkdir(`${dataDirectory}/models/empty`, { recursive: true });
    const long = new Date(Date.now() - 2 * LEFT_BEHIND_MS);
    await Deno.utime(`${dataDirectory}/models/empty`, long, long);
    await sweep({ ...services, dataDirectory });
    for (const path of [...old, "models/empty", "models/.tmp-abc"]) {
      assert.equal(await exists(`${dataDirectory}/${path}`), false, path);
    }
    for (const path of young) assert.ok(await exists(`${dataDirectory}/${path}`), path);
    await sweep({ ...services, dataDirectory }, Date.now() + 2 * LEFT_BEHIND_MS);
    for (const path of young) assert.equal(await exists(`${dataDirectory}/${path}`), false, path);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets/${id}`).sort(), kept, "what has a record stays");
    assert.equal((await datasets.get(id)).ready, true);
  }));

test("a data set goes when its time is over, not while a job uses it, and the audit trail says so", (database) =>
  withBench(database, async ({ services, place: { dataDirectory, datasets } }) => {
    const [id, used] = [await readyDataset(datasets), await readyDataset(datasets)];
    await database.query(
      "INSERT INTO sulcus.jobs (id, kind, state, input, dataset) VALUES (gen_random_uuid(), 'finetune', 'queued', '{}', $1)",
      [used],
    );
    const projects = new Projects(database, { ...DEFAULT_POLICY, datasetDays: 30 }), day = 24 * HOUR_MS;
    const swept = { ...services, dataDirectory, projects };
    await sweep(swept, Date.now() + 29 * day);
    assert.equal((await datasets.list()).length, 2);
    await sweep({ ...services, dataDirectory }, Date.now() + 1000 * day);
    assert.equal((await datasets.list()).length, 2, "by default they are kept for ever");
    await sweep(swept, Date.now() + 31 * day);
    assert.deepEqual((await datasets.list()).map((d) => d.id), [used]);
    assert.equal(await exists(`${dataDirectory}/datasets/${id}`), false);
    const { rows } = await database.query<{ record: string }>(
      "SELECT record FROM sulcus.audit_events ORDER BY seq DESC LIMIT 1",
    );
    assert.ok(rows[0].record.includes("retention") && rows[0].record.includes(id), rows[0].record);
  }));

test("what identities used on former days, and sessions that are over, go; those of today stay", (database) =>
  withBench(database, async ({ services, place: { dataDirectory } }) => {
    await database.query(
      `INSERT INTO sulcus.usage (owner, day, bytes)
       SELECT 'oidc:doe', (now() AT TIME ZONE 'UTC')::date - n, n FROM generate_series(0, 3) AS n`,
    );
    await database.query(
      `INSERT INTO sulcus.sessions (digest, identity, expires_at)
       VALUES ('over', '{}', now() - interval '1 second'), ('open', '{}', now() + interval '1 hour')`,
    );
    await sweep({ ...services, dataDirectory });
    const { rows: used } = await database.query("SELECT owner, bytes::integer AS bytes FROM sulcus.usage");
    assert.deepEqual(used, [{ owner: "oidc:doe", bytes: 0 }]);
    assert.deepEqual((await database.query("SELECT digest FROM sulcus.sessions")).rows, [{ digest: "open" }]);
  }));

/** Now, for the tests with a fixed clock: everything below was made before it. */
const NOW = Date.UTC(2031, 0, 1), DAY_MS = 24 * HOUR_MS;
const daysAgo = (days: number) => new Date(NOW - days * DAY_MS);

test("each project keeps data sets, models, records, masks, checkpoints and images for its own time", (database) =>
  withBench(database, async ({ services, place: { dataDirectory, datasets, registry } }) => {
    const { projects, jobs, audit } = services;
    await projects.put("short", {
      datasetDays: 10,
      modelDays: 10,
      jobDays: 10,
      resultHours: 48,
      checkpointDays: 5,
    });
    await projects.put("waits", { uploadHours: 24 });
    await projects.put("long", { resultHours: null, checkpointDays: null });
    const query = (sql: string, ...values: unknown[]) => database.query(sql, values);

    const sets = {
      young: await readyDataset(datasets),
      old: await readyDataset(datasets),
      other: await readyDataset(datasets),
    };
    for (const [name, days, project] of [["young", 9, "short"], ["old", 10, "short"], ["other", 99, "long"]] as const) {
      await query(
        "UPDATE sulcus.datasets SET created_at = $2, project = $3 WHERE id = $1",
        sets[name],
        daysAgo(days),
        project,
      );
    }

    const source = await makeSource();
    for (let i = 0; i < 4; i++) await registry.addCandidate(draftOf({ name: "mine" }), source);
    for (const version of [2, 3]) await registry.approve("mine", version, { approvedBy: "Dr Grey" });
    await registry.addCandidate(draftOf({ name: "theirs" }), source);
    await Deno.remove(source, { recursive: true });
    await query("UPDATE sulcus.model_versions SET added_at = $1", daysAgo(11));
    await query("UPDATE sulcus.model_versions SET added_at = $1 WHERE name = 'mine' AND version = 4", daysAgo(9));
    await query("INSERT INTO sulcus.model_owners (name, project) VALUES ('mine', 'short'), ('theirs', 'long')");

    const job = async (
      project: string,
      { ended, made = 200, kind = "segment" }: { ended?: number; made?: number; kind?: string },
    ) => {
      const id = crypto.randomUUID();
      await query(
        "INSERT INTO sulcus.jobs (id, kind, state, input, project, created_at, finished_at) VALUES ($1, $2, $3, '{}', $4, $5, $6)",
        id,
        kind,
        ended === undefined ? "queued" : "failed",
        project,
        daysAgo(made),
        ended === undefined ? null : daysAgo(ended),
      );
      return id;
    };
    const records = {
      gone: await job("short", { ended: 10 }),
      kept: await job("short", { ended: 9 }),
      long: await job("long", { ended: 150 }),
    };
    const waiting = {
      old: await job("waits", { made: 1 }),
      young: await job("waits", { made: 0.9 }),
      long: await job("long", {}),
    };
    const files: [path: string, days: number, isKept: boolean][] = [
      [`results/${records.gone}.nii.gz`, 0, false],
      [`reports/${records.gone}/report.json`, 0, false],
      [`jobs/${records.gone}/work/checkpoint`, 0, false],
      [`results/${records.kept}.nii.gz`, 1.9, true],
      [`results/${records.long}.nii.gz`, 150, true],
      [`jobs/${records.long}/work/checkpoint`, 150, true],
    ];
    for (const [path, days] of files) await leave(dataDirectory, path, Date.now() - NOW + days * DAY_MS);

    const swept = { ...services, dataDirectory }, { seq } = await audit.head();
    await sweep(swept, NOW);
    await jobs.sweep(NOW);
    assert.deepEqual((await datasets.list()).map(({ id }) => id).sort(), [sets.young, sets.other].sort());
    assert.equal(await exists(`${dataDirectory}/datasets/${sets.old}`), false);
    const versions = async (name: string) => (await registry.get(name)).versions.map(({ version }) => version);
    assert.deepEqual(await versions("mine"), [2, 3, 4], "the served one and the way back stay");
    assert.deepEqual(await versions("theirs"), [1]);
    assert.equal(await exists(`${dataDirectory}/models/mine/1`), false);
    const again = await Registry.open({ database, dataDirectory });
    assert.deepEqual((await again.get("mine")).versions.length, 3, "a start does not find it again");
    const left = await database.query<{ id: string; state: string }>("SELECT id, state FROM sulcus.jobs");
    const stateOf = new Map(left.rows.map(({ id, state }) => [id, state]));
    assert.deepEqual(
      [records.gone, records.kept, records.long, waiting.old, waiting.young, waiting.long].map((id) => stateOf.get(id)),
      [undefined, "failed", "failed", "cancelled", "queued", "queued"],
    );
    for (const [path, , isKept] of files) assert.equal(await exists(`${dataDirectory}/${path}`), isKept, path);
    const events = (await Array.fromAsync(audit.entries({ after: seq }))).map(({ event }) => event);
    const deleted = events.filter(({ action }) => action === "retention").map(({ object }) => object.id);
    assert.deepEqual(deleted.sort(), [sets.old, "mine/1", records.gone].sort());
  }));

test("the trail is kept as long as the project that keeps it longest asks, and until the receiver has it", (database) =>
  withBench(database, async ({ services, place: { dataDirectory } }) => {
    const { audit, projects } = services, now = Date.now();
    await projects.put("short", { auditDays: 1 });
    await projects.put("long", { auditDays: 100 });
    const object = { kind: "service", id: "sulcus" } as const;
    for (let i = 0; i < 3; i++) {
      await audit.record({ who: SYSTEM, action: "service.start", object, outcome: "success" });
    }
    const { seq } = await audit.head();
    const firstAfter = async (changes: Partial<Parameters<typeof sweep>[0]>, at: number) => {
      await sweep({ ...services, dataDirectory, ...changes }, at);
      for await (const entry of audit.entries()) return entry.seq;
    };
    const start = await firstAfter({}, now + 1000 * DAY_MS);
    assert.equal(await firstAfter({}, now + 1000 * DAY_MS), start, "the installation keeps it for ever");
    const bounded = new Projects(database, { ...DEFAULT_POLICY, auditDays: 10 });
    assert.equal(await firstAfter({ projects: bounded }, now + 99 * DAY_MS), start);
    const auditReceiver = { connected: true, behind: () => Promise.resolve(2) };
    assert.equal(await firstAfter({ projects: bounded, auditReceiver }, now + 101 * DAY_MS), seq - 1);
    assert.equal(await firstAfter({ projects: bounded }, now + 101 * DAY_MS), (await audit.head()).seq);
    assert.deepEqual((await audit.verify()).problems, []);
  }));

Deno.test("Policies.endOf() is the time of a project, else that of the installation, and none for ever", () => {
  const policies = new Policies(
    { ...DEFAULT_POLICY, auditDays: 7 },
    new Map([["a", { resultHours: 1, jobDays: 2 }], ["b", { resultHours: null }]]),
  );
  assert.equal(policies.endOf("resultHours", "a", NOW), NOW - HOUR_MS);
  assert.equal(policies.endOf("resultHours", null, NOW), NOW - DAY_MS);
  assert.equal(policies.endOf("resultHours", "unknown", NOW), NOW - DAY_MS);
  assert.equal(policies.endOf("resultHours", "b", NOW), -Infinity);
  assert.equal(policies.endOf("jobDays", "a", NOW), NOW - 2 * DAY_MS);
  assert.equal(policies.endOfShared("auditDays", NOW), NOW - 7 * DAY_MS);
  assert.equal(policies.endOfShared("resultHours", NOW), -Infinity);
});

Deno.test("on a shared database the uploads of a process that is dead go, those of a living one stay", async () => {
  const data = await Deno.makeTempDir();
  try {
    const living = await Spool.open(data, { alone: false });
    const dead = `${data}/spool/${crypto.randomUUID()}`;
    await leave(data, `${dead.slice(data.length + 1)}/request/volume`, 2 * HOUR_MS);
    const [own] = filesOf(data).filter((name) => !dead.endsWith(name));
    const long = new Date(Date.now() - 2 * HOUR_MS);
    await Deno.utime(`${data}/spool/${own}`, long, long); // it has had no request for hours
    await living.sweep();
    assert.deepEqual(filesOf(data), [own]);
    const other = await Spool.open(data, { alone: false });
    assert.ok(await living.isPresent());
    await other.close();
    await living.close();
  } finally {
    await Deno.remove(data, { recursive: true });
  }
});

const filesOf = (data: string) => [...Deno.readDirSync(`${data}/spool`)].map(({ name }) => name);
