import assert from "node:assert/strict";
import { bootstrapInterval, pairedBootstrap } from "./mod.ts";

const A = [0.81, 0.79, 0.02, 0.85, 0.77, 0.90, 0.68, 0.74];
const B = [0.80, 0.70, 0.10, 0.80, 0.79, 0.85, 0.60, 0.70];

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `expected ${expected} ± ${tolerance}, got ${actual}`);
}

Deno.test("bootstrapInterval() gives the limits of scipy.stats.bootstrap within its sampling error", () => {
  // scipy 1.x, method="percentile", two million resamples
  const cases = [{ level: 0.95, low: 0.48875, high: 0.82625 }, { level: 0.8, low: 0.57875, high: 0.805 }];
  for (const { level, low, high } of cases) {
    const found = bootstrapInterval(A, { level, seed: 3, resamples: 40_000 });
    assertClose(found.mean, 0.695, 1e-12);
    assertClose(found.low, low, 0.006);
    assertClose(found.high, high, 0.002);
  }
});

Deno.test("pairedBootstrap() resamples pairs: far narrower than the two lists apart", () => {
  const found = pairedBootstrap(A, B, { seed: 1, resamples: 40_000 });
  assertClose(found.mean, 0.0275, 1e-12);
  assertClose(found.low, -0.01125, 0.0012);
  assertClose(found.high, 0.06125, 0.0012);
  assert.deepEqual([found.pairs, found.better, found.worse, found.level], [8, 6, 2, 0.95]);
});

Deno.test("bootstrapInterval() depends on the seed only, and has no width where all values are equal", () => {
  assert.deepEqual(bootstrapInterval(A, { seed: 7 }), bootstrapInterval(A, { seed: 7 }));
  assert.notDeepEqual(bootstrapInterval(A, { seed: 7 }), bootstrapInterval(A, { seed: 8 }));
  assert.deepEqual(bootstrapInterval([0.5, 0.5, 0.5]), { mean: 0.5, low: 0.5, high: 0.5, level: 0.95 });
});

Deno.test("bootstrapInterval() and pairedBootstrap() refuse what they cannot answer", () => {
  const refuses = (run: () => unknown, message: string) => assert.throws(run, { name: "RangeError", message });
  const text = "Cannot compute a bootstrap interval: expected at least two finite values, got ";
  refuses(() => bootstrapInterval([0.5]), `${text}1: 0.5`);
  refuses(() => bootstrapInterval([0.5, NaN]), `${text}2: 0.5, NaN`);
  refuses(
    () => bootstrapInterval(A, { level: 95 }),
    "Cannot compute a bootstrap interval: expected a level between 0 and 1, got 95",
  );
  refuses(() => pairedBootstrap(A, [1]), "Cannot compare pairs: expected lists of one length, got 8 and 1");
});
