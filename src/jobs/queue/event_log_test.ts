import assert from "node:assert/strict";
import { databaseTests } from "../../storage/testing/database.ts";
import { type Database } from "../../storage/mod.ts";
import { EventLog } from "./event_log.ts";
import { claimJob, finishJob, insertJob } from "./rows.ts";
import { Reporter } from "../worker/reporter.ts";
import type { JobEvent } from "../types.ts";

const test = databaseTests();
const INPUT = { model: "m", version: 1, images: [] };

async function newJob(database: Database): Promise<{ id: string; runner: string }> {
  const [id, runner] = [crypto.randomUUID(), crypto.randomUUID()];
  await insertJob(database, { id, kind: "segment", input: INPUT, awaited: false, transient: false, owner: null });
  await claimJob(database, id, runner);
  return { id, runner };
}

async function storedEvents(database: Database, job: string): Promise<Omit<JobEvent, "id">[]> {
  const { rows } = await database.query<JobEvent>(
    "SELECT type, data FROM sulcus.job_events WHERE job = $1 ORDER BY id",
    [job],
  );
  return rows;
}

test("append() keeps the latest 200 progress events and every validation", async (database) => {
  const log = new EventLog(database);
  const { id } = await newJob(database);
  await database.transaction(async (tx) => {
    await log.append(tx, id, { type: "validation", data: { fold: 1 } });
    for (let step = 1; step <= 203; step++) await log.append(tx, id, { type: "progress", data: { step } });
  });
  const stored = await storedEvents(database, id);
  assert.deepEqual(stored[0], { type: "validation", data: { fold: 1 } });
  assert.deepEqual(stored.slice(1).map((e) => e.data.step), Array.from({ length: 200 }, (_, i) => i + 4));
});

test("follow() yields events that come while it waits, and ends when its signal aborts", async (database) => {
  const log = new EventLog(database);
  const { id } = await newJob(database);
  const abort = new AbortController();
  const seen: unknown[] = [];
  const following = (async () => {
    for await (const { type, data } of log.follow(id, { signal: abort.signal })) {
      seen.push([type, data.n]);
      if (data.n === 3) abort.abort();
      else {
        await database.transaction((tx) => log.append(tx, id, { type: "log", data: { n: Number(data.n) + 1 } }));
        log.wake(id);
      }
    }
  })();
  await database.transaction((tx) => log.append(tx, id, { type: "log", data: { n: 1 } }));
  log.wake(id);
  await following;
  assert.deepEqual(seen, [["log", 1], ["log", 2], ["log", 3]]);
});

test("two hundred followers of a job read each event once together, and miss none", async (database) => {
  let reads = 0;
  const counted: Database = {
    ...database,
    query: (sql, params) => {
      if (sql.includes("FROM sulcus.job_events")) reads++;
      return database.query(sql, params);
    },
  };
  const log = new EventLog(counted), { id } = await newJob(database), EVENTS = 20;
  const objects = new Set<JobEvent>();
  let arrived = 0, round = Promise.withResolvers<void>();
  const followers = Array.from({ length: 200 }, async () => {
    const seen: number[] = [];
    for await (const event of log.follow(id)) {
      objects.add(event);
      seen.push(Number(event.data.n));
      if (++arrived % 200 === 0) round.resolve();
      if (event.type === "done") break;
    }
    return seen;
  });
  for (let n = 1; n <= EVENTS; n++) {
    round = Promise.withResolvers();
    await database.transaction((tx) => log.append(tx, id, { type: n < EVENTS ? "log" : "done", data: { n } }));
    log.wake(id);
    await round.promise;
  }
  for (const seen of await Promise.all(followers)) {
    assert.deepEqual(
      seen,
      Array.from({ length: EVENTS }, (_, i) => i + 1),
    );
  }
  assert.equal(objects.size, EVENTS);
  assert.ok(reads <= 3 * EVENTS, `${reads} reads for ${EVENTS} events`);
});

test("a reporter writes progress at most once an interval, and the last one always", async (database) => {
  const { id, runner } = await newJob(database);
  const events = new EventLog(database);
  const stops: string[] = [];
  const onStop = (why: string) => stops.push(why);
  const reporter = new Reporter({ database, events, job: id, runner, onStop, intervalMs: 60_000 });
  for (let step = 1; step <= 50; step++) reporter.report({ type: "progress", step, steps: 51 });
  reporter.report({ type: "log", message: "half" });
  reporter.report({ type: "progress", step: 51, steps: 51 });
  await reporter.close();
  assert.deepEqual(await storedEvents(database, id), [
    { type: "progress", data: { step: 1, steps: 51 } },
    { type: "progress", data: { step: 50, steps: 51 } },
    { type: "log", data: { message: "half" } },
    { type: "progress", data: { step: 51, steps: 51 } },
  ]);
  assert.deepEqual(stops, []);
});

test("a runner whose job was given to another changes nothing and is stopped", async (database) => {
  const { id, runner } = await newJob(database);
  const events = new EventLog(database);
  const thief = crypto.randomUUID();
  await claimJob(database, id, thief);
  const stops: string[] = [];
  const reporter = new Reporter({ database, events, job: id, runner, onStop: (why) => stops.push(why) });
  reporter.report({ type: "progress", step: 1, steps: 2 });
  await reporter.close();
  assert.deepEqual([...new Set(stops)], ["lost"]);
  assert.deepEqual(await storedEvents(database, id), []);
  assert.equal(await finishJob(database, id, runner, { state: "cancelled" }), false);
  assert.equal(await finishJob(database, id, thief, { state: "cancelled" }), true);
  assert.equal(await claimJob(database, id, runner), null, "a job that has ended is not claimed");
});
