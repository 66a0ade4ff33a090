import assert from "node:assert/strict";
import { join } from "node:path";
import { readPackage, writePackage } from "../../src/registry/package.ts";
import { draftOf, makeSource } from "../../src/registry/testing/packages.ts";
import { inFolder } from "../../tests/testing/volumes.ts";
import { adoptEdge } from "./edge.ts";
import { adoptHeads } from "./simulated_heads.ts";
import { makeForegroundVersion } from "./foreground.ts";
import { figuresOf, makeHippocampus } from "./hippocampus.ts";
import { casesBelow, heldOutFigures, perClass } from "./mr_sequence.ts";
import { otherVolumes } from "./other_volumes.ts";
import { readVolume, writeVolume } from "../../src/volume/mod.ts";
import { sphereHead } from "../simulator/testing/spheres.ts";
import { nextVersion } from "./models.ts";
import { makeQualityVersion } from "./quality.ts";
import { writeHippocampi } from "../experiments/testing/fixtures.ts";

const ENCODER = draftOf({ name: "my-encoder", task: "encoder", labels: [], licence: "" });

Deno.test("adoptEdge() makes the next version of a pre-trained package, completes its manifest and keeps its provenance", () =>
  inFolder(async (folder) => {
    const models = join(folder, "models"), store = join(folder, "store");
    const source = await makeSource();
    const provenance = { ...ENCODER.provenance, job: "cli-1", metrics: { md: 0.1 } };
    await writePackage(store, { ...ENCODER, provenance, intendedUse: "An encoder." }, { version: 3, source });
    await writePackage(models, { ...ENCODER, name: "brainmvp-edge" }, { version: 1, source });
    await Deno.remove(source, { recursive: true });
    await adoptEdge(models, join(store, "my-encoder", "3"));
    const made = await readPackage(join(models, "brainmvp-edge", "2"));
    const from = await readPackage(join(store, "my-encoder", "3"));
    assert.deepEqual(made.files, from.files);
    const { job: _, note: _n, ...kept } = from.provenance;
    const { note, ...found } = made.provenance;
    assert.deepEqual(found, kept);
    assert.match(note, /^Pre-trained without labels by this code\. Data: Lesjak/);
    assert.match(made.licence, /CC BY/);
    assert.match(made.intendedUse, /^An encoder\. Research only\. Not a medical device/);
    await adoptEdge(models, join(store, "my-encoder", "3"), "My note.");
    assert.equal((await readPackage(join(models, "brainmvp-edge", "3"))).provenance.note, "My note.");
  }));

Deno.test("adoptEdge() refuses a model that is no encoder", () =>
  inFolder(async (folder) => {
    const source = await makeSource();
    await writePackage(folder, draftOf(), { version: 1, source });
    await Deno.remove(source, { recursive: true });
    await assert.rejects(adoptEdge(folder, join(folder, "tumour", "1")), {
      message: "Cannot make brainmvp-edge: expected a pre-trained encoder, got a model for segmentation",
    });
  }));

Deno.test("adoptHeads() makes an encoder of a trained segmentation, with its files and its provenance", () =>
  inFolder(async (folder) => {
    const source = await makeSource(), draft = draftOf();
    const inference = { ...draft.inference, activation: "softmax" as const, mirrored: [0 as const] };
    await writePackage(folder, { ...draft, inference }, { version: 1, source });
    await Deno.remove(source, { recursive: true });
    await adoptHeads(folder, join(folder, "tumour", "1"), "By hand.");
    const from = await readPackage(join(folder, "tumour", "1")),
      made = await readPackage(join(folder, "brainmvp-lesions", "1"));
    assert.deepEqual([made.task, made.labels, made.classes], ["encoder", [], []]);
    assert.deepEqual([made.architecture, made.modalities, made.files], [
      from.architecture,
      from.modalities,
      from.files,
    ]);
    assert.deepEqual(made.inference, draft.inference);
    assert.equal(made.provenance.note, `${from.provenance.note} By hand.`);
  }));

Deno.test("nextVersion() counts on from the highest version", () =>
  inFolder(async (folder) => {
    assert.equal(await nextVersion(folder, "a"), 1);
    for (const version of ["2", "10", ".tmp-x"]) await Deno.mkdir(join(folder, "a", version), { recursive: true });
    assert.equal(await nextVersion(folder, "a"), 11);
  }));

