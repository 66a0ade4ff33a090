import assert from "node:assert/strict";
import { tinyNifti } from "../../datasets/testing/cases.ts";
import { FAKE_TASKS } from "../../server/testing/server.ts";
import { startServer } from "../../server/mod.ts";
import { inTemp, run } from "../testing/cli.ts";

const CANARY = "DOE^JANE^CANARY";
const SPEC = {
  name: `Cases of ${CANARY}`,
  task: "segmentation",
  modalities: ["t1"],
  labels: [{ name: "lesion", values: [1] }],
};

const serving = (data: string) =>
  startServer({ port: 0, data, models: `${data}/none`, provider: "cpu", tasksModule: FAKE_TASKS, log: () => {} });

async function answer(reply: Promise<Response>): Promise<Record<string, unknown>> {
  const { status, ok } = await reply, text = await (await reply).text();
  assert.ok(ok, `${status} ${text}`);
  return text === "" ? {} : JSON.parse(text);
}

/** A data set whose names, notes and file hold a canary. */
async function fill(url: string): Promise<string> {
  const headers = { "content-type": "application/json" };
  const { id } = await answer(fetch(`${url}/v1/datasets`, { method: "POST", headers, body: JSON.stringify(SPEC) }));
  const body = await tinyNifti();
  const place = `${url}/v1/datasets/${id}/cases/${encodeURIComponent(CANARY)}`;
  await answer(fetch(`${place}/t1`, { method: "PUT", headers: { "content-type": "application/octet-stream" }, body }));
  const cases = [{ case: CANARY, patient: `${CANARY} patient`, excluded: `${CANARY} moved` }];
  const changes = { method: "POST", headers, body: JSON.stringify({ cases }) };
  await answer(fetch(`${url}/v1/datasets/${id}/cases`, changes));
  return id as string;
}

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
    const modes = await Promise.all(
      ["", "/pg", "/datasets", "/models"].map(async (part) => (await Deno.stat(data + part)).mode! & 0o777),
    );
    assert.deepEqual(modes, [0o700, 0o700, 0o700, 0o700]);
  }));

Deno.test("backup and restore refuse what they cannot use, in words", () =>
  inTemp(async (folder) => {
    const cases: [string[], RegExp][] = [
      [["backup", "--data", `${folder}/none`, "--to", `${folder}/b`], /there is no such data directory/],
      [["backup", "what", "--to", `${folder}/b`], /expected nothing more, list, or remove NAME/],
      [["backup", "remove", "../x", "--to", `${folder}/b`], /Cannot find this backup/],
      [["backup", "--data", folder, "--to", `${folder}/b`], /the data directory has no database/],
      [["restore", "--from", `${folder}/b`, "--data", `${folder}/new`], /the folder has no backup/],
    ];
    for (const [argv, words] of cases) {
      const { code, err } = await run(argv);
      assert.notEqual(code, 0);
      assert.match(err, words);
    }
  }));
