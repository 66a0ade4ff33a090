import assert from "node:assert/strict";
import type { CaseScore } from "./scores.ts";
import { markUnlearnt, summarize } from "./summary.ts";

const CLASSES = ["a", "b", "c"];

/** A classified case of class `actual`, sure of class `predicted`. */
const classified = (actual: number, predicted: number): CaseScore => ({
  case: 0,
  classIndex: actual,
  probabilities: CLASSES.map((_, c) => (c === predicted ? 0.8 : 0.1)),
});

/** A segmented case; each label with its voxels in both masks, in the prediction and in the reference. */
const segmented = (counts: Readonly<Record<string, readonly [number, number, number]>>): CaseScore => ({
  case: 0,
  labels: Object.entries(counts).map(([label, [both, own, other]]) => ({
    label,
    dice: other === 0 ? null : 2 * both / (own + other),
    hd95Mm: other === 0 ? null : 1,
    volumeMl: own / 1000,
    referenceMl: other / 1000,
    counts: [both, own, other],
  })),
});

Deno.test("summarize() counts cases of two classes and more", () => {
  const { metrics, reasons } = summarize([classified(0, 0), classified(1, 1), classified(1, 0)], CLASSES);
  assert.deepEqual([metrics.accuracy, reasons], [2 / 3, []]);
  assert.ok(metrics.auc! > 0.5);
});

Deno.test("summarize() gives no accuracy of one class alone, and says why", () => {
  const { metrics, reasons } = summarize([classified(1, 1), classified(1, 1)], CLASSES);
  assert.deepEqual(metrics, { accuracy: null, auc: null, macroF1: null });
  assert.deepEqual(reasons, ["no accuracy, AUC and macro F1: all 2 counted cases are of class b"]);
});

Deno.test("summarize() leaves out cases whose class the network was not trained on, or whose network knows one class", () => {
  const scores = [classified(0, 0), classified(1, 0)];
  const mark = (...trained: string[]) => markUnlearnt(scores, { trained: new Set(trained), classes: CLASSES });
  assert.deepEqual(mark("a", "b"), scores);
  const partly = [...mark("a", "c"), classified(2, 2)];
  assert.deepEqual(summarize(partly, CLASSES), {
    metrics: { accuracy: 1, auc: 1, macroF1: 2 / 3 },
    reasons: [
      "1 of 3 cases are not counted: the network that scored them was trained without their class, or on no other",
    ],
  });
  // leaving out one of two patients trains on one class and tests on the other
  const { metrics, reasons } = summarize(mark("a"), CLASSES);
  assert.deepEqual(metrics, { accuracy: null, auc: null, macroF1: null });
  assert.deepEqual(reasons.at(-1), "no accuracy, AUC and macro F1: no case counts");
});

Deno.test("summarize() pools the voxels of labels that count and averages their Dice", () => {
  const scores = [
    segmented({ core: [10, 20, 20], rim: [0, 5, 0] }),
    segmented({ core: [30, 30, 30], rim: [5, 5, 10] }),
  ];
  const all = summarize(scores, []);
  assert.deepEqual(all.reasons, []);
  assert.deepEqual(all.metrics, { dice: (0.5 + 1 + 2 / 3) / 3, pooledDice: 90 / 120, hd95Mm: 1 });

  const marked = markUnlearnt(scores, { trained: new Set(["core"]), classes: [] });
  assert.deepEqual(marked[1].labels![1].dice, null);
  const core = summarize(marked, []);
  assert.deepEqual(core.metrics, { dice: 0.75, pooledDice: 80 / 100, hd95Mm: 1 });
  assert.deepEqual(core.reasons, [
    "rim is not counted in 2 of 2 cases: the network that scored them was trained without it",
  ]);
});

Deno.test("summarize() gives no Dice where no scored case has a label", () => {
  const { metrics, reasons } = summarize([segmented({ core: [0, 50, 0] })], []);
  assert.deepEqual(metrics, { dice: null, pooledDice: null, hd95Mm: null });
  assert.deepEqual(reasons, ["no Dice and HD95: no scored case has a voxel of a label that counts"]);
});

Deno.test("summarize() pools lesions over cases and labels, and averages the errors of volumes", () => {
  const lesions = (found: number, missed: number, hits: number, invented: number) => ({
    lesions: { found, missed, hits, false: invented, foundMl: [], missedMl: [], falseMl: [] },
  });
  const [first] = segmented({ core: [10, 30, 20] }).labels!, [second] = segmented({ core: [0, 5, 10] }).labels!;
  const { metrics } = summarize([
    { case: 0, labels: [{ ...first, ...lesions(3, 1, 2, 0) }] },
    { case: 1, labels: [{ ...second, ...lesions(0, 4, 0, 2) }] },
  ], []);
  const { lesionSensitivity, lesionPrecision, lesionF1, volumeErrorMl } = metrics;
  assert.deepEqual([lesionSensitivity, lesionPrecision, lesionF1], [3 / 8, 0.5, 2 * 3 / 8 * 0.5 / (7 / 8)]);
  assert.ok(Math.abs(volumeErrorMl! - 0.0075) < 1e-12);
  const none = summarize([{ case: 0, labels: [{ ...first, ...lesions(0, 0, 0, 0) }] }], []).metrics;
  assert.deepEqual([none.lesionSensitivity, none.lesionPrecision, none.lesionF1], [null, null, null]);
});
