import assert from "node:assert/strict";
import { databaseTests } from "../storage/testing/database.ts";
import { exists } from "../storage/mod.ts";
import { readyDataset } from "../datasets/testing/cases.ts";
import { filesBelow } from "../datasets/testing/datasets.ts";
import { Spool } from "./http/spool.ts";
import { LEFT_BEHIND_MS, sweep } from "./sweeps.ts";
import { DEFAULT_RETENTION } from "./settings.ts";
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
    await sweep({ ...services, dataDirectory, retention: DEFAULT_RETENTION });
    for (const path of [...old, "models/empty", "models/.tmp-abc"]) {
      assert.equal(await exists(`${dataDirectory}/${path}`), false, path);
    }
    for (const path of young) assert.ok(await exists(`${dataDirectory}/${path}`), path);
    await sweep({ ...services, dataDirectory, retention: DEFAULT_RETENTION }, Date.now() + 2 * LEFT_BEHIND_MS);
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
    const retention = { ...DEFAULT_RETENTION, datasetDays: 30 }, day = 24 * HOUR_MS;
    await sweep({ ...services, dataDirectory, retention }, Date.now() + 29 * day);
    assert.equal((await datasets.list()).length, 2);
    await sweep({ ...services, dataDirectory, retention: DEFAULT_RETENTION }, Date.now() + 1000 * day);
    assert.equal((await datasets.list()).length, 2, "by default they are kept for ever");
    await sweep({ ...services, dataDirectory, retention }, Date.now() + 31 * day);
    assert.deepEqual((await datasets.list()).map((d) => d.id), [used]);
    assert.equal(await exists(`${dataDirectory}/datasets/${id}`), false);
    const { rows } = await database.query<{ record: string }>(
      "SELECT record FROM sulcus.audit_events ORDER BY seq DESC LIMIT 1",
    );
    assert.ok(rows[0].record.includes("retention") && rows[0].record.includes(id), rows[0].record);
  }));

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
