import assert from "node:assert/strict";
import { mortal, walkCrashes } from "../../storage/testing/crash.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { isTemporary, writeWhole } from "../../storage/mod.ts";
import { readVolume } from "../../volume/mod.ts";
import { streamOf, tinyNifti } from "../testing/cases.ts";
import { filesBelow } from "../testing/datasets.ts";
import { Datasets } from "./datasets.ts";
import { selectFiles } from "./rows.ts";

const test = databaseTests();
const SPEC = {
  name: "A",
  task: "segmentation" as const,
  modalities: ["t1" as const],
  labels: [{ name: "lesion", values: [1] }],
};

test("a kill at any operation on files or rows loses no acknowledged case, and leaves none half", async (database) => {
  const dataDirectory = await Deno.makeTempDir();
  const [first, second] = [await tinyNifti({ values: [1] }), await tinyNifti({ values: [2] })];
  /** What was acknowledged: the value of the case's voxels, or that the data set is gone. */
  let known: { id: string; value?: 1 | 2; isDeleted?: true; isDeleting?: true } | null = null;
  try {
    const operations = await walkCrashes({
      async work() {
        known = null;
        const datasets = await Datasets.open({ database: mortal(database), dataDirectory });
        const { id } = await datasets.create(SPEC);
        known = { id };
        await datasets.putFile(id, "a", "t1", streamOf(first));
        known = { id, value: 1 };
        const files = new Map([["t1" as const, () => Promise.resolve(streamOf(second))]]);
        await datasets.putCase(id, "a", { files });
        known = { id, value: 2 };
        await datasets.changeCases(id, [{ case: "a", excluded: "x" }]);
        await mortal(database).query(
          "INSERT INTO sulcus.jobs (id, kind, state, input, dataset) VALUES ($1, 'finetune', 'succeeded', '{}', $1)",
          [id],
        );
        await writeWhole(`${dataDirectory}/reports/${id}/report.json`, "a report that names the case");
        known = { id, value: 2, isDeleting: true };
        await datasets.delete(id);
        known = { id, isDeleted: true };
      },
      async check(at, isDone) {
        const next = await Datasets.open({ database, dataDirectory });
        await next.sweep(Infinity);
        const found = await next.list(), where = `operation ${at}`;
        for (const { id } of found) {
          const folder = `${dataDirectory}/datasets/${id}`, rows = [...await selectFiles(database, id)].sort();
          const files = await exists(folder) ? filesBelow(folder).sort() : [];
          assert.deepEqual(files, rows, `${where}: files and rows agree`);
          assert.deepEqual(files.filter(isTemporary), [], where);
          for (const file of files) {
            assert.ok((await readVolume(`${folder}/${file}`)).data.every((v) => v === 1 || v === 2));
          }
        }
        const own = known && found.find(({ id }) => id === known?.id);
        if (known?.isDeleted) assert.equal(own, undefined, where);
        else if (known && !known.isDeleting) assert.ok(own, `${where}: an acknowledged data set is there`);
        if (known?.value !== undefined && own) {
          const { cases: [one] } = await next.get(known.id);
          const [file] = await selectFiles(database, known.id);
          const [voxel] = (await readVolume(`${dataDirectory}/datasets/${known.id}/${file}`)).data;
          assert.equal(one.case, "a");
          assert.ok(
            voxel >= known.value,
            `${where}: expected the voxels of upload ${known.value} or later, got ${voxel}`,
          );
        }
        const folders = [...Deno.readDirSync(`${dataDirectory}/datasets`)].map(({ name }) => name);
        assert.deepEqual(
          folders.filter((name) => !found.some(({ id }) => id === name)),
          [],
          `${where}: no folder without a record`,
        );
        const reports = await exists(`${dataDirectory}/reports`)
          ? [...Deno.readDirSync(`${dataDirectory}/reports`)].map(({ name }) => name)
          : [];
        assert.deepEqual(
          reports.filter((name) => !found.some(({ id }) => id === name)),
          [],
          `${where}: no report on a deleted data set`,
        );
        for (const { id } of found) await next.delete(id);
        await database.query("DELETE FROM sulcus.jobs");
        assert.equal(isDone, known?.isDeleted === true);
      },
    });
    assert.ok(operations > 40, `${operations} operations`);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

const exists = (path: string) => Deno.stat(path).then(() => true, () => false);
