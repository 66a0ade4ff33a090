import assert from "node:assert/strict";
import { labelsOf } from "../spec.ts";
import { planDataset } from "./layouts.ts";

const noText = () => Promise.reject(new Error("nothing to read"));

Deno.test("planDataset() reads BraTS 2023 with its own enhancing value and groups time points by patient", async () => {
  const plan = await planDataset(
    ["000", "001"].flatMap((time) =>
      ["t1n", "t1c", "t2w", "t2f", "seg"].map((s) => `X/BraTS-GLI-00005-${time}/BraTS-GLI-00005-${time}-${s}.nii.gz`)
    ),
    noText,
  );
  assert.deepEqual(plan.modalities, ["t1", "t1c", "t2", "flair"]);
  assert.deepEqual(plan.regions.map((r) => r.values), [[1, 2, 3], [1, 3], [3]]);
  assert.deepEqual(plan.cases.map((c) => [c.id, c.patient, c.files.size]), [
    ["BraTS-GLI-00005-000", "BraTS-GLI-00005", 5],
    ["BraTS-GLI-00005-001", "BraTS-GLI-00005", 5],
  ]);
  assert.equal(plan.ignoredFiles, 0);
});

Deno.test("planDataset() reads BraTS 2021 with enhancing value 4", async () => {
  const plan = await planDataset(
    ["t1", "t1ce", "t2", "flair", "seg"].map((s) => `BraTS2021_00000/BraTS2021_00000_${s}.nii.gz`),
    noText,
  );
  assert.deepEqual(plan.regions.map((r) => r.values), [[1, 2, 4], [1, 4], [4]]);
  assert.equal(plan.cases[0].files.get("t1c"), "BraTS2021_00000/BraTS2021_00000_t1ce.nii.gz");
});

Deno.test("planDataset() takes neither masks of other tools nor mixed releases for BraTS", async () => {
  await assert.rejects(
    planDataset(["a/a_t1.nii.gz", "b/b-t1n.nii.gz"], noText),
    { code: "invalid-dataset", message: /mixes the names of BraTS 2023/ },
  );
  const plan = await planDataset(["a/a_t1.nii.gz", "a/a_t1_mask.nii.gz", "b/c_t1.nii.gz"], noText);
  assert.deepEqual([plan.cases.length, plan.cases[0].files.size, plan.ignoredFiles], [1, 1, 2]);
});

Deno.test("labelsOf() gives each region a value that later ones do not have", () => {
  const valuesOf = (regions: number[][]) =>
    labelsOf(regions.map((values, i) => ({ name: `r${i}`, values }))).map((l) => l.value);
  assert.deepEqual(valuesOf([[1, 2, 4], [1, 4], [4]]), [2, 1, 4]);
  assert.deepEqual(valuesOf([[1, 2, 3], [1, 3], [3]]), [2, 1, 3]);
  assert.deepEqual(valuesOf([[1], [2], [3]]), [1, 2, 3]);
  assert.deepEqual(valuesOf([[1, 2], [1], [2]]), [3, 1, 2], "a union has no value of its own");
  assert.deepEqual(valuesOf([[1000]]), [1000]);
  assert.deepEqual(valuesOf([[2035], [65_535, 11]]), [2035, 11]);
});

Deno.test("planDataset() reads a Sulcus data set of single volumes of any modality", async () => {
  const description = {
    task: "classification",
    modalities: ["any"],
    classes: ["t1", "t2"],
    cases: { a: { class: "t2" } },
  };
  const plan = await planDataset(
    ["dataset.json", "cases/a/any.nii.gz", "cases/b/any.nii", "cases/b/t1.nii.gz"],
    () => Promise.resolve(JSON.stringify(description)),
  );
  assert.deepEqual([plan.modalities, plan.cases.map((c) => [...c.files.keys()]), plan.ignoredFiles], [
    ["any"],
    [["any"], ["any"]],
    1,
  ]);
});

Deno.test("planDataset() names the files that it expected where it finds no case", async () => {
  const refuses = (paths: readonly string[], description: unknown, message: string) =>
    assert.rejects(planDataset(paths, () => Promise.resolve(JSON.stringify(description))), {
      code: "invalid-dataset",
      message: `Cannot read the data set: ${message}`,
    });
  const nnunet = "dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz";
  const brats = "CASE/CASE_t1.nii.gz, …, CASE/CASE_seg.nii.gz";
  const sulcus = "dataset.json, cases/CASE/t1.nii.gz, …, cases/CASE/label.nii.gz";
  const all = `expected one of nnU-Net v2 (${nnunet}); BraTS (${brats}); Sulcus (${sulcus})`;
  await refuses(["readme.txt"], {}, `it has no cases; ${all}`);
  await refuses(
    ["dataset.json"],
    { modality: { 0: "T1" } },
    `its dataset.json is of none of the known layouts; ${all}`,
  );
  const description = { channel_names: { 0: "T1" }, labels: { lesion: 1 } };
  await refuses(
    ["dataset.json", "imagesTs/a_0000.nii.gz"],
    description,
    `it has no cases: nnU-Net v2 layout is ${nnunet}`,
  );
});
