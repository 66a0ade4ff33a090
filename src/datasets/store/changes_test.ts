import assert from "node:assert/strict";
import { databaseTests } from "../../storage/testing/database.ts";
import { refusal } from "../../storage/testing/refusal.ts";
import { besidesPlausibility, streamOf, tinyNifti, type TinyVolume } from "../testing/cases.ts";
import { filesBelow, withDatasets } from "../testing/datasets.ts";
import type { DatasetSpec, Role } from "../types.ts";
import type { Datasets } from "./datasets.ts";

const test = databaseTests();
const SPEC: DatasetSpec = {
  name: "Lesions",
  task: "segmentation",
  modalities: ["t1"],
  labels: [{ name: "lesion", values: [1] }],
};

/** A data set of cases that can be trained on, but for `bad`, which has a label map that belongs to no label. */
async function filled(datasets: Datasets, names: readonly string[]): Promise<string> {
  const { id } = await datasets.create(SPEC);
  for (const [i, name] of names.entries()) {
    await datasets.putFile(id, name, "t1", streamOf(await tinyNifti({ values: [i, 1, 2] })));
    await datasets.putFile(id, name, "label", streamOf(await tinyNifti({ values: [0, name === "bad" ? 7 : 1] })));
  }
  return id;
}

const opened = async (files: Partial<Record<Role, TinyVolume>>) =>
  new Map(
    await Promise.all(
      Object.entries(files).map(async ([role, volume]) => {
        const bytes = await tinyNifti(volume);
        return [role as Role, () => Promise.resolve(streamOf(bytes))] as const;
      }),
    ),
  );

test("patients are found by the cases' names until somebody names them, or a rule or table does", (database) =>
  withDatasets(database, async (datasets) => {
    const id = await filled(datasets, ["P1_T1", "P1_T2", "MS_01", "MS_02"]);
    const patients = async () => (await datasets.get(id)).cases.map((c) => `${c.case}: ${c.patient} ${c.patientFrom}`);
    assert.deepEqual(await patients(), [
      "MS_01: MS_01 case-name",
      "MS_02: MS_02 case-name",
      "P1_T1: P1 case-name",
      "P1_T2: P1 case-name",
    ]);
    const before = await datasets.get(id);
    assert.deepEqual(before.patients, { count: 3, named: 0, rule: 0, caseName: 4 });
    const ruled = await datasets.putPatients(id, { rule: "^(MS)_" });
    assert.deepEqual(ruled.patients, { count: 2, named: 0, rule: 2, caseName: 2 });
    assert.notEqual(ruled.hash, before.hash);
    const tabled = await datasets.putPatients(id, {
      table: "case,patient,class\nMS_01,A,ignored\nP1_T1,B,\nnone,C,\n",
    });
    assert.deepEqual(tabled.patients, { count: 4, named: 2, rule: 1, caseName: 1 });
    const back = await datasets.changeCases(id, tabled.cases.map((c) => ({ case: c.case, patient: null })));
    assert.deepEqual([back.patients, back.hash], [before.patients, before.hash]);
    await assert.rejects(
      datasets.putPatients(id, { rule: "^(X)" }),
      refusal("invalid-dataset", /the rule for patients fits none of its 4 cases/),
    );
  }));

test("cases are changed, excluded and deleted several at once, or none is", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const id = await filled(datasets, ["a", "b", "bad", "c"]);
    const all = await datasets.get(id);
    assert.deepEqual([all.ready, besidesPlausibility(all.checks).map((c) => c.case)], [false, ["bad"]]);
    const refused = async (cases: Parameters<Datasets["changeCases"]>[1], code: string, message: RegExp) => {
      await assert.rejects(datasets.changeCases(id, cases), refusal(code, message));
      assert.deepEqual(await datasets.get(id), all);
      assert.equal(filesBelow(`${dataDirectory}/datasets`).length, 8);
    };
    await refused([{ case: "a", delete: true }, { case: "x", delete: true }], "not-found", /no such case/);
    await refused([{ case: "a", excluded: "x" }, { case: "a", delete: true }], "invalid-request", /named twice/);
    await refused([{ case: "a", class: "HGG" }], "invalid-request", /not one of the data set's classes/);
    await refused([{ case: "a", patient: "x\ny" }], "invalid-request", /name of a patient/);

    const excluded = await datasets.changeCases(id, [{ case: "bad", excluded: "drawn on T2" }]);
    assert.deepEqual([excluded.ready, besidesPlausibility(excluded.checks), excluded.caseCount], [true, [], 4]);
    assert.equal(excluded.cases.find((c) => c.case === "bad")?.excluded, "drawn on T2");
    assert.notEqual(excluded.hash, all.hash);
    const { cases, leftOut } = await datasets.trainingCases(id);
    assert.deepEqual([cases.map((c) => c.id), leftOut], [["a", "b", "c"], [{ case: "bad", reason: "drawn on T2" }]]);
    assert.deepEqual((await datasets.pretrainingCases(id)).cases.map((c) => c.id), ["a", "b", "c"]);

    const fewer = await datasets.changeCases(id, [{ case: "bad", delete: true }, { case: "b", delete: true }]);
    assert.deepEqual([fewer.cases.map((c) => c.case), fewer.ready], [["a", "c"], true]);
    assert.equal(filesBelow(`${dataDirectory}/datasets`).length, 4);
    assert.deepEqual(await datasets.changeCases(id, [{ case: "a", excluded: "x" }]), {
      ...fewer,
      ...await datasets.get(id),
    });
    assert.equal((await datasets.changeCases(id, [{ case: "a", excluded: null }])).hash, fewer.hash);
  }));

