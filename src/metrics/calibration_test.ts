import assert from "node:assert/strict";
import { addProbability, brierScore, calibrationError, joined, reliability } from "./mod.ts";

const P = [0.03, 0.12, 0.17, 0.28, 0.33, 0.41, 0.46, 0.58, 0.62, 0.67, 0.71, 0.83, 0.88, 0.94, 0.97, 0.99];
const Y = [0, 0, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1];

function countsOf(from: number, to: number) {
  const bins = reliability(5);
  P.slice(from, to).forEach((p, i) => addProbability(bins, p, Y[from + i] === 1));
  return bins;
}

Deno.test("reliability() gives the bins of scikit-learn's calibration_curve", () => {
  const { counts, events, sums } = joined([countsOf(0, 7), countsOf(7, 16)], 5);
  const close = (found: number[], expected: number[]) =>
    found.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-12, `${v} against ${expected[i]}`));
  close([...events].map((e, b) => e / counts[b]), [1 / 3, 0, 1 / 3, 1, 0.8]);
  close([...sums].map((s, b) => s / counts[b]), [0.32 / 3, 0.305, 1.45 / 3, 2 / 3, 0.922]);
  assert.ok(Math.abs(calibrationError(countsOf(0, 16)) - 0.209375) < 1e-12);
});

Deno.test("calibrationError() can leave out the sure background, which would hide errors", () => {
  const bins = countsOf(0, 16);
  for (let i = 0; i < 10_000; i++) addProbability(bins, 0, false);
  assert.ok(calibrationError(bins) < 0.001);
  assert.ok(Math.abs(calibrationError(bins, { from: 1 }) - (16 * 0.209375 - Math.abs(0.32 - 1)) / 13) < 1e-12);
  assert.ok(Number.isNaN(calibrationError(reliability(5))));
});

Deno.test("addProbability() counts 1 in the last bin", () => {
  const bins = reliability(4);
  addProbability(bins, 1, true);
  assert.deepEqual([...bins.counts], [0, 0, 0, 1]);
});

Deno.test("brierScore() gives that of scikit-learn over classes, twice its score of two", () => {
  const rows = [[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4], [0.25, 0.5, 0.25]];
  assert.ok(Math.abs(brierScore(rows, [0, 1, 0, 2]) - 0.50375) < 1e-12);
  assert.ok(Math.abs(brierScore(P.map((p) => [1 - p, p]), Y) / 2 - 0.17705625) < 1e-12);
  assert.throws(() => brierScore(rows, [0]), {
    name: "RangeError",
    message: "Cannot compute a Brier score: expected as many rows as cases, at least one, got 4 and 1",
  });
});
