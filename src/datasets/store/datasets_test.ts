import assert from "node:assert/strict";
import { longestHold } from "../../process/testing/held.ts";
import { databaseTests } from "../../storage/testing/database.ts";
import { refusal } from "../../storage/testing/refusal.ts";
import { Datasets } from "./datasets.ts";
import { filesBelow, withDatasets } from "../testing/datasets.ts";
import { besidesPlausibility, readyDataset, streamOf, tinyNifti } from "../testing/cases.ts";
import type { DatasetSpec } from "../types.ts";

const test = databaseTests();
const SEGMENTATION: DatasetSpec = {
  name: "Lesions",
  task: "segmentation",
  modalities: ["t1", "flair"],
  labels: [{ name: "lesion", values: [1, 2] }],
};

test("a data set is made, filled, listed, read and deleted", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const made = await datasets.create(SEGMENTATION);
    assert.deepEqual([made.name, made.caseCount, made.cases, made.ready], ["Lesions", 0, [], false]);
    assert.deepEqual(made.labels, [{ name: "lesion", value: 1, sourceValues: [1, 2], colour: "#e69f00" }]);
    const image = await tinyNifti();
    const put = (role: "t1" | "flair" | "label", bytes = image) =>
      datasets.putFile(made.id, "Müller, A. ../../x", role, streamOf(bytes));
    assert.equal((await put("t1")).bytes, image.length);
    assert.deepEqual((await datasets.get(made.id)).checks.map((c) => c.code), ["missing-modality", "missing-label"]);
    await put("flair", await tinyNifti({ gzip: false }));
    await put("label", await tinyNifti({ values: [0, 2] }));
    const full = await datasets.get(made.id);
    assert.deepEqual(full.cases, [
      {
        case: "Müller, A. ../../x",
        patient: "Müller, A. ../../x",
        patientFrom: "case-name",
        modalities: ["t1", "flair"],
        hasLabel: true,
      },
    ]);
    assert.deepEqual([besidesPlausibility(full.checks), full.ready, full.caseCount], [[], true, 1]);
    const [summary] = await datasets.list();
    assert.deepEqual([summary.id, summary.caseCount], [made.id, 1]);

    const files = filesBelow(`${dataDirectory}/datasets`);
    assert.equal(files.length, 3);
    const uuid = "[0-9a-f-]{36}";
    for (const file of files) {
      assert.match(file, new RegExp(`^${uuid}/cases/${uuid}/(t1|flair|label)-${uuid}\\.nii(\\.gz)?$`));
    }
    assert.equal(files.filter((f) => f.endsWith(".nii")).length, 1);
    const { cases } = await datasets.trainingCases(made.id);
    assert.deepEqual(Object.keys(cases[0].images), ["flair", "t1"]);
    for (const path of [...Object.values(cases[0].images), cases[0].label!]) await Deno.stat(path);

    await datasets.delete(made.id);
    assert.deepEqual(await datasets.list(), []);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);
    await assert.rejects(
      datasets.delete(made.id),
      refusal("not-found", /^Cannot find this data set: `GET \/v1\/datasets` lists/),
    );
  }));

test("the hash depends on files, classes and patients, not on the order in which they came", (database) =>
  withDatasets(database, async (datasets) => {
    const [image, other] = [await tinyNifti(), await tinyNifti({ values: [5] })];
    const fill = async (cases: readonly string[], bytes: Uint8Array<ArrayBuffer>) => {
      const { id } = await datasets.create({ ...SEGMENTATION, task: "classification", classes: ["a", "b"] });
      for (const name of cases) await datasets.putFile(id, name, "t1", streamOf(bytes));
      return id;
    };
    const hashOf = async (id: string) => (await datasets.get(id)).hash;
    const [one, two] = [await fill(["x", "y"], image), await fill(["y", "x"], image)];
    assert.equal(await hashOf(one), await hashOf(two));
    const hashes = new Set([await hashOf(one), await hashOf(await fill(["x", "y"], other))]);
    await datasets.putClass(one, "x", { class: "a" });
    hashes.add(await hashOf(one));
    await datasets.putClass(one, "x", { class: "b", patient: "p" });
    hashes.add(await hashOf(one));
    await datasets.putFile(one, "x", "t1", streamOf(other));
    hashes.add(await hashOf(one));
    assert.equal(hashes.size, 5);
  }));

