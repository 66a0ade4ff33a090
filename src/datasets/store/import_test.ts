import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { DEFAULT_BUDGET } from "../../inference/mod.ts";
import { longestHold } from "../../process/testing/held.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { rawZip } from "../../storage/testing/zip.ts";
import { refusal } from "../../storage/testing/refusal.ts";
import { readDatasetFolder, readDatasetZip } from "./folder.ts";
import { filesBelow, withDatasets } from "../testing/datasets.ts";
import { readChannelMap } from "../layouts/channels.ts";
import { besidesPlausibility, tinyNifti } from "../testing/cases.ts";

const test = databaseTests();

type Files = Record<string, Uint8Array<ArrayBuffer>>;
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** The same two cases in each layout. */
async function layouts(): Promise<Record<"nnunet" | "brats" | "sulcus", Files>> {
  const [t1, flair] = [await tinyNifti(), await tinyNifti({ values: [9, 5, 1] })];
  const [first, second] = [await tinyNifti({ values: [0, 1, 2, 4] }), await tinyNifti({ values: [0, 4] })];
  const regions = { whole: [1, 2, 4], core: [1, 4], enhancing: 4 };
  return {
    nnunet: {
      "Dataset007_Tumour/dataset.json": json({
        name: "Tumour",
        channel_names: { 0: "T1w", 1: "T2-FLAIR" },
        labels: { background: 0, ...regions },
        regions_class_order: [2, 1, 4],
        file_ending: ".nii.gz",
        numTraining: 2,
      }),
      "Dataset007_Tumour/imagesTr/BRATS_001_0000.nii.gz": t1,
      "Dataset007_Tumour/imagesTr/BRATS_001_0001.nii.gz": flair,
      "Dataset007_Tumour/imagesTr/BRATS_002_0000.nii.gz": t1,
      "Dataset007_Tumour/imagesTr/BRATS_002_0001.nii.gz": flair,
      "Dataset007_Tumour/imagesTs/BRATS_003_0000.nii.gz": t1,
      "Dataset007_Tumour/labelsTr/BRATS_001.nii.gz": first,
      "Dataset007_Tumour/labelsTr/BRATS_002.nii.gz": second,
      "__MACOSX/Dataset007_Tumour/._dataset.json": json({}),
    },
    brats: {
      "train/HGG/Brats18_1/Brats18_1_t1.nii.gz": t1,
      "train/HGG/Brats18_1/Brats18_1_flair.nii.gz": flair,
      "train/HGG/Brats18_1/Brats18_1_seg.nii.gz": first,
      "train/LGG/Brats18_2/Brats18_2_t1.nii.gz": t1,
      "train/LGG/Brats18_2/Brats18_2_flair.nii.gz": flair,
      "train/LGG/Brats18_2/Brats18_2_seg.nii.gz": second,
      "train/survival_data.csv": json("x"),
    },
    sulcus: {
      "dataset.json": json({
        name: "Tumour",
        task: "segmentation",
        modalities: ["t1", "FLAIR"],
        labels: [
          { name: "whole", values: [1, 2, 4] },
          { name: "core", values: [1, 4] },
          { name: "enhancing", values: [4] },
        ],
        cases: { a: { patient: "P1" }, b: { patient: "P1" } },
      }),
      "cases/a/t1.nii.gz": t1,
      "cases/a/flair.nii.gz": flair,
      "cases/a/label.nii.gz": first,
      "cases/b/T1.nii.gz": t1,
      "cases/b/flair.nii.gz": flair,
      "cases/b/label.nii.gz": second,
      "cases/b/notes.txt": json("x"),
    },
  };
}

const FOUND = {
  nnunet: { cases: [["BRATS_001", "BRATS_001"], ["BRATS_002", "BRATS_002"]], ignored: 1, name: "Tumour" },
  brats: { cases: [["Brats18_1", "Brats18_1"], ["Brats18_2", "Brats18_2"]], ignored: 1, name: "Imported (brats)" },
  sulcus: { cases: [["a", "P1"], ["b", "P1"]], ignored: 1, name: "Tumour" },
};

