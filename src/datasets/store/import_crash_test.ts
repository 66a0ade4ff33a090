import assert from "node:assert/strict";
import { Readers } from "../../process/mod.ts";
import { mortal, walkCrashes } from "../../storage/testing/crash.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { rawZip } from "../../storage/testing/zip.ts";
import { readVolume } from "../../volume/mod.ts";
import { tinyNifti } from "../testing/cases.ts";
import { filesBelow } from "../testing/datasets.ts";
import { Datasets } from "./datasets.ts";
import type { ImportTask } from "./import_process.ts";
import { selectFiles } from "./rows.ts";
import { unpackDataset } from "./unpack.ts";

const test = databaseTests();
const DESCRIPTION = {
  name: "Two",
  task: "segmentation",
  modalities: ["t1"],
  labels: [{ name: "lesion", values: [1] }],
};

/** Unpacks in this process, so that the walk reaches every operation of the child too. */
class Here extends Readers {
  override run<Task, Reply>(_program: string, { task }: { readonly task: Task }): Promise<Reply> {
    return unpackDataset(task as ImportTask) as Promise<Reply>; // no other program is called by an import
  }
}

test("a kill at any operation of an import leaves a whole data set or none, and no file of it", async (database) => {
  const dataDirectory = await Deno.makeTempDir(), zip = `${dataDirectory}/a.zip`;
  const entries = [["dataset.json", new TextEncoder().encode(JSON.stringify(DESCRIPTION))] as const];
  const volumes = await Promise.all(["a", "b"].map(async (name) => [
    [`cases/${name}/t1.nii.gz`, await tinyNifti()] as const,
    [`cases/${name}/label.nii.gz`, await tinyNifti({ values: [0, 1] })] as const,
  ]));
  await Deno.writeFile(zip, rawZip([...entries, ...volumes.flat()].map(([name, content]) => ({ name, content }))));
  let acknowledged: string | null = null;
  try {
    const operations = await walkCrashes({
      async work() {
        acknowledged = null;
        const datasets = await Datasets.open({ database: mortal(database), dataDirectory, readers: new Here() });
        acknowledged = (await datasets.importZip(zip)).dataset.id;
      },
      async check(at, isDone) {
        const where = `operation ${at}`;
        const next = await Datasets.open({ database, dataDirectory });
        await next.sweep(Infinity);
        const found = await next.list();
        assert.ok(found.length <= 1, where);
        if (acknowledged !== null) assert.deepEqual(found.map(({ id }) => id), [acknowledged], where);
        for (const { id, caseCount } of found) {
          assert.equal(caseCount, 2, where);
          const files = filesBelow(`${dataDirectory}/datasets/${id}`).sort();
          assert.deepEqual(files, [...await selectFiles(database, id)].sort(), where);
          assert.equal(files.length, 4, where);
          for (const file of files) await readVolume(`${dataDirectory}/datasets/${id}/${file}`);
          await next.delete(id);
        }
        assert.deepEqual([...Deno.readDirSync(`${dataDirectory}/datasets`)], [], `${where}: no orphan`);
        assert.equal(isDone, acknowledged !== null, where);
      },
    });
    assert.ok(operations > 60, `${operations} operations`);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});
