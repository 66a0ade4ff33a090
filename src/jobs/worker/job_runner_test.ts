import assert from "node:assert/strict";
import type { Database } from "../../storage/mod.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import type { Jobs } from "../jobs.ts";
import { withWorkplace } from "../testing/jobs.ts";

const test = databaseTests();

/** The database, which calls `claimed` when it has marked a job as running, before it says so. */
function announcing(database: Database, claimed: (id: string) => Promise<void>): Database {
  const query: Database["query"] = async (text, values) => {
    const result = await database.query<never>(text, values);
    if (/SET state = 'running'/.test(text)) await claimed(String(values![0]));
    return result;
  };
  return new Proxy(database, {
    get: (of, name) => name === "query" ? query : Reflect.get(of, name, of),
  });
}

test("a job that is cancelled at the moment of its claim does not run", (database) =>
  withWorkplace(database, async ({ open, image }) => {
    const found: { jobs?: Jobs } = {};
    const jobs = await open({ database: announcing(database, async (id) => void await found.jobs!.cancel(id)) });
    found.jobs = jobs;
    const { id } = await jobs.submit("segment", { model: "tumour", images: await image({ ms: 600_000 }) });
    const events = await Array.fromAsync(jobs.events(id, { signal: AbortSignal.timeout(60_000) }));
    assert.equal(events.at(-1)?.type, "done");
    assert.equal((await jobs.get(id)).state, "cancelled");
  }));
