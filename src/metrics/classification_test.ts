import assert from "node:assert/strict";
import { accuracy, auc, macroF1 } from "./mod.ts";

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

Deno.test("accuracy() and macroF1() of the all-majority classifier give docs/method F.3", () => {
  const actual = [...times(42, 1), ...times(15, 0)];
  const predicted = times(57, 1);
  assert.ok(Math.abs(accuracy(predicted, actual) - 0.7368421053) < 5e-11);
  assert.ok(Math.abs(macroF1(predicted, actual, 2) - 0.4242424242) < 5e-11);
});

Deno.test("macroF1() gives the published rows of docs/method D.3 and 0 for a class nobody has", () => {
  assert.equal(macroF1(times(238, 0), [...times(137, 0), ...times(101, 1)], 2).toFixed(4), "0.3653");
  assert.equal(macroF1(times(165, 0), [...times(104, 0), ...times(61, 1)], 2).toFixed(4), "0.3866");
  assert.equal(macroF1([0, 1], [0, 1], 3), 2 / 3);
});

Deno.test("auc() is the share of pairs in the right order, ties one half", () => {
  const scores = [0.1, 0.4, 0.35, 0.8].map((p) => [1 - p, p]);
  assert.equal(auc(scores, [0, 0, 1, 1]), 0.75);
  assert.equal(auc(times(4, [0.5, 0.5]), [0, 0, 1, 1]), 0.5);
  assert.equal(auc([[0.5, 0.5], [0.5, 0.5], [0.2, 0.8]], [0, 1, 1]), 0.75);
});

Deno.test("auc() averages one-vs-rest over the classes that occur and is NaN for a single class", () => {
  const scores = [[0.8, 0.1, 0.1], [0.1, 0.2, 0.7], [0.2, 0.6, 0.2], [0.5, 0.3, 0.2]];
  // Class 0: 0.8 against 0.1, 0.2, 0.5. Class 1: 0.6 beats all; 0.2 beats 0.1, not 0.3. Class 2: 0.2 ties once, beats 0.1.
  const expected = (1 + 3 / 4 + 1.5 / 3) / 3;
  assert.ok(Math.abs(auc(scores, [0, 1, 1, 2]) - expected) < 1e-12);
  assert.equal(auc(scores.map(([a, b]) => [a, b, 0]), [0, 1, 1, 0]), auc(scores.map(([a, b]) => [a, b]), [0, 1, 1, 0]));
  assert.equal(auc(scores, [1, 1, 1, 1]), NaN);
});

Deno.test("accuracy() refuses lists of different length", () => {
  assert.throws(() => accuracy([1], [1, 0]), {
    name: "RangeError",
    message: "Cannot compute accuracy: expected as many predictions as cases, at least one, got 1 and 2",
  });
});
