import assert from "node:assert/strict";
import { AuditTrail, SYSTEM, witnessOf } from "../audit/mod.ts";
import { DEFAULT_POLICY, Policies } from "../identity/mod.ts";
import { mortal, walkCrashes } from "../storage/testing/crash.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { Registry } from "./store.ts";
import { draftOf, makeSource } from "./testing/packages.ts";

const test = databaseTests();

test("a kill at any operation on files or rows loses no acknowledged version, and leaves none half", async (database) => {
  const dataDirectory = await Deno.makeTempDir(), source = await makeSource();
  const { provenance } = draftOf();
  const trained = draftOf({ provenance: { ...provenance, job: "job-1", datasetHash: "0".repeat(64) } });
  const trail = new AuditTrail(database), object = { kind: "model", id: "tumour/1" } as const;
  const witness = witnessOf({ who: SYSTEM, action: "model.approve", object });
  let start = 0;
  let acknowledged: "nothing" | "added" | "served" | "removed" = "nothing";
  try {
    const operations = await walkCrashes({
      async work() {
        acknowledged = "nothing";
        start = (await trail.head()).seq;
        const registry = await Registry.open({ database: mortal(database), dataDirectory });
        const { version } = await registry.addCandidate(trained, source);
        acknowledged = "added";
        await registry.approve("tumour", version, { approvedBy: "Dr Grey", witness });
        acknowledged = "served";
        await registry.addCandidate(draftOf(), source);
        const policies = new Policies({ ...DEFAULT_POLICY, modelDays: 1 });
        await registry.deleteOutdated(
          policies,
          Date.now() + 2 * 86_400_000,
          (id) => witnessOf({ who: SYSTEM, action: "retention", object: { kind: "model", id } }),
        );
        acknowledged = "removed";
      },
      async check(at) {
        const next = await Registry.open({ database, dataDirectory }), where = `operation ${at}`;
        await next.sweep(Infinity);
        const versions = (await next.list()).flatMap(({ versions }) => versions);
        const events = (await Array.fromAsync(trail.entries({ after: start }))).map(({ event }) => event);
        const isRemoved = events.some(({ action }) => action === "retention");
        assert.deepEqual(
          versions.map(({ version }) => version),
          [1, 2].slice(0, isRemoved ? 1 : versions.length),
          `${where}: what was removed is not found again, and the job made one version at most`,
        );
        if (acknowledged === "removed") assert.ok(isRemoved, where);
        for (const { version } of versions) {
          assert.equal((await next.resolve("tumour", version)).version, version, where);
        }
        if (acknowledged !== "nothing") assert.ok(versions.length >= 1, `${where}: an acknowledged version is there`);
        if (acknowledged === "served" || acknowledged === "removed") assert.equal(versions[0].state, "served", where);
        const isServed = versions[0]?.state === "served" ? 1 : 0;
        assert.equal((await next.audit()).length, isServed, `${where}: a decision has its entry`);
        const approvals = events.filter(({ action }) => action === "model.approve");
        assert.equal(approvals.length, isServed, `${where}: it stands in the chain, or neither does`);
        assert.equal((await next.madeBy("job-1"))?.version, versions[0]?.version, where);
        const left = [...Deno.readDirSync(`${dataDirectory}/models`)].map(({ name }) => name);
        assert.deepEqual(left, versions.length === 0 ? [] : ["tumour"], `${where}: nothing half is left`);
        await database.script("TRUNCATE sulcus.model_versions, sulcus.audit");
        await Deno.remove(`${dataDirectory}/models`, { recursive: true });
      },
    });
    assert.ok(operations > 30, `${operations} operations`);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
    await Deno.remove(source, { recursive: true });
  }
});
