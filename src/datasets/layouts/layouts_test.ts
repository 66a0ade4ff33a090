import assert from "node:assert/strict";
import { labelsOf } from "../checks/labels.ts";
import { planDataset } from "./layouts.ts";
import { inputFromName, modalityFromName } from "./modalities.ts";

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
  assert.deepEqual(valuesOf([[1000]]), [1], "a mask is uint8");
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

Deno.test("inputFromName() knows modalities by any spelling, and any by its own", () => {
  assert.deepEqual(["any", "T1CE", "Any", "anything"].map(inputFromName), ["any", "t1c", null, null]);
});

Deno.test("modalityFromName() knows the spellings in use and nothing else", () => {
  const spellings = {
    t1: ["t1", "T1", "T1w", "t1n", "T1-native"],
    t1c: ["t1c", "T1CE", "t1ce", "T1Gd", "T1_GD", "T1 contrast"],
    t2: ["T2", "t2w"],
    flair: ["FLAIR", "t2f", "T2-FLAIR", "T2_FLAIR"],
    pd: ["PD"],
    mra: ["MRA", "TOF"],
    dwi: ["DWI"],
    adc: ["ADC"],
  };
  for (const [modality, names] of Object.entries(spellings)) {
    for (const name of names) assert.equal(modalityFromName(name), modality, name);
  }
  for (const name of ["", "any", "CT", "t3", "toString", "__proto__"]) assert.equal(modalityFromName(name), null, name);
});
