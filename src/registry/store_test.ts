import assert from "node:assert/strict";
import { draftOf, makeSource } from "./testing/packages.ts";
import { refusal } from "../storage/testing/refusal.ts";
import { databaseTests } from "../storage/testing/database.ts";
import type { Database } from "../storage/database/database.ts";
import { writePackage } from "./package.ts";
import { repair } from "./repair.ts";
import { Registry, type RegistryOptions } from "./store.ts";

const test = databaseTests();
const DECISION = { approvedBy: "Dr. Who", note: "checked on ten cases" };

/** Runs `fn` with an empty registry; `reopen` starts it again as after a restart. */
async function withRegistry(
  database: Database,
  fn: (
    made: { registry: Registry; source: string; dataDirectory: string; reopen: () => Promise<Registry> },
  ) => Promise<void>,
  options: Partial<RegistryOptions> = {},
): Promise<void> {
  await database.script("TRUNCATE sulcus.model_versions, sulcus.audit");
  const source = await makeSource();
  const dataDirectory = await Deno.makeTempDir();
  const reopen = () => Registry.open({ database, dataDirectory, ...options });
  try {
    await fn({ registry: await reopen(), source, dataDirectory, reopen });
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
    await Deno.remove(source, { recursive: true });
  }
}

async function statesOf(registry: Registry, name: string): Promise<string[]> {
  return (await registry.get(name)).versions.map((v) => `${v.version} ${v.state}`);
}

test("addCandidate() counts versions up and keeps them apart by name", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    assert.deepEqual(await registry.list(), []);
    const first = await registry.addCandidate(draftOf(), source);
    assert.deepEqual([first.version, first.state, first.shipped], [1, "candidate", false]);
    assert.equal((await registry.addCandidate(draftOf(), source)).version, 2);
    assert.equal((await registry.addCandidate(draftOf({ name: "lesion" }), source)).version, 1);
    assert.deepEqual(await registry.list(), [
      { name: "lesion", task: "segmentation", servedVersion: null, versions: [{ version: 1, state: "candidate" }] },
      {
        name: "tumour",
        task: "segmentation",
        servedVersion: null,
        versions: [{ version: 1, state: "candidate" }, { version: 2, state: "candidate" }],
      },
    ]);
  }));

test("addCandidate() counts on where a package with the greatest number was imported", (database) =>
  withRegistry(database, async ({ registry, source, dataDirectory }) => {
    await registry.addCandidate(draftOf(), source);
    await writePackage(`${dataDirectory}/models`, draftOf(), { version: 1_000_000, source });
    await repair(database, { own: `${dataDirectory}/models` }, dataDirectory);
    for (const expected of [2, 3]) assert.equal((await registry.addCandidate(draftOf(), source)).version, expected);
  }));

test("addCandidate() gives each of many callers a version of its own", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    const made = await Promise.all(Array.from({ length: 6 }, () => registry.addCandidate(draftOf(), source)));
    assert.deepEqual(made.map((m) => m.version).sort(), [1, 2, 3, 4, 5, 6]);
  }));

test("approve() and rollback() move versions through their states and write who did it", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    for (let i = 0; i < 3; i++) await registry.addCandidate(draftOf(), source);
    const served = await registry.approve("tumour", 1, DECISION);
    assert.deepEqual([served.state, served.approvedBy, served.note], ["served", "Dr. Who", "checked on ten cases"]);
    await registry.approve("tumour", 2, { approvedBy: "Dr. No" });
    assert.deepEqual(await statesOf(registry, "tumour"), ["1 retired", "2 served", "3 candidate"]);
    await registry.approve("tumour", 3, DECISION);
    assert.equal((await registry.rollback("tumour", DECISION)).version, 2);
    assert.deepEqual(await statesOf(registry, "tumour"), ["1 retired", "2 served", "3 retired"]);
    assert.equal((await registry.rollback("tumour", DECISION)).version, 1);
    await assert.rejects(
      registry.rollback("tumour", DECISION),
      refusal("no-former-version", /no version was served before/),
    );
    await registry.approve("tumour", 3, DECISION); // a retired version can be approved again
    assert.deepEqual(await statesOf(registry, "tumour"), ["1 retired", "2 retired", "3 served"]);
    assert.deepEqual(
      (await registry.audit("tumour")).map((a) => [a.action, a.version, a.formerVersion, a.actor]).reverse(),
      [
        ["approve", 1, null, "Dr. Who"],
        ["approve", 2, 1, "Dr. No"],
        ["approve", 3, 2, "Dr. Who"],
        ["rollback", 2, 3, "Dr. Who"],
        ["rollback", 1, 2, "Dr. Who"],
        ["approve", 3, 1, "Dr. Who"],
      ],
    );
  }));

