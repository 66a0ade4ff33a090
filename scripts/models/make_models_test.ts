import assert from "node:assert/strict";
import { join } from "node:path";
import { readPackage, writePackage } from "../../src/registry/package.ts";
import { draftOf, makeSource } from "../../src/registry/testing/packages.ts";
import { inFolder } from "../../tests/testing/volumes.ts";
import { adoptEdge } from "./edge.ts";
import { makeForegroundVersion } from "./foreground.ts";
import { casesBelow, heldOutFigures } from "./mr_sequence.ts";
import { nextVersion } from "./models.ts";

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
