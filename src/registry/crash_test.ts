import assert from "node:assert/strict";
import { mortal, walkCrashes } from "../storage/testing/crash.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { Registry } from "./store.ts";
import { draftOf, makeSource } from "./testing/packages.ts";

const test = databaseTests();

test("a kill at any operation on files or rows loses no acknowledged version, and leaves none half", async (database) => {
  const dataDirectory = await Deno.makeTempDir(), source = await makeSource();
  const { provenance } = draftOf();
  const trained = draftOf({ provenance: { ...provenance, job: "job-1", datasetHash: "0".repeat(64) } });
  let acknowledged: "nothing" | "added" | "served" = "nothing";
  try {
    const operations = await walkCrashes({
      async work() {
        acknowledged = "nothing";
        const registry = await Registry.open({ database: mortal(database), dataDirectory });
        const { version } = await registry.addCandidate(trained, source);
        acknowledged = "added";
        await registry.approve("tumour", version, { approvedBy: "Dr Grey" });
        acknowledged = "served";
      },
      async check(at) {
        const next = await Registry.open({ database, dataDirectory }), where = `operation ${at}`;
        await next.sweep(Infinity);
        const versions = (await next.list()).flatMap(({ versions }) => versions);
        assert.ok(versions.length <= 1, `${where}: the job made one version at most`);
        for (const { version } of versions) {
          assert.equal((await next.resolve("tumour", version)).version, version, where);
        }
        if (acknowledged !== "nothing") assert.equal(versions.length, 1, `${where}: an acknowledged version is there`);
        if (acknowledged === "served") assert.equal(versions[0].state, "served", where);
        if (versions[0]?.state === "served") {
          assert.equal((await next.audit()).length, 1, `${where}: a decision has its entry`);
        }
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