Deno.test("casesBelow() makes a case of every image and keeps a patient's studies together", () =>
  inFolder(async (folder) => {
    for (const path of ["p1_study1/t1", "p1_study2/flair", "p1_study2/label", "p2/t1c"]) {
      await Deno.mkdir(join(folder, path, ".."), { recursive: true });
      await Deno.writeTextFile(join(folder, `${path}.nii.gz`), "");
    }
    assert.deepEqual((await casesBelow(folder)).map((c) => [c.id, c.patient, c.className, c.images]), [
      ["p1_study1-t1", "p1", "t1", { any: join(folder, "p1_study1/t1.nii.gz") }],
      ["p1_study2-flair", "p1", "flair", { any: join(folder, "p1_study2/flair.nii.gz") }],
      ["p2-t1c", "p2", "t1c", { any: join(folder, "p2/t1c.nii.gz") }],
    ]);
  }));

Deno.test("heldOutFigures() counts the folds' answers for the given cases, T1 before and after contrast as one look", () => {
  const scored = (id: string, classIndex: number, probabilities: number[]) => ({ case: id, classIndex, probabilities });
  const phases = [
    { name: "fold 1 of 2", cases: [scored("a", 0, [0.4, 0.55, 0.03, 0.02]), scored("b", 2, [0.2, 0, 0.5, 0.3])] },
    { name: "fold 2 of 2", cases: [scored("c", 3, [0.5, 0.45, 0.05, 0]), scored("phantom", 3, [1, 0, 0, 0])] },
    { name: "final", cases: [scored("a", 0, [0, 0, 1, 0])] },
  ];
  assert.deepEqual(heldOutFigures({ phases }, ["a", "b", "c"].map((id) => ({ id }))), {
    volumes: 3,
    right: 1,
    lookRight: 2,
    falseWarnings: 1,
    warnings: 1,
  });
});

Deno.test("perClass() draws as many of each class, the same every time", () => {
  const cases = Array.from(
    { length: 20 },
    (_, i) => ({ id: `${i}`, patient: `${i}`, images: {}, className: i < 3 ? "t1" : "pd" }),
  );
  const drawn = perClass(cases, 5);
  assert.equal(drawn.filter((c) => c.className === "t1").length, 3);
  assert.equal(drawn.filter((c) => c.className === "pd").length, 5);
  assert.deepEqual(perClass(cases, 5), drawn);
});

Deno.test("otherVolumes() are none of the modalities: labels, masks, CT, negatives, edges, phases and noise", () =>
  inFolder(async (folder) => {
    const anatomy = join(folder, "head.nii.gz"), scan = join(folder, "scan.nii.gz");
    const { data, ...grid } = sphereHead();
    await writeVolume(anatomy, { data, grid });
    await writeVolume(scan, { data: Float32Array.from(data, (v) => v === 0 ? 0 : 100 + v % 7), grid });
    const make = () => otherVolumes(join(folder, "others"), { anatomies: [anatomy], scans: [scan] });
    const cases = await make();
    const kinds = ["labels", "mask", "ct", "negative", "edges", "phase", "noise"];
    assert.deepEqual(cases.map(({ id }) => id.split("-").at(-1)), kinds);
    assert.ok(cases.every((c) => c.className === "other"));
    const [, mask, ct, negative, edges, phase] = await Promise.all(cases.map((c) => readVolume(c.images.any!)));
    const bone = data.findIndex((v) => v === 515), air = data.findIndex((v) => v === 0);
    assert.deepEqual(new Set(mask.data), new Set([0, 1]));
    assert.ok(ct.data[bone] > 800 && ct.data[air] < -900);
    assert.equal(negative.data[air], 0);
    assert.ok(edges.data.every((v) => v >= 0) && edges.data.some((v) => v > 1));
    assert.ok(phase.data.every((v) => Math.abs(v) < Math.PI + 1));
    assert.deepEqual(await make(), cases, "what is there stays");
  }));