test("putFile() replaces a file and leaves no other behind", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const id = await readyDataset(datasets);
    const before = filesBelow(dataDirectory).length;
    await datasets.putFile(id, "Müller, A.", "t1", streamOf(await tinyNifti({ values: [7] })));
    assert.equal(filesBelow(dataDirectory).length, before);
    assert.equal((await datasets.get(id)).caseCount, 1);
  }));

test("putFile() and putClass() refuse by code and keep nothing", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const { id } = await datasets.create(SEGMENTATION);
    const image = await tinyNifti();
    const put = (role: "t1" | "t2" | "label", bytes: Uint8Array<ArrayBuffer>, name = "c", to = id) =>
      datasets.putFile(to, name, role, streamOf(bytes));
    await assert.rejects(put("t2", image), refusal("unknown-modality", /Cannot store t2: the data set has t1, flair/));
    await assert.rejects(put("t1", image, "a\nb"), refusal("invalid-request", /one line of 1 to 200/));
    await assert.rejects(put("t1", image, ""), refusal("invalid-request", /one line of 1 to 200/));
    await assert.rejects(put("t1", image, "c", crypto.randomUUID()), refusal("not-found", /this data set/));
    await assert.rejects(put("t1", image, "c", "x"), refusal("not-found", /this data set/));
    await assert.rejects(put("t1", image.slice(0, 60)), refusal("invalid-volume", /Cannot read/));
    await assert.rejects(
      put("t1", new TextEncoder().encode("hello")),
      refusal("invalid-volume", /Cannot read a volume: expected a NIfTI file/),
    );
    const many = await tinyNifti({ sizeVox: [50, 50, 1], values: Array.from({ length: 2500 }, (_, i) => i) });
    await assert.rejects(put("label", many), refusal("invalid-volume", /at most 1024 different values/));
    await assert.rejects(put("t1", new Uint8Array(20_001)), refusal("too-large", /at most 20000 bytes/));
    await assert.rejects(
      datasets.putClass(id, "c", { class: "HGG" }),
      refusal("invalid-request", /not one of the data set's classes/),
    );
    assert.deepEqual((await datasets.get(id)).cases, []);
    assert.deepEqual(filesBelow(`${dataDirectory}/datasets`), []);
  }, { maxFileBytes: 20_000 }));

