import assert from "node:assert/strict";
import { comparisons, withoutHeldOut } from "./comparisons.ts";

const codes = (compared: Parameters<typeof comparisons>[0]) => comparisons(compared).warnings.map(({ code }) => code);

Deno.test("comparisons() warns where the base as it is does better, and says so where it does not", () => {
  const of = (own: number, base: number) =>
    comparisons({ validation: { dice: own, pooledDice: own }, scores: [], base: { dice: base, pooledDice: base } });
  assert.deepEqual(of(0.6, 0.7).warnings.map(({ code }) => code), ["worse-than-base"]);
  assert.match(
    of(0.6, 0.7).warnings[0].detail,
    /worse than its base: Dice 0\.600 on held-out patients, the base as it is 0\.700/,
  );
  assert.deepEqual(of(0.7, 0.6), {
    warnings: [],
    notes: ["The fine-tune reaches Dice 0.700 on held-out patients, the base as it is 0.600."],
  });
});

Deno.test("comparisons() warns of networks that find nothing, or know the most frequent class only", () => {
  assert.deepEqual(codes({ validation: { dice: 0.01, pooledDice: 0.02 }, scores: [], base: null }), [
    "no-better-than-nothing",
  ]);
  assert.deepEqual(codes({ validation: { dice: 0.3, pooledDice: 0.3 }, scores: [], base: null }), []);
  const scores = [0, 0, 0, 1].map((classIndex, i) => ({ case: i, classIndex, probabilities: [1, 0] }));
  assert.deepEqual(codes({ validation: { accuracy: 0.75 }, scores, base: null }), ["no-better-than-nothing"]);
  assert.deepEqual(codes({ validation: { accuracy: 1 }, scores, base: null }), []);
  assert.deepEqual(codes({ validation: { accuracy: null }, scores, base: null }), [], "nothing was measured");
});

Deno.test("comparisons() names a label that is hardly found beside others that are", () => {
  const label = (name: string, counts: readonly [number, number, number]) => ({
    label: name,
    dice: null,
    hd95Mm: null,
    volumeMl: 1,
    referenceMl: 1,
    counts,
  });
  const scores = [{ case: 0, labels: [label("whole", [80, 90, 100]), label("core", [1, 40, 60])] }];
  const validation = { dice: 0.4, pooledDice: 0.6 };
  const { warnings } = comparisons({ validation, scores, base: null });
  assert.deepEqual(warnings.map(({ code }) => code), ["no-better-than-nothing"]);
  assert.match(warnings[0].detail, /of some labels in held-out patients: core \(Dice 0\.020 over all voxels\)\. Give/);
  const absent = [{ case: 0, labels: [label("whole", [80, 90, 100]), label("core", [0, 3, 0])] }];
  assert.deepEqual(codes({ validation, scores: absent, base: null }), []);
});

Deno.test("withoutHeldOut() warns of networks that find nothing even in the cases that they were trained on", () => {
  const found = (pooledDice: number) =>
    withoutHeldOut({ training: { dice: pooledDice, pooledDice }, scores: [] }).warnings;
  assert.match(found(0.01)[0].detail, /finds next to nothing in the cases that it was trained on: Dice 0\.010/);
  assert.deepEqual(found(0.5), []);
  const scores = [0, 1].map((classIndex, i) => ({ case: i, classIndex, probabilities: [1, 0] }));
  const [warning] = withoutHeldOut({ training: { accuracy: 0.5 }, scores }).warnings;
  assert.match(
    warning.detail,
    /^The fine-tune classifies the cases that it was trained on no better than the most frequent/,
  );
});