for (const layout of ["nnunet", "brats", "sulcus"] as const) {
  test(`importZip() and readDatasetFolder() find the same in a ${layout} data set`, (database) =>
    withDatasets(database, async (datasets, dataDirectory) => {
      const files = (await layouts())[layout];
      await Deno.writeFile(`${dataDirectory}/in.zip`, zipSync(files, { level: 0 }));
      const imported = await datasets.importZip(`${dataDirectory}/in.zip`);
      const { dataset } = imported;
      const expected = FOUND[layout];
      assert.deepEqual([imported.layout, imported.ignored.length, dataset.name], [
        layout,
        expected.ignored,
        expected.name,
      ]);
      assert.deepEqual(dataset.cases.map((c) => [c.case, c.patient]), expected.cases);
      assert.deepEqual([dataset.modalities, besidesPlausibility(dataset.checks), dataset.ready], [
        ["t1", "flair"],
        [],
        true,
      ]);
      assert.deepEqual(dataset.labels.map((l) => [l.value, l.sourceValues]), [[2, [1, 2, 4]], [1, [1, 4]], [4, [4]]]);
      assert.deepEqual(dataset.cases.map((c) => c.class), layout === "brats" ? ["HGG", "LGG"] : [undefined, undefined]);

      for (const [path, bytes] of Object.entries(files)) {
        const target = `${dataDirectory}/folder/${path}`;
        await Deno.mkdir(target.slice(0, target.lastIndexOf("/")), { recursive: true });
        await Deno.writeFile(target, bytes);
      }
      const folder = await readDatasetFolder(`${dataDirectory}/folder`);
      assert.equal(folder.hash, dataset.hash);
      assert.deepEqual(folder.labels, dataset.labels);
      assert.deepEqual([folder.layout, folder.ignored.length], [layout, expected.ignored]);
      const zip = await readDatasetZip(`${dataDirectory}/in.zip`, `${dataDirectory}/unpacked`);
      assert.deepEqual([zip.hash, zip.layout, zip.labels], [folder.hash, layout, folder.labels]);
      assert.ok(zip.cases.every((c) => c.label?.startsWith(`${dataDirectory}/unpacked/cases/`)));
      const { cases } = await datasets.trainingCases(dataset.id);
      const content = async (path: string) => (await Deno.readFile(path)).toHex();
      for (const [i, one] of folder.cases.entries()) {
        assert.deepEqual([one.id, one.patient, one.className], [cases[i].id, cases[i].patient, cases[i].className]);
        assert.equal(await content(one.images.t1!), await content(cases[i].images.t1!));
        assert.equal(await content(one.label!), await content(cases[i].label!));
      }
    }));
}

test("importZip() reads descriptions of 2.3 MB, good and bad, without holding the server's thread", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const { nnunet } = await layouts();
    const path = "Dataset007_Tumour/dataset.json", zip = `${dataDirectory}/in.zip`;
    const good = JSON.parse(new TextDecoder().decode(nnunet[path]));
    const names = Array.from({ length: 120_000 }, (_, i) => `case number ${i}`);
    const descriptions = {
      good: { ...good, listed: names },
      bad: { ...good, labels: Object.fromEntries(names.map((name) => [name, "x"])) },
    };
    for (const [kind, description] of Object.entries(descriptions)) {
      const bytes = json(description);
      assert.ok(bytes.length > 2.3e6, `${bytes.length}`);
      await Deno.writeFile(zip, zipSync({ ...nnunet, [path]: bytes }));
      const { result, heldMs } = await longestHold(() => Promise.allSettled([datasets.importZip(zip)]));
      assert.equal(result[0].status, kind === "good" ? "fulfilled" : "rejected");
      assert.ok(heldMs < 50, `${kind}: the thread was held for ${heldMs} ms`);
    }
  }));

const BAD_ARCHIVES: Record<
  string,
  { files: (all: Awaited<ReturnType<typeof layouts>>) => Files; code?: string; message: RegExp }
> = {
  "no data set at all": { files: () => ({ "readme.txt": json("x") }), message: /it has no cases/ },
  "two descriptions": {
    files: ({ sulcus }) => ({ ...sulcus, "more/dataset.json": json({}) }),
    message: /more than one dataset\.json/,
  },
  "a description that is no JSON": {
    files: ({ sulcus }) => ({ ...sulcus, "dataset.json": new TextEncoder().encode("{") }),
    message: /dataset\.json is no JSON/,
  },
  "an unknown channel": {
    files: () => ({ "dataset.json": json({ channel_names: { 0: "CT" }, labels: { l: 1 } }) }),
    message: /channel 0 is no known modality: expected one of t1, .*--map-channel NAME=t1/,
  },
  "an ignore label": {
    files: () => ({ "dataset.json": json({ channel_names: { 0: "T1" }, labels: { l: 1, ignore: 2 } }) }),
    message: /ignore label/,
  },
  "two files of one modality": {
    files: ({ sulcus }) => ({ ...sulcus, "cases/b/t1.nii": json("x") }),
    message: /two files for t1/,
  },
  "a broken volume": {
    files: ({ sulcus }) => ({ ...sulcus, "cases/b/T1.nii.gz": json("x") }),
    code: "invalid-volume",
    message: /^Case 2 of 2, t1: Cannot read a volume: expected a NIfTI file/,
  },
};

for (const [name, { files, code = "invalid-dataset", message }] of Object.entries(BAD_ARCHIVES)) {
  test(`importZip() refuses ${name} and leaves nothing`, (database) =>
    withDatasets(database, async (datasets, dataDirectory) => {
      await Deno.writeFile(`${dataDirectory}/in.zip`, zipSync(files(await layouts())));
      await assert.rejects(datasets.importZip(`${dataDirectory}/in.zip`), refusal(code, message));
      assert.deepEqual([await datasets.list(), filesBelow(`${dataDirectory}/datasets`)], [[], []]);
    }));
}

