import assert from "node:assert/strict";
import { type Actor, AuditTrail } from "../../audit/mod.ts";
import type { Database } from "../../storage/mod.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { withWorkplace } from "../testing/jobs.ts";
import { claimJob, deleteTransient, finishJob, insertJob } from "./rows.ts";

const test = databaseTests();
const ADA: Actor = { id: "oidc:ada", name: "Ada", via: "oidc" };
const LOCAL_ACTOR: Actor = { id: "local", name: "local", via: "none" };

/** Who, which job, outcome and code of the entries after `seq`. */
async function endsSince(database: Database, seq: number) {
  const entries = await Array.fromAsync(new AuditTrail(database).entries({ after: seq }));
  return entries.map(({ event: { who, action, object, outcome, code } }) => {
    assert.deepEqual([action, object.kind], ["job.end", "job"]);
    return [who, object.id, outcome, code] as const;
  });
}

async function newJob(database: Database, askedBy?: Actor): Promise<string> {
  const id = crypto.randomUUID();
  const job = { id, kind: "segment", input: {}, awaited: false, transient: true, owner: null, askedBy } as const;
  await insertJob(database, job);
  return id;
}

test("every job that ends leaves one entry with its outcome and the identity that asked", (database) =>
  withWorkplace(database, async ({ open, image }) => {
    const { seq } = await new AuditTrail(database).head();
    const jobs = await open();
    const segment = async (behaviour: Record<string, unknown>) => {
      const { id } = await jobs.submit("segment", { model: "tumour", images: await image(behaviour) }, {
        owner: ADA.id,
        askedBy: ADA,
      });
      return id;
    };
    const endOf = async (id: string) => {
      await Array.fromAsync(jobs.events(id, { signal: AbortSignal.timeout(60_000) }));
      return id;
    };
    const succeeded = await endOf(await segment({}));
    const failed = await endOf(await segment({ fail: true }));
    const [running, queued] = [await segment({ ms: 60_000 }), await segment({})];
    await jobs.cancel(queued);
    await jobs.cancel(running);
    await endOf(running);
    const answer = await jobs.perform("segment", { model: "tumour", images: await image() });
    await answer[Symbol.asyncDispose]();
    assert.deepEqual(await endsSince(database, seq), [
      [ADA, succeeded, "success", undefined],
      [ADA, failed, "failed", "no-overlap"],
      [ADA, queued, "refused", "cancelled"],
      [ADA, running, "refused", "cancelled"],
      [LOCAL_ACTOR, answer.id, "success", undefined],
    ]);
  }));

test("a job and its entry end together, once, or not at all", (database) =>
  withWorkplace(database, async () => {
    const { seq } = await new AuditTrail(database).head();
    const [id, runner] = [await newJob(database, ADA), crypto.randomUUID()];
    await claimJob(database, id, runner);
    const finish = () => database.transaction((tx) => finishJob(tx, id, runner, { state: "cancelled" }));
    await database.script("ALTER TABLE sulcus.audit_events ADD CONSTRAINT full_disk CHECK (false) NOT VALID");
    try {
      await assert.rejects(finish(), /full_disk/);
    } finally {
      await database.script("ALTER TABLE sulcus.audit_events DROP CONSTRAINT full_disk");
    }
    const { rows } = await database.query("SELECT state FROM sulcus.jobs");
    assert.deepEqual(rows, [{ state: "running" }]);
    assert.deepEqual([await finish(), await finish()], [true, false]);
    assert.deepEqual(await endsSince(database, seq), [[ADA, id, "refused", "cancelled"]]);
  }));

test("a job that is removed before its end leaves an entry too; one that has ended leaves no second one", (database) =>
  withWorkplace(database, async () => {
    const { seq } = await new AuditTrail(database).head();
    const [ended, open] = [await newJob(database, ADA), await newJob(database)];
    await finishJob(database, ended, null, { state: "cancelled" });
    const removed = await database.transaction((tx) => deleteTransient(tx, new Date(Date.now() + 60_000)));
    assert.deepEqual(removed.toSorted(), [ended, open].toSorted());
    assert.deepEqual(await endsSince(database, seq), [
      [ADA, ended, "refused", "cancelled"],
      [LOCAL_ACTOR, open, "failed", "stopping"],
    ]);
  }));