test("approve() of many versions at once leaves exactly one served", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    for (let i = 0; i < 4; i++) await registry.addCandidate(draftOf(), source);
    await Promise.all([1, 2, 3, 4].map((version) => registry.approve("tumour", version, DECISION)));
    const states = (await registry.get("tumour")).versions.map((v) => v.state).sort();
    assert.deepEqual(states, ["retired", "retired", "retired", "served"]);
  }));

test("Registry refuses absent versions and steps out of order, by code", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    await assert.rejects(
      registry.get("none"),
      refusal("not-found", /^Cannot find this model: `sulcus models` lists .*`GET \/v1\/models`$/),
    );
    await assert.rejects(
      registry.version("none", 1),
      refusal("not-found", /^Cannot find this version of the model: `sulcus models` lists/),
    );
    await assert.rejects(registry.approve("none", 1, DECISION), refusal("not-found", /this version/));
    await assert.rejects(registry.rollback("none", DECISION), refusal("not-found", /this model/));
    await registry.addCandidate(draftOf(), source);
    await assert.rejects(registry.resolve("tumour"), refusal("model-not-served", /no version of it is served/));
    await assert.rejects(registry.rollback("tumour", DECISION), refusal("model-not-served", /no version/));
    await registry.approve("tumour", 1, DECISION);
    await assert.rejects(
      registry.approve("tumour", 1, DECISION),
      refusal("invalid-transition", /tumour\/1: it is served already/),
    );
    await assert.rejects(registry.approve("tumour", 2, DECISION), refusal("not-found", /this version/));
    assert.equal((await registry.audit()).length, 1, "a refused call wrote an audit line");
  }));

test("resolve() finds the served version and notices tampering after it was checked", (database) =>
  withRegistry(database, async ({ registry, source }) => {
    await registry.addCandidate(draftOf(), source);
    await registry.approve("tumour", 1, DECISION);
    const { directory, version } = await registry.resolve("tumour");
    assert.equal(version, 1);
    await Deno.writeTextFile(`${directory}/network.onnx`, "tampered");
    const tampered = refusal("package-tampered", /tumour\/1: network\.onnx/);
    await assert.rejects(registry.resolve("tumour"), tampered);
    await assert.rejects(registry.exportZip("tumour", 1), tampered);
  }));

test("open() makes candidates of packages whose row a crash prevented", (database) =>
  withRegistry(database, async ({ registry, source, dataDirectory, reopen }) => {
    await registry.addCandidate(draftOf(), source);
    const draft = draftOf({ provenance: { ...draftOf().provenance, job: "job-1" } });
    await writePackage(`${dataDirectory}/models`, draft, { version: 2, source }); // renamed, then "crashed"
    assert.deepEqual(await statesOf(registry, "tumour"), ["1 candidate"]);
    assert.equal((await registry.addCandidate(draftOf(), source)).version, 3, "the number is taken");
    const again = await reopen();
    assert.deepEqual(await statesOf(again, "tumour"), ["1 candidate", "2 candidate", "3 candidate"]);
    assert.equal((await again.madeBy("job-1"))?.version, 2);
    assert.equal(await again.madeBy("job-2"), null);
    const copy = draftOf({ name: "copy", provenance: draft.provenance });
    await writePackage(`${dataDirectory}/models`, copy, { version: 1, source });
    const third = await reopen();
    assert.deepEqual(await statesOf(third, "copy"), ["1 candidate"]);
    assert.equal((await third.madeBy("job-1"))?.name, "tumour", "a job makes one version");
  }));