test("checks name the faults of each case", (database) =>
  withDatasets(database, async (datasets) => {
    const { id } = await datasets.create(SEGMENTATION);
    const put = async (name: string, role: "t1" | "flair" | "label", volume: Parameters<typeof tinyNifti>[0]) => {
      await datasets.putFile(id, name, role, streamOf(await tinyNifti(volume)));
    };
    const cases: Record<string, Parameters<typeof tinyNifti>[0][]> = {
      "1 good": [{}, {}, { values: [0, 1] }],
      "2 empty": [{}, {}, { values: [0] }],
      "3 strange": [{}, {}, { values: [0, 1, 7, 2.5] }],
      "3 strange, too": [{}, {}, { values: [0, 1, -1] }],
      "4 moved": [{}, { originMm: [1, 0, 0] }, { values: [0, 1] }],
      "5 elsewhere": [{}, {}, { values: [0, 1], originMm: [100, 0, 0] }],
      "6 broken": [{ values: [1, NaN] }, {}, { values: [0, 1] }],
    };
    for (const [name, volumes] of Object.entries(cases)) {
      for (const [i, role] of (["t1", "flair", "label"] as const).entries()) await put(name, role, volumes[i]);
    }
    assert.deepEqual(besidesPlausibility((await datasets.get(id)).checks), [
      {
        case: "2 empty",
        code: "label-empty",
        severity: "warning",
        detail: "no voxel of its label map belongs to a label",
      },
      {
        case: "3 strange",
        code: "label-out-of-range",
        severity: "error",
        detail: "its label map has values that belong to no label: 2.500, 7",
      },
      {
        case: "3 strange, too",
        code: "label-out-of-range",
        severity: "error",
        detail: "its label map has values that belong to no label: -1",
      },
      {
        case: "4 moved",
        code: "grids-differ",
        severity: "warning",
        detail: "flair is not on the grid of t1; it is resampled",
      },
      {
        case: "5 elsewhere",
        code: "no-overlap",
        severity: "error",
        detail: "label does not overlap t1 in space",
      },
      {
        case: "6 broken",
        code: "non-finite",
        severity: "warning",
        detail: "t1 has 12 voxels that are no numbers; they are read as 0",
      },
    ]);
    await assert.rejects(
      datasets.trainingCases(id),
      refusal("incomplete-dataset", /3 checks failed, the first: its label map has values that belong to no label/),
    );
    const empty = await datasets.create(SEGMENTATION);
    for (const role of ["t1", "flair", "label"] as const) {
      await datasets.putFile(empty.id, "c", role, streamOf(await tinyNifti({ values: [0] })));
    }
    const { checks, ready } = await datasets.get(empty.id);
    assert.deepEqual([checks[0].code, checks[0].severity, ready], ["label-empty", "error", false]);
  }));

test("a classification needs a class for every case", (database) =>
  withDatasets(database, async (datasets) => {
    const { id } = await datasets.create({
      name: "g",
      task: "classification",
      modalities: ["t1"],
      classes: ["a", "b"],
    });
    for (const name of ["x", "y"]) await datasets.putFile(id, name, "t1", streamOf(await tinyNifti()));
    await datasets.putClass(id, "x", { class: "a", patient: "P" });
    assert.deepEqual(besidesPlausibility((await datasets.get(id)).checks), [
      { case: "y", code: "missing-class", severity: "error", detail: "it has no class" },
    ]);
    await datasets.putClass(id, "y", { class: "b" });
    const { cases } = await datasets.trainingCases(id);
    assert.deepEqual(cases.map((c) => [c.id, c.patient, c.className]), [["x", "P", "a"], ["y", "y", "b"]]);
  }));

const BAD_SPECS: Record<string, { change: Partial<DatasetSpec>; message: RegExp }> = {
  "a segmentation without labels": { change: { labels: [] }, message: /a segmentation needs labels/ },
  "a classification of one class": {
    change: { task: "classification", classes: ["a"] },
    message: /needs two classes or more/,
  },
  "a modality named twice": { change: { modalities: ["t1", "t1"] }, message: /a modality is named twice/ },
  "two labels written alike": {
    change: { labels: [{ name: "a", values: [1], value: 1 }, { name: "b", values: [2], value: 1 }] },
    message: /two labels are written as 1/,
  },
  "two labels of one name": {
    change: { labels: [{ name: "a", values: [1] }, { name: "a", values: [2] }] },
    message: /two labels have the same name/,
  },
};
for (const [name, { change, message }] of Object.entries(BAD_SPECS)) {
  test(`create() refuses ${name}`, (database) =>
    withDatasets(database, async (datasets) => {
      await assert.rejects(datasets.create({ ...SEGMENTATION, ...change }), refusal("invalid-dataset", message));
    }));
}

