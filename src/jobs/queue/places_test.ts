import assert from "node:assert/strict";
import { databaseTests } from "../../storage/testing/database.ts";
import type { Database } from "../../storage/mod.ts";
import { withWorkplace } from "../testing/jobs.ts";
import { type JobBounds, takePlace } from "./places.ts";
import { insertJob, type NewJob } from "./rows.ts";

const test = databaseTests();
const BOUNDS: JobBounds = { waiting: 2, waitingEach: 2, queued: 4 };

type Asked = Pick<NewJob, "kind" | "awaited" | "owner" | "mostOpen">;

/** Adds jobs at the same time; returns how many were taken, and the words of the refusals. */
async function added(database: Database, asked: readonly Asked[]): Promise<[taken: number, refusals: string[]]> {
  const ended = await Promise.allSettled(asked.map((job) =>
    database.transaction(async (tx) => {
      await takePlace(tx, job, BOUNDS);
      await insertJob(tx, { ...job, id: crypto.randomUUID(), input: {}, transient: false });
    })
  ));
  const refused = ended.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
  for (const error of refused) assert.match(error.code, /^(busy|quota-used-up)$/, String(error));
  return [ended.length - refused.length, [...new Set(refused.map((error): string => error.message))]];
}

const many = (n: number, job: Asked) => Array<Asked>(n).fill(job);

test("takePlace() bounds the jobs of a queue, in all and of one identity, however many come at once", (database) =>
  withWorkplace(database, async () => {
    const later = { kind: "segment", awaited: false } as const;
    const [taken, [why]] = await added(database, many(8, { ...later, owner: "a", mostOpen: 2 }));
    assert.equal(taken, 2);
    assert.match(why, /^Cannot take the job: /);
    assert.deepEqual(await added(database, many(8, { ...later, owner: null })), [
      2,
      ["Cannot take the request now: 4 jobs wait or run in the queue"],
    ]);
    assert.deepEqual(await added(database, many(1, { ...later, owner: "b", kind: "classify" })).then(([n]) => n), 0);
    // another queue has places of its own
    assert.deepEqual(await added(database, many(1, { kind: "finetune", awaited: false, owner: "a" })), [1, []]);
  }));

test("takePlace() bounds the requests that wait, in all and of one identity", (database) =>
  withWorkplace(database, async () => {
    const now = { kind: "segment", awaited: true } as const;
    assert.deepEqual(await added(database, many(5, { ...now, owner: "a" })), [
      2,
      ["Cannot take the request now: 2 of yours are waiting"],
    ]);
    assert.deepEqual(await added(database, many(5, { ...now, owner: "b" })), [
      1,
      ["Cannot take the request now: 2 others are waiting"],
    ]);
  }));