test("open() removes old staging folders only", (database) =>
  withRegistry(database, async ({ dataDirectory, reopen }) => {
    for (const name of [".tmp-old", ".tmp-new"]) await Deno.mkdir(`${dataDirectory}/models/${name}`);
    const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
    await Deno.utime(`${dataDirectory}/models/.tmp-old`, longAgo, longAgo);
    await reopen();
    assert.deepEqual([...Deno.readDirSync(`${dataDirectory}/models`)].map((e) => e.name), [".tmp-new"]);
  }));

test("a version whose files are gone is left out of lists and does not break them", (database) =>
  withRegistry(database, async ({ registry, source, dataDirectory }) => {
    await registry.addCandidate(draftOf(), source);
    await registry.addCandidate(draftOf(), source);
    await Deno.remove(`${dataDirectory}/models/tumour/1`, { recursive: true });
    assert.deepEqual(await statesOf(registry, "tumour"), ["2 candidate"]);
    await assert.rejects(registry.version("tumour", 1), refusal("not-found", /this version/));
  }));

test("importZip() of an exported package makes it a candidate elsewhere", (database) =>
  withRegistry(database, async ({ registry, source, dataDirectory, reopen }) => {
    await registry.addCandidate(draftOf(), source);
    const { stream } = await registry.exportZip("tumour", 1);
    const path = `${dataDirectory}/tumour.zip`;
    await Deno.writeFile(path, stream);
    await assert.rejects(registry.importZip(path), refusal("version-exists", /tumour\/1/));
    await Deno.remove(`${dataDirectory}/models/tumour`, { recursive: true });
    await database.script("TRUNCATE sulcus.model_versions");
    const empty = await reopen();
    const imported = await empty.importZip(path, { actor: "somebody" });
    assert.deepEqual([imported.version, imported.state], [1, "candidate"]);
    assert.deepEqual((await empty.audit()).map((a) => [a.action, a.actor]), [["import", "somebody"]]);
  }));

test("shipped models are served, survive upgrades of the program and yield to approvals", async (database) => {
  const source = await makeSource();
  const shippedDirectory = await Deno.makeTempDir();
  await writePackage(shippedDirectory, draftOf(), { version: 1, source });
  await withRegistry(database, async ({ registry, reopen }) => {
    assert.deepEqual(await statesOf(registry, "tumour"), ["1 served"]);
    assert.equal((await registry.resolve("tumour")).shipped, true);

    await writePackage(shippedDirectory, draftOf(), { version: 2, source });
    assert.deepEqual(await statesOf(await reopen(), "tumour"), ["1 served", "2 candidate"]);

    await Deno.remove(`${shippedDirectory}/tumour/1`, { recursive: true });
    const upgraded = await reopen();
    assert.deepEqual(await statesOf(upgraded, "tumour"), ["2 served"], "the served one is no longer shipped");

    const own = await upgraded.addCandidate(draftOf(), source);
    assert.deepEqual([own.version, own.shipped], [3, false]);
    await upgraded.approve("tumour", 3, DECISION);
    assert.deepEqual(await statesOf(await reopen(), "tumour"), ["2 retired", "3 served"]);
    assert.equal((await upgraded.rollback("tumour", DECISION)).version, 2);

    await Deno.writeFile(`${source}/2.zip`, (await upgraded.exportZip("tumour", 2)).stream);
    await assert.rejects(upgraded.importZip(`${source}/2.zip`), refusal("version-exists", /tumour\/2/));
  }, { shippedDirectory });
  await Deno.remove(shippedDirectory, { recursive: true });
  await Deno.remove(source, { recursive: true });
});