test("open() removes files of an import that a crash cut off, once no process can be writing them", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const kept = await readyDataset(datasets);
    const [old, young] = [crypto.randomUUID(), crypto.randomUUID()];
    for (const id of [old, young]) await Deno.mkdir(`${dataDirectory}/datasets/${id}/cases`, { recursive: true });
    const longAgo = new Date(Date.now() - 48 * 3600 * 1000);
    for (const id of [old, kept]) await Deno.utime(`${dataDirectory}/datasets/${id}`, longAgo, longAgo);
    await Datasets.open({ database, dataDirectory });
    const left = [...Deno.readDirSync(`${dataDirectory}/datasets`)].map((e) => e.name).sort();
    assert.deepEqual(left, (database.kind === "pglite" ? [kept] : [kept, young]).sort());
  }));

/**
 * The result of work that holds the thread for less than 50 ms at a time, in one of six tries: others slow it down, and the
 * first ones compile what they run.
 */
async function shortlyHeld<T>(work: () => Promise<T>): Promise<T> {
  const held: number[] = [];
  for (let tries = 0; tries < 6; tries++) {
    const { result, heldMs } = await longestHold(work);
    if (heldMs < 50) return result;
    held.push(heldMs);
  }
  throw new Error(`the thread was held for ${held.join(", ")} ms`);
}

test("Datasets.get() shows 1251 cases without holding the thread, from the checks that an earlier process stored", (database) =>
  withDatasets(database, async (datasets, dataDirectory) => {
    const id = await readyDataset(datasets);
    await database.script(`
      INSERT INTO sulcus.dataset_cases (id, dataset, name)
        SELECT gen_random_uuid(), '${id}', 'case ' || n FROM generate_series(1, 1250) n;
      INSERT INTO sulcus.dataset_files (case_id, role, file, sha256, bytes, info)
        SELECT c.id, f.role, f.role || '-' || c.id, f.sha256, f.bytes, f.info
        FROM sulcus.dataset_cases c, sulcus.dataset_files f WHERE c.dataset = '${id}' AND c.name LIKE 'case %';
    `);
    const forget = () => database.query("DELETE FROM sulcus.dataset_checks");
    const first = await shortlyHeld(async () => {
      await forget();
      return await (await Datasets.open({ database, dataDirectory })).get(id);
    });
    assert.equal(first.cases.length, 1251);
    assert.ok(first.checks.length > 1250, "each case has its checks");
    const mark = { case: "case 1", code: "label-empty", severity: "warning", detail: "stored" } as const;
    await database.query(
      "UPDATE sulcus.dataset_checks SET verdict = jsonb_set(verdict, '{checks}', verdict->'checks' || $2::jsonb) WHERE dataset = $1",
      [id, JSON.stringify([mark])],
    );
    const next = await Datasets.open({ database, dataDirectory });
    const again = await shortlyHeld(() => next.get(id));
    assert.deepEqual(again, { ...first, checks: [...first.checks, mark] });
    const together = await Promise.all([datasets.get(id), datasets.get(id)]);
    assert.equal(together[0].checks, together[1].checks);
    await next.changeCases(id, [{ case: "case 2", delete: true }, { case: "case 3", excluded: "blurred" }]);
    const { rows } = await database.query("SELECT verdict::text FROM sulcus.dataset_checks WHERE dataset = $1", [id]);
    assert.doesNotMatch(JSON.stringify(rows), /"case 2"|stored/);
    const { checks, cases } = await next.get(id);
    assert.equal(cases.length, 1250);
    assert.deepEqual(checks.filter((c) => c.case === "case 2" || c.case === "case 3" || c.detail === "stored"), []);
    await next.delete(id);
    assert.equal((await database.query("SELECT 1 FROM sulcus.dataset_checks")).rows.length, 0);
  }));

test("Datasets.get() runs the checks once for the same rows, and again after a change", (database) =>
  withDatasets(database, async (datasets) => {
    const id = await readyDataset(datasets);
    const first = await datasets.get(id);
    assert.equal((await datasets.get(id)).checks, first.checks, "they ran again");
    await datasets.changeCases(id, [{ case: first.cases[0].case, excluded: "blurred" }]);
    const second = await datasets.get(id);
    assert.notEqual(second.checks, first.checks);
    assert.equal(second.cases[0].excluded, "blurred");
  }));
