import assert from "node:assert/strict";
import { labelsOf } from "../spec.ts";
import { planDataset, type PlanOptions } from "./layouts.ts";

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
  assert.equal(plan.ignored.length, 0);
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
  assert.deepEqual([plan.cases.length, plan.cases[0].files.size, plan.ignored.length], [1, 1, 2]);
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
  assert.deepEqual([plan.modalities, plan.cases.map((c) => [...c.files.keys()]), plan.ignored.length], [
    ["any"],
    [["any"], ["any"]],
    1,
  ]);
});

Deno.test("planDataset() says what it looked for, in which folders, and what is there", async () => {
  const refuses = (paths: readonly string[], description: unknown, message: string) =>
    assert.rejects(planDataset(paths, () => Promise.resolve(JSON.stringify(description))), {
      code: "invalid-dataset",
      message: `Cannot read the data set: ${message}`,
    });
  const nnunet = "dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz";
  const decathlon = "dataset.json (also of nnU-Net v1), imagesTr/CASE.nii.gz, labelsTr/CASE.nii.gz";
  const brats = "CASE/CASE_t1.nii.gz, …, CASE/CASE_seg.nii.gz";
  const sulcus = "dataset.json, cases/CASE/t1.nii.gz, …, cases/CASE/label.nii.gz";
  const all = `expected one of nnU-Net v2 (${nnunet}); Decathlon (${decathlon}); BraTS (${brats}); Sulcus (${sulcus})`;
  await refuses(["readme.txt"], {}, `it has no cases; ${all}; found 1 .txt at the top`);
  await refuses([], {}, `it has no cases; ${all}; found no file at all`);
  await refuses(
    ["dataset.json", "Meier/T1.mgz"],
    { modalities: "T1" },
    `its dataset.json is of none of the known layouts; ${all}; found 1 .json at the top, 1 .mgz one folder deep`,
  );
  await refuses(
    ["Meier/1/a.dcm", "Meier/1/b.DCM", "Meier/2/c", "notes"],
    {},
    `it has no cases; ${all}; found 2 .dcm 2 folders deep, 1 other 2 folders deep, 1 other at the top. Convert DICOM ` +
      "first, such as with dcm2niix",
  );
  const description = { channel_names: { 0: "T1" }, labels: { lesion: 1 } };
  await refuses(
    ["D1/dataset.json", "D1/imagesTs/a_0000.nii.gz", "D1/imagesTs/b_0000.NII.GZ", "D1/labelsTs/a.nii.gz"],
    description,
    `it has no cases: nnU-Net v2 layout is ${nnunet}; found 2 .nii.gz in imagesTs, 1 .json at the top, 1 .nii.gz in ` +
      "labelsTs",
  );
});

Deno.test("planDataset() keeps the order of regions that are named by numbers", async () => {
  const text = `{ "channel_names": {"0": "FLAIR"}, "note": "\\"labels\\": {\\"9\\": 1}",
    "labels": {"background": 0, "3": [1, 2, 3], "1" : [1, 3], "2": 3}, "regions_class_order": [2, 1, 3] }`;
  const { regions } = await planDataset(["dataset.json", "imagesTr/a_0000.nii.gz"], () => Promise.resolve(text));
  assert.deepEqual(regions, [
    { name: "3", values: [1, 2, 3], value: 2 },
    { name: "1", values: [1, 3], value: 1 },
    { name: "2", values: [3], value: 3 },
  ]);
});

Deno.test("planDataset() reads the order of keys in one walk, whatever the strings before and between them", async () => {
  const odd = JSON.stringify('\\\\" : {"labels": {"'.repeat(1000));
  const text =
    `{ "labels": {"5": 5}, "note": ["labels", ${odd}], "deep": {"labels": {"7": 1}}, "channel_names": {"0": "T1"},
    "reference": "${"\\n".repeat(2 ** 22)}", "l\\u0061bels"\n:\t{"10": 1, "\\u0032" : [2, 3], "b\\\\": 4} }`;
  const { regions } = await planDataset(["dataset.json", "imagesTr/a_0000.nii.gz"], () => Promise.resolve(text));
  assert.deepEqual(regions, [{ name: "10", values: [1] }, { name: "2", values: [2, 3] }, { name: "b\\", values: [4] }]);
});

