import assert from "node:assert/strict";
import { LESION, specOf } from "../../../tests/testing/tiny_models.ts";
import { LEAST_ML, THRESHOLDS } from "../report/scoring/choices.ts";
import { outputsOf } from "./outputs.ts";

const spec = specOf({ task: "segmentation", labels: [LESION] });
const cases = ["a", "b", "c"].map((id) => ({ id, patient: id, images: {} }));

/** Three patients whose Dice is 0.9 at a threshold of 0.7 and 0.6 elsewhere. */
const held = cases.map((_, i) => {
  const counts = THRESHOLDS.map((t) => LEAST_ML.map((): [number, number] => [t === 0.7 ? 90 : 60, 100]));
  const choices = { thresholds: THRESHOLDS, leastMl: LEAST_ML, counts, referenceBelow: LEAST_ML.map(() => 0) };
  const label = { label: "lesion", dice: 0.6, hd95Mm: 1, volumeMl: 1, referenceMl: 1, choices };
  return { scores: [{ case: i, labels: [{ ...label, counts: [60, 100, 100] as [number, number, number] }] }] };
});

Deno.test("outputsOf() puts what held-out patients speak for into the result's settings", () => {
  const options = { request: { cases, task: "segmentation" as const }, spec };
  const { spec: made, chosen } = outputsOf(held, { ...options, recipe: { outputs: "chosen" } });
  assert.deepEqual(made, { ...spec, inference: { ...spec.inference, threshold: 0.7 } });
  assert.equal(chosen!.figures!.isTaken, true);
  for (const [folds, outputs] of [[held, "fixed"], [[], "chosen"]] as const) {
    assert.deepEqual(outputsOf(folds, { ...options, recipe: { outputs } }), { spec });
  }
  assert.deepEqual(
    outputsOf(held, { spec, request: { cases, task: "classification" }, recipe: { outputs: "chosen" } }),
    { spec },
  );
});