Deno.test("makeForegroundVersion() keeps the files, and takes percentiles over the foreground", () =>
  inFolder(async (folder) => {
    const source = await makeSource(), draft = draftOf();
    await writePackage(folder, draft, { version: 1, source });
    await Deno.remove(source, { recursive: true });
    const [percentiles, trainingMl] = [{ lower: 0.2, upper: 67.7 }, { min: 1, max: 2 }];
    const from = join(folder, draft.name, "1");
    await makeForegroundVersion(folder, { from, percentiles, trainingMl, note: "other percentiles." });
    const [before, after] = [await readPackage(from), await readPackage(join(folder, draft.name, "2"))];
    assert.deepEqual(after.files, before.files);
    assert.deepEqual(after.preprocessing, {
      ...before.preprocessing,
      percentiles: { ...before.preprocessing.percentiles, ...percentiles },
      percentilesOver: "foreground",
    });
    assert.deepEqual(after.labels, before.labels.map((label) => ({ ...label, trainingMl })));
    assert.match(after.provenance.note, /The weights of version 1; other percentiles\.$/);
  }));

Deno.test("makeQualityVersion() keeps weights and calibration, and adds the facts of the training's images", () =>
  inFolder(async (folder) => {
    const fit = { patients: 9, intercept: 0, slope: 1, spread: 0.3 };
    const source = await makeSource(), draft = draftOf({ quality: { fit, mirrored: [0] } });
    await writePackage(folder, draft, { version: 1, source });
    await Deno.remove(source, { recursive: true });
    const from = join(folder, draft.name, "1"), { data, ...grid } = sphereHead();
    const cases = ["one", "two"].map((name) => join(folder, name));
    for (const [i, to] of cases.entries()) {
      await Deno.mkdir(to);
      for (const m of draft.modalities) {
        const image = Float32Array.from(data, (v) => v === 0 ? 0 : 100 + (v * (7 + i) + m.length) % 50);
        await writeVolume(join(to, `${m}.nii.gz`), { data: image, grid });
      }
    }
    await makeQualityVersion(folder, { from, cases });
    const [before, after] = [await readPackage(from), await readPackage(join(folder, draft.name, "2"))];
    assert.deepEqual(after.files, before.files);
    const { images, ...kept } = after.quality!;
    assert.deepEqual(kept, { fit, mirrored: [0] });
    assert.deepEqual([images!.cases, images!.facts.map(({ of }) => of)], [2, ["case", "t1", "flair", "t1 flair"]]);
    assert.match(
      after.provenance.note,
      /The weights of version 1; with facts of the images of its 2 training cases\.$/,
    );
    await assert.rejects(makeQualityVersion(folder, { from, cases: [] }), {
      message: "Cannot add the facts of a training's images: expected a segmentation and its cases, got a model for " +
        "segmentation and 0 cases",
    });
  }));

Deno.test("makeHippocampus() learns from patients to label alone, and says how it does on the others", () =>
  inFolder(async (folder) => {
    await writeHippocampi(folder, [3, 4, 6, 8, 11]);
    const models = join(folder, "models"), base = "models/brainmvp-edge/2";
    await makeHippocampus(models, { base, data: folder, work: join(folder, "work"), minutes: 0.1 });
    const { name, labels, modalities, provenance } = await readPackage(join(models, "hippocampus", "1"));
    assert.deepEqual([name, modalities, labels.map((l) => l.name)], ["hippocampus", ["t1"], ["anterior", "posterior"]]);
    assert.match(
      provenance.note,
      /^Trained on 3 patients .* On 2 other patients .*: Dice (NaN|[01]\.\d{3}) anterior, (NaN|[01]\.\d{3}) posterior \(HD95/,
    );
  }));

Deno.test("figuresOf() are means over patients; a region that a mask lacks counts in its Dice alone", () => {
  const score = (dice: number, hd95Mm: number | null) => ({
    id: "p",
    regions: ["anterior", "posterior"].map((name) => ({ name, dice, hd95Mm, volumeMl: 1, referenceMl: 1 })),
  });
  assert.equal(
    figuresOf([score(0.8, 2), score(0, null)]),
    "Dice 0.400 anterior, 0.400 posterior (HD95 2.00 and 2.00 mm)",
  );
});