Deno.test("planDataset() takes patients from the user, the description, a table, then the cases' names", async () => {
  const description = {
    task: "segmentation",
    modalities: ["t1"],
    labels: [{ name: "l", values: [1] }],
    cases: { "a_ses-1": { patient: "named" } },
  };
  const table = "case,patient\na_ses-1,table\nb_ses-1,table\n";
  const paths = ["a_ses-1", "b_ses-1", "c_ses-1"].map((c) => `cases/${c}/t1.nii`);
  const patients = async (options: PlanOptions = {}, tables: readonly string[] = ["patients.csv"]) => {
    const texts: Record<string, string> = { "dataset.json": JSON.stringify(description), "patients.csv": table };
    const read = (path: string) => Promise.resolve(texts[path] ?? "name,age\n");
    const plan = await planDataset(["dataset.json", ...tables, ...paths], read, options);
    notes = plan.notes;
    return [plan.cases.map((c) => `${c.patient} ${c.patientFrom}`).join(", "), plan.ignored];
  };
  let notes: readonly string[] = [];
  assert.deepEqual(await patients(), ["named named, table named, c case-name", []]);
  assert.deepEqual(notes, ["cases of which the table for patients says nothing: 1 of 3"]);
  assert.deepEqual(await patients({}, []), ["named named, b case-name, c case-name", []]);
  assert.deepEqual(
    await patients({}, ["participants.tsv"]),
    ["named named, b case-name, c case-name", ["participants.tsv"]],
    "a table of somebody's own",
  );
  assert.deepEqual(await patients({ patients: { rule: "^([ab])_" } }), [
    "a rule, b rule, c case-name",
    ["patients.csv"],
  ]);
  assert.deepEqual(
    (await patients({ patients: { table: "case,patient\na_ses-1,given" } }))[0],
    [
      "given named, b case-name, c case-name",
    ].join(),
  );
  await patients({ patients: { table: "case,patient\na_ses-1,A\nz,Z\n" } });
  assert.deepEqual(notes, [
    "cases of which the table for patients says nothing: 2 of 3",
    "rows of the table of patients that fit no case: 1",
  ]);
  await assert.rejects(patients({ patients: { rule: "^(x)" } }), /the rule for patients fits none of its 3 cases/);
});

Deno.test("planDataset() leaves out the cases that it is asked to, and those with a fault", async () => {
  const description = { task: "segmentation", modalities: ["t1"], labels: [{ name: "l", values: [1] }] };
  const paths = ["cases/a/t1.nii", "cases/b/t1.nii", "cases/b/T1w.nii.gz", "cases/Mu\u0308ller/t1.nii"];
  const planned = (skip?: PlanOptions["skip"]) =>
    planDataset(["dataset.json", ...paths], () => Promise.resolve(JSON.stringify(description)), { skip });
  await assert.rejects(planned(), /a case has two files for t1$/);
  const { cases, leftOut } = await planned("errors");
  assert.deepEqual([cases.map((c) => c.id), leftOut], [
    ["Müller", "a"],
    [{ case: "b", reason: "a case has two files for t1" }],
  ]);
  const named = await planned(["b", "M\u00fcller"]);
  assert.deepEqual([named.cases.map((c) => c.id), named.leftOut.map((c) => c.case)], [["a"], ["Müller", "b"]]);
  await assert.rejects(planned(["b", "c"]), /1 of the cases to leave out are not in it/);
});

Deno.test("planDataset() notes cases that dataset.json describes and that are not there, and takes its exclusions", async () => {
  const description = {
    task: "segmentation",
    modalities: ["t1"],
    labels: [{ name: "l", values: [1] }],
    cases: { a: { excluded: "moved" }, c: { patient: "P" } },
  };
  const { cases, notes } = await planDataset(
    ["dataset.json", "cases/a/t1.nii", "cases/b/t1.nii"],
    () => Promise.resolve(JSON.stringify(description)),
  );
  assert.deepEqual(cases.map((c) => [c.id, c.excluded]), [["a", "moved"], ["b", undefined]]);
  assert.deepEqual(notes, ["cases of dataset.json that are not there: 1"]);
});
