import assert from "node:assert/strict";
import { comparisons } from "./comparisons.ts";

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
