import assert from "node:assert/strict";
import { databaseTests } from "../../storage/testing/database.ts";
import { readVolume } from "../../volume/mod.ts";
import { streamOf, tinyNifti } from "../testing/cases.ts";
import { filesBelow, withDatasets } from "../testing/datasets.ts";
import { selectFiles } from "./rows.ts";

const test = databaseTests();
const CANARY = "DOE^JANE";
const SPEC = {
  name: "A",
  task: "segmentation" as const,
  modalities: ["t1" as const],
  labels: [{ name: "lesion", values: [1] }],
};
/** Where a NIfTI-1 header has its field `descrip`. */
const DESCRIP = 148;

/** A data set with two files as an earlier version stored them: as they came, with the free text of their headers. */
async function asStoredBefore(
  datasets: Parameters<Parameters<typeof withDatasets>[1]>[0],
  dataDirectory: string,
  database: Parameters<typeof withDatasets>[0],
) {
  const { id } = await datasets.create(SPEC);
  for (const name of ["a", "b"]) {
    await datasets.putFile(id, name, "t1", streamOf(await tinyNifti({ gzip: false })));
  }
  const files = [...await selectFiles(database, id)];
  for (const file of files) {
    const path = `${dataDirectory}/datasets/${id}/${file}`, bytes = await Deno.readFile(path);
    bytes.set(new TextEncoder().encode(CANARY), DESCRIP);
    await Deno.writeFile(path, bytes);
  }
  await database.query("UPDATE sulcus.dataset_files SET has_text = true");
  return { id, files };
}

async function holding(folder: string): Promise<string[]> {
  const found: string[] = [];
  for (const file of filesBelow(folder)) {
    if (new TextDecoder("latin1").decode(await Deno.readFile(`${folder}/${file}`)).includes(CANARY)) found.push(file);
  }
  return found;
}

test("files that earlier versions stored lose the free text of their headers at a sweep, and nothing else", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const { id, files } = await asStoredBefore(datasets, dataDirectory, database);
    const folder = `${dataDirectory}/datasets/${id}`, { hash } = await datasets.get(id);
    const voxels = (await readVolume(`${folder}/${files[0]}`)).data;
    assert.equal((await holding(folder)).length, 2);
    await datasets.sweep(0);
    assert.deepEqual(await holding(folder), []);
    const left = [...await selectFiles(database, id)];
    assert.deepEqual(left.toSorted(), filesBelow(folder).sort());
    assert.equal(left.some((file) => files.includes(file)), false, "what was recorded of a name never changes");
    assert.deepEqual((await readVolume(`${folder}/${left[0]}`)).data, voxels);
    assert.equal((await datasets.get(id)).hash, hash, "a training that waits finds its data unchanged");
    await datasets.sweep(0);
    assert.deepEqual([...await selectFiles(database, id)], left, "once is enough");
  }));

test("a file that an open job uses, or that cannot be read, keeps no other from being cleaned", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const used = await asStoredBefore(datasets, dataDirectory, database);
    const damaged = await asStoredBefore(datasets, dataDirectory, database);
    await database.query(
      "INSERT INTO sulcus.jobs (id, kind, state, input, dataset) VALUES ($1, 'finetune', 'running', '{}', $1)",
      [used.id],
    );
    const folder = (id: string) => `${dataDirectory}/datasets/${id}`;
    await Deno.writeTextFile(`${folder(damaged.id)}/${damaged.files[0]}`, "no volume");
    await datasets.sweep(0);
    assert.equal((await holding(folder(used.id))).length, 2);
    assert.deepEqual(await holding(folder(damaged.id)), []);
    assert.deepEqual(filesBelow(folder(used.id)).sort(), used.files.toSorted(), "no half-cleaned copy stays");
    await database.query("DELETE FROM sulcus.jobs WHERE id = $1", [used.id]);
    await datasets.sweep(0);
    assert.deepEqual(await holding(folder(used.id)), []);
  }));
