import assert from "node:assert/strict";
import type { Triple } from "../../volume/mod.ts";
import type { Fingerprint } from "./fingerprint.ts";
import { type Circumstances, rulesFor, targetSpacing } from "./rules.ts";

const same = (triple: Triple) => ({ least: triple, median: triple, most: triple });

function data(changes: Partial<Fingerprint> = {}): Fingerprint {
  return {
    task: "segmentation",
    cases: 8,
    patients: 8,
    modalities: ["t1"],
    headersRead: 8,
    labelsRead: 8,
    sizeVox: { least: [34, 47, 32], median: [35, 48, 38], most: [39, 52, 41] },
    spacingMm: same([1, 1, 1]),
    extentMm: [35, 48, 38],
    labels: [{ name: "anterior", cases: 8, medianMl: 1.8, components: 1, share: 0.026 }],
    exclusive: true,
    classes: {},
    ...changes,
  };
}

const HEAD: Partial<Fingerprint> = {
  modalities: ["t1", "flair"],
  sizeVox: same([182, 218, 182]),
  extentMm: [182, 218, 182],
  labels: [{ name: "lesion", cases: 2, medianMl: 8, components: 40, share: 0.001 }],
};

const GIVEN: Circumstances = { budgetMinutes: 10, baseHasTemplates: true, baseSpacingMm: [1, 1, 1], labels: [] };
const of = (changes: Partial<Fingerprint> = {}, given: Partial<Circumstances> = {}) =>
  rulesFor(data(changes), { ...GIVEN, ...given });

Deno.test("rulesFor() gives a reason with figures for every rule", () => {
  const { reasons } = of();
  for (
    const word of [
      "Spacing",
      "Window",
      "crops",
      "bias",
      "Strong augmentation",
      "mirrored windows",
      "templates",
      "folds",
    ]
  ) {
    assert.ok(reasons.some((reason) => reason.includes(word)), word);
  }
  assert.ok(reasons.every((reason) => reason.endsWith(".")));
});

Deno.test("rulesFor() takes a window that holds small images whole, and a cube of large ones by the time", () => {
  const roi = (changes: Partial<Fingerprint>, budgetMinutes = 10) => of(changes, { budgetMinutes }).values.roi;
  assert.deepEqual(roi({}), [48, 64, 48]);
  assert.deepEqual([roi(HEAD, 30), roi(HEAD)], [[64, 64, 64], [48, 48, 48]]);
  // a stack of few slices is not padded to a cube
  assert.deepEqual(roi({ ...HEAD, sizeVox: same([182, 218, 24]), extentMm: [182, 218, 24] }, 60), [64, 64, 32]);
  assert.equal(roi({ task: "classification", labels: [] }), undefined);
});

Deno.test("targetSpacing() keeps the base's, but for coarser axes, and finer ones whose labels would be lost", () => {
  const target = (spacing: Triple, medianMl: number) => {
    const label = { name: "a", cases: 1, medianMl, components: 10, share: 0.01 };
    return targetSpacing(data({ spacingMm: same(spacing), labels: [label] }), GIVEN);
  };
  assert.deepEqual(target([0.9, 0.9, 1.2], 10), [1, 1, 1]);
  assert.deepEqual(target([0.5, 0.5, 4], 10), [1, 1, 4]);
  assert.deepEqual(target([0.5, 0.5, 0.5], 10), [1, 1, 1]);
  assert.deepEqual(target([0.5, 0.5, 0.5], 0.1), [0.5, 0.5, 0.5]);
  assert.deepEqual(targetSpacing(data({ spacingMm: same([2, 2, 2]) }), { baseSpacingMm: null }), [2, 2, 2]);
});

Deno.test("rulesFor() changes crops of large images strongly where there is time, those of small ones always", () => {
  const chance = (changes: Partial<Fingerprint>, budgetMinutes: number | null) =>
    of(changes, { budgetMinutes }).values.augmentation!.rotation.chance;
  assert.deepEqual([chance(HEAD, 10), chance(HEAD, 30), chance(HEAD, null), chance({}, 5)], [0, 0.2, 0.2, 0.2]);
});

Deno.test("rulesFor() answers by mirrored windows where one holds the image, along the axes that may be mirrored", () => {
  const named = (...names: string[]) => names.map((name, i) => ({ name, value: i + 1, colour: "#000000" }));
  const { values, reasons } = of({}, { labels: named("anterior", "posterior") });
  assert.equal(values.mirroredWindows, true);
  assert.ok(reasons.some((reason) => reason.includes("means over 4 mirrored windows")));
  assert.equal(of(HEAD).values.mirroredWindows, undefined);
  assert.equal(of({ task: "classification", labels: [] }).values.mirroredWindows, undefined);
  assert.equal(of({}, { labels: named("left", "front", "top") }).values.mirroredWindows, undefined);
});

Deno.test("rulesFor() leaves templates off for one modality, a part of a head, little time, and a base without", () => {
  const templates = (changes: Partial<Fingerprint>, given: Partial<Circumstances> = {}) =>
    of(changes, { budgetMinutes: 30, ...given }).values.templates;
  assert.equal(templates(HEAD), true);
  assert.equal(templates(HEAD, { budgetMinutes: null }), true);
  assert.equal(templates(HEAD, { budgetMinutes: 10 }), false);
  assert.equal(templates({ ...HEAD, modalities: ["flair"] }), false);
  assert.equal(templates({ ...HEAD, extentMm: [40, 50, 40] }), false);
  assert.equal(templates(HEAD, { baseHasTemplates: false }), false);
});

Deno.test("rulesFor() holds out each of two or three patients, a quarter or a fifth of more, none of one", () => {
  const folds = (patients: number) => of({ patients }).values.validation;
  assert.deepEqual([1, 2, 3, 8, 153].map(folds), [
    undefined,
    { folds: 2 },
    { folds: 3 },
    { folds: 4 },
    { folds: 5 },
  ]);
});

Deno.test("rulesFor() starts the head at the logit of a label's share of a crop, and draws more crops around rare ones", () => {
  const { headBias, lesionShare } = of().values;
  assert.ok(Math.abs(headBias! - Math.log(1.8 / (48 * 64 * 48 / 1000 - 1.8))) < 0.06, `${headBias}`);
  assert.deepEqual([lesionShare, of(HEAD).values.lesionShare], [0.33, 0.5]);
  assert.deepEqual(
    of({}, { labels: [{ name: "anterior", value: 1, colour: "#ff0000" }] }).values.augmentation!.mirror,
    ["x", "z"],
  );
});
