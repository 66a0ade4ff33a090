import assert from "node:assert/strict";
import { passesOf, withPasses } from "./passes.ts";
import type { RunWindow } from "./run_window.ts";

/** Answers a window [1, 1, X, 1, 1] with the value before each voxel: mirrored, it sees the one behind. */
const before: RunWindow = (input) => Promise.resolve(input.map((_, i) => i === 0 ? 0 : input[i - 1]));
const SHAPE = [1, 1, 4, 1, 1];
const INPUT = Float32Array.of(1, 2, 4, 8);

Deno.test("withPasses() gives the answer, then each pass: brighter, darker, mirrored", async () => {
  const all = await withPasses(before, { passes: passesOf([0]), mirrored: [] })(INPUT, SHAPE);
  const parts = [0, 1, 2, 3].map((p) => [...all.subarray(4 * p, 4 * p + 4)]);
  const bright = [0, 1, 2, 4].map((v) => Math.fround(v * 1.15)), dark = [0, 1, 2, 4].map((v) => Math.fround(v * 0.85));
  assert.deepEqual(parts, [[0, 1, 2, 4], bright, dark, [2, 4, 8, 0]]);
});

Deno.test("withPasses() compares a mean over mirrored windows with single ones, which differ from it", async () => {
  const all = await withPasses(before, { passes: passesOf([0]), mirrored: [0] })(INPUT, SHAPE);
  assert.deepEqual([...all.subarray(0, 4)], [1, 2.5, 5, 2]);
  assert.deepEqual([...all.subarray(12, 16)], [2, 4, 8, 0]);
});

Deno.test("withPasses() without passes is the answer alone", async () => {
  assert.deepEqual([...await withPasses(before, { passes: [], mirrored: [0] })(INPUT, SHAPE)], [1, 2.5, 5, 2]);
  assert.equal(withPasses(before, { passes: [], mirrored: [] }), before);
});
