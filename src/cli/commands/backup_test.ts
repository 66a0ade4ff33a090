import assert from "node:assert/strict";
import { inTemp, run } from "../testing/cli.ts";
import { answer, CANARY, fill, serving, SPEC } from "../testing/service.ts";

/** Files below a folder that hold the canary, also in their names. */
async function holding(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = `${folder}/${name}`;
    if (name.includes("DOE")) found.push(path);
    if (isDirectory) found.push(...await holding(path));
    else if (new TextDecoder("latin1").decode(await Deno.readFile(path)).includes(CANARY)) found.push(path);
  }
  return found;
}

/** The entries of backups and restores in the trail of a data directory. */
async function actionsIn(data: string, folder: string): Promise<string[]> {
  const out = `${folder}/${crypto.randomUUID()}.jsonl`;
  assert.equal((await run(["audit", "export", "--data", data, "--out", out])).code, 0);
  const records = (await Deno.readTextFile(out)).trim().split("\n").map((line) => JSON.parse(JSON.parse(line).record));
  return records.map(({ action }) => action).filter((action) => ["backup", "restore"].includes(action));
}

Deno.test("a running service is backed up, loses a data set to the last byte, and is restored and served", () =>
  inTemp(async (folder) => {
    const [data, to, again] = ["data", "backups", "again"].map((name) => `${folder}/${name}`);
    const server = await serving(data);
    const id = await fill(server.url);
    const made = await run(["backup", "--data", data, "--to", to, "--json"]);
    assert.equal(made.code, 0, made.err);
    const { name, datasets } = JSON.parse(made.out[0]);
    assert.equal(datasets, 1);
    assert.notDeepEqual(await holding(data), [], "the canary is found where it is");
    await answer(fetch(`${server.url}/v1/datasets/${id}`, { method: "DELETE" }));
    assert.deepEqual(await holding(data), [], "no file, name, table or log of the database has it");
    const later = await run(["backup", "--data", data, "--to", to, "--json"]);
    assert.equal(later.code, 0, later.err);
    await server.close();
    assert.deepEqual(await holding(data), []);

    const holders = await run(["backup", "list", "--to", to, "--dataset", id, "--json"]);
    assert.deepEqual(holders.out.map((line) => JSON.parse(line).name), [name]);
    const restored = await run(["restore", "--from", to, "--at", name, "--data", again, "--json"]);
    assert.equal(restored.code, 0, restored.err);
    const second = await serving(again);
    const found = await answer(fetch(`${second.url}/v1/datasets/${id}`));
    const [one] = found.cases as Record<string, unknown>[];
    assert.deepEqual([found.name, one.case, one.excluded], [SPEC.name, CANARY, `${CANARY} moved`]);
    await second.close();

    assert.equal((await run(["backup", "remove", name, "--to", to])).code, 0);
    assert.deepEqual(await holding(to), [], "the backup that held it is gone");
    const verdict = await run(["audit", "verify", "--data", again]);
    assert.equal(verdict.code, 0, verdict.err);
    assert.deepEqual(await actionsIn(data, folder), ["backup", "backup"]);
    assert.deepEqual(await actionsIn(again, folder), ["restore"], "the dump was made before its entry");
  }));

Deno.test("nobody else may read, write or enter what a service, a backup and a restore make", {
  ignore: Deno.build.os === "windows",
}, () =>
  inTemp(async (folder) => {
    const child = import.meta.resolve("../testing/rights_child.ts");
    const args = ["run", "-A", "--quiet", child, folder];
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    const text = new TextDecoder().decode(stdout);
    assert.deepEqual(text === "" ? new TextDecoder().decode(stderr) : JSON.parse(text), []);
  }));

Deno.test("backup and restore refuse what they cannot use, in words", () =>
  inTemp(async (folder) => {
    const cases: [string[], RegExp][] = [
      [["backup", "--data", `${folder}/none`, "--to", `${folder}/b`], /there is no such data directory/],
      [["backup", "what", "--to", `${folder}/b`], /expected nothing more, list, or remove NAME/],
      [["backup", "remove", "../x", "--to", `${folder}/b`], /Cannot find this backup: `sulcus backup list` lists/],
      [["backup", "--data", folder, "--to", `${folder}/b`], /the data directory has no database/],
      [["restore", "--from", `${folder}/b`, "--data", `${folder}/new`], /the folder has no backup/],
    ];
    for (const [argv, words] of cases) {
      const { code, err } = await run(argv);
      assert.notEqual(code, 0);
      assert.match(err, words);
    }
  }));