test("trainingCases() leaves out bad cases when asked to, with the reason", (database) =>
  withDatasets(database, async (datasets) => {
    const id = await filled(datasets, ["a", "b", "bad"]);
    await datasets.putFile(id, "half", "t1", streamOf(await tinyNifti({ values: [8, 9] })));
    await assert.rejects(
      datasets.trainingCases(id),
      refusal(
        "incomplete-dataset",
        /2 checks failed, the first: its label map has values.*leave out cases with errors/,
      ),
    );
    const { cases, leftOut, detail } = await datasets.trainingCases(id, { skip: "errors" });
    assert.deepEqual([cases.map((c) => c.id), detail.ready], [["a", "b"], true]);
    assert.deepEqual(leftOut, [
      { case: "bad", reason: "its label map has values that belong to no label: 7" },
      { case: "half", reason: "it has no label map" },
    ]);
    const named = await datasets.trainingCases(id, { skip: ["bad", "half"] });
    assert.deepEqual([named.cases, named.detail.hash], [cases, detail.hash]);
    assert.equal(named.leftOut[0].reason, "the request leaves it out");
    await assert.rejects(
      datasets.trainingCases(id, { skip: ["x"] }),
      refusal("invalid-request", /no case of that name/),
    );
    await datasets.changeCases(id, ["a", "b"].map((name) => ({ case: name, excluded: "x" })));
    await assert.rejects(
      datasets.trainingCases(id, { skip: "errors" }),
      refusal("incomplete-dataset", /all of its 4 cases are left out: the first is excluded$/),
    );
  }));

test("putCase() puts a whole case in the place of another, or leaves that one as it is", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const id = await filled(datasets, ["a", "bad"]);
    await datasets.changeCases(id, [{ case: "bad", excluded: "x", patient: "P" }]);
    const before = await datasets.get(id);
    const files = await opened({ t1: { values: [5, 6] }, label: { values: [0, 1] } });
    for (const role of ["t1", "label"] as const) {
      const broken = new Map(files).set(role, () => Promise.resolve(streamOf(new TextEncoder().encode("none"))));
      await assert.rejects(datasets.putCase(id, "bad", { files: broken }), refusal("invalid-volume", /Cannot read/));
    }
    await assert.rejects(
      datasets.putCase(id, "bad", { files: new Map() }),
      refusal("invalid-request", /expected a file/),
    );
    await assert.rejects(
      datasets.putCase(id, "bad", { files: await opened({ flair: {} }) }),
      refusal("unknown-modality", /the data set has t1/),
    );
    await assert.rejects(datasets.putCase(id, "bad", { files, class: "x" }), refusal("invalid-request", /classes/));
    assert.deepEqual(await datasets.get(id), before);
    assert.equal(filesBelow(`${dataDirectory}/datasets`).length, 4);

    assert.deepEqual(await datasets.putCase(id, "bad", { files, excluded: null }), {
      case: "bad",
      patient: "P",
      patientFrom: "named",
      modalities: ["t1"],
      hasLabel: true,
    });
    const after = await datasets.get(id);
    assert.deepEqual([after.ready, besidesPlausibility(after.checks), filesBelow(`${dataDirectory}/datasets`).length], [
      true,
      [],
      4,
    ]);
    const image = await opened({ t1: { values: [5, 7] } });
    assert.equal((await datasets.putCase(id, "bad", { files: image, patient: null })).hasLabel, false);
    assert.equal(filesBelow(`${dataDirectory}/datasets`).length, 3);
    assert.equal((await datasets.putCase(id, "new", { files, patient: "Q" })).patient, "Q");
  }));

test("a case is one by whatever form its name is written in, also one of an earlier version", (database) =>
  withDatasets(database, async (datasets) => {
    const [composed, decomposed] = ["M\u00fcller", "Mu\u0308ller"];
    const id = await filled(datasets, [composed]);
    await datasets.putFile(id, decomposed, "t1", streamOf(await tinyNifti({ values: [9, 8] })));
    const old = crypto.randomUUID();
    await database.query("INSERT INTO sulcus.dataset_cases (id, dataset, name) VALUES ($1, $2, $3)", [
      old,
      id,
      "E\u0301va",
    ]);
    await datasets.putFile(id, "\u00c9va", "t1", streamOf(await tinyNifti()));
    const { cases } = await datasets.get(id);
    assert.deepEqual(new Set(cases.map((c) => c.case)), new Set([composed, "E\u0301va"]));
    await datasets.changeCases(id, [{ case: "\u00c9va", delete: true }]);
    assert.deepEqual((await datasets.get(id)).cases.map((c) => c.case), [composed]);
  }));