test("importZip() and folders leave out a broken case when asked to, list ignored files, and map channels", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const volume = async (values: number[]) => await tinyNifti({ values });
    const files: Files = {
      "T\\dataset.json": json({ channel_names: { 0: "MRI" }, labels: { background: 0, lesion: 1 } }),
      "T\\imagesTr\\P1_T1_0000.nii.gz": await volume([1, 2]),
      "T\\imagesTr\\P1_T2_0000.NII.GZ": await volume([3, 4]),
      "T\\imagesTr\\P2_T1_0000.nii.gz": json("broken"),
      "T\\labelsTr\\P1_T1.nii.gz": await volume([0, 1]),
      "T\\labelsTr\\P1_T2.nii.gz": await volume([0, 0, 1]),
      "T\\notes.txt": json("x"),
    };
    const path = `${dataDirectory}/in.zip`;
    await Deno.writeFile(path, rawZip(Object.entries(files).map(([name, content]) => ({ name, content }))));
    const options = { channels: readChannelMap("MRI=flair"), skip: "errors" as const };
    const { dataset, ignored, leftOut } = await datasets.importZip(path, options);
    assert.deepEqual([dataset.modalities, besidesPlausibility(dataset.checks), dataset.ready, ignored], [
      ["flair"],
      [],
      true,
      [
        "T/notes.txt",
      ],
    ]);
    assert.deepEqual(dataset.cases.map((c) => [c.case, c.patient]), [["P1_T1", "P1"], ["P1_T2", "P1"]]);
    assert.deepEqual(leftOut.map((c) => [c.case, /^flair: Cannot read a volume/.test(c.reason)]), [["P2_T1", true]]);
    assert.equal(filesBelow(`${dataDirectory}/datasets`).length, 4);

    // Some programs unpack the zip of Windows into one folder, with backslashes in the files' names.
    await Deno.mkdir(`${dataDirectory}/folder`);
    for (const [name, bytes] of Object.entries(files)) await Deno.writeFile(`${dataDirectory}/folder/${name}`, bytes);
    const folder = await readDatasetFolder(`${dataDirectory}/folder`, options);
    assert.deepEqual([folder.hash, folder.patients, folder.ignored], [dataset.hash, dataset.patients, ["T/notes.txt"]]);
    assert.deepEqual(folder.leftOut, leftOut);
    const zip = await readDatasetZip(path, `${dataDirectory}/unpacked`, { ...options, skip: ["P2_T1"] });
    assert.deepEqual([zip.hash, zip.leftOut.map((c) => c.case)], [dataset.hash, ["P2_T1"]]);
    await assert.rejects(
      readDatasetFolder(`${dataDirectory}/folder`, { ...options, skip: undefined }),
      refusal("invalid-volume", /^Case 3 of 3, flair: Cannot read a volume.*leave it out$/),
    );
  }));

test("importZip() and folders leave out the cases that dataset.json excludes", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const files = (await layouts()).sulcus;
    const description = JSON.parse(new TextDecoder().decode(files["dataset.json"]));
    description.cases.b.excluded = "moved";
    const zip = zipSync({ ...files, "dataset.json": json(description) }, { level: 0 });
    await Deno.writeFile(`${dataDirectory}/in.zip`, zip);
    const { dataset } = await datasets.importZip(`${dataDirectory}/in.zip`);
    assert.deepEqual(dataset.cases.map((c) => c.excluded), [undefined, "moved"]);
    const unpacked = await readDatasetZip(`${dataDirectory}/in.zip`, `${dataDirectory}/unpacked`);
    assert.deepEqual([unpacked.hash, unpacked.cases.length], [dataset.hash, 1]);
    assert.deepEqual(unpacked.leftOut, [{ case: "b", reason: "moved" }]);
  }));

test("importZip() refuses names that climb out, and a name given goes before the archive's", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const path = `${dataDirectory}/in.zip`;
    const files = (await layouts()).sulcus;
    const entries = Object.entries(files).map(([name, content]) => ({ name, content }));
    await Deno.writeFile(path, rawZip([...entries, { name: "../evil", content: json("x") }]));
    await assert.rejects(datasets.importZip(path), refusal("invalid-archive", /a file name is unsafe/));
    await Deno.writeFile(path, rawZip(entries));
    assert.equal((await datasets.importZip(path, { name: "Mine" })).dataset.name, "Mine");
  }));

test("importZip() refuses volumes by the budget that is configured, in the child that reads them", (database) =>
  withDatasets(database, async (datasets) => {
    const { sulcus } = await layouts();
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeFile(path, zipSync(sulcus));
      await assert.rejects(
        datasets.importZip(path),
        refusal("too-much-work", /24 voxels, expected at most 3\. Mend the case/),
      );
    } finally {
      await Deno.remove(path);
    }
  }, { budget: { ...DEFAULT_BUDGET, voxels: 3 } }));
