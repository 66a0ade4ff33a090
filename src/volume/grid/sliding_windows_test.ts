import assert from "node:assert/strict";
import { assertAllClose } from "../testing/fixtures.ts";
import type { Triple } from "./grid.ts";
import { blendWeights, nearness, slidingWindows } from "./sliding_windows.ts";

const ROI = [96, 96, 96] as const;

Deno.test("slidingWindows() gives the starts of docs/method D.2", () => {
  const cases: [number, number[]][] = [[96, [0]], [97, [0, 1]], [140, [0, 44]], [240, [0, 48, 96, 144]]];
  for (const [n, expected] of cases) {
    const starts = slidingWindows([n, 96, 96], ROI, { overlap: 0.5 });
    assert.deepEqual(starts, expected.map((x) => [x, 0, 0]));
  }
});

Deno.test("slidingWindows() orders the first axis slowest", () => {
  const starts = slidingWindows([97, 96, 98], ROI, { overlap: 0.5 });
  assert.deepEqual(starts, [[0, 0, 0], [0, 0, 2], [1, 0, 0], [1, 0, 2]]);
});

Deno.test("slidingWindows() pads short axes, the odd voxel behind", () => {
  assert.deepEqual(slidingWindows([91, 100, 96], ROI, { overlap: 0.5 }), [[-2, 0, 0], [-2, 4, 0]]);
});

Deno.test("slidingWindows() covers every voxel at any overlap", () => {
  for (const overlap of [0, 0.25, 0.5, 0.75, 0.99]) {
    for (const n of [8, 9, 15, 16, 17, 40]) {
      const xs = slidingWindows([n, 8, 8], [8, 8, 8], { overlap }).map(([x]) => x);
      assert.equal(new Set(xs).size, xs.length);
      for (let x = 0; x < n; x++) assert.ok(xs.some((s) => s <= x && x < s + 8));
      assert.equal(Math.max(...xs), n - 8);
    }
  }
});

Deno.test("slidingWindows() refuses an overlap of 1 and an empty window", () => {
  assert.throws(() => slidingWindows([96, 96, 96], ROI, { overlap: 1 }), {
    name: "RangeError",
    message: "Cannot place windows: expected an overlap from 0 to below 1, got 1",
  });
  assert.throws(() => slidingWindows([96, 96, 96], [96, 0, 96], { overlap: 0.5 }), {
    message: "Cannot place windows: expected a positive window size, got 96×0×96",
  });
});

Deno.test("blendWeights() are 1, or a Gaussian of σ = roi/8 with floor 1e-3", () => {
  assert.deepEqual(blendWeights([2, 2, 2], "constant"), new Float32Array(8).fill(1));
  const roi = [9, 8, 8] as const;
  const g = blendWeights(roi, "gaussian");
  const at = (x: number, y: number, z: number) => g[(x * 8 + y) * 8 + z];
  const along = (d: number, n: number) => Math.exp(-(d ** 2) / (2 * (n / 8) ** 2));
  assertAllClose([at(4, 3, 4), at(3, 4, 4)], [along(0.5, 8) ** 2, along(1, 9) * along(0.5, 8) ** 2], 1e-7);
  assertAllClose([at(0, 0, 0), Math.min(...g)], [1e-3, 1e-3], 1e-9);
});

Deno.test("slidingWindows() places windows evenly as nnU-Net's compute_steps_for_sliding_window does", () => {
  // nnunetv2 2.8.1; 1 − overlap is its step size
  const cases: [n: number, roi: number, step: number, starts: number[]][] = [
    [110, 64, 0.5, [0, 23, 46]],
    [96, 96, 0.5, [0]],
    [97, 96, 0.5, [0, 1]],
    [173, 96, 0.5, [0, 38, 77]],
    [200, 64, 0.7, [0, 34, 68, 102, 136]],
    [45, 20, 0.25, [0, 5, 10, 15, 20, 25]],
    [31, 8, 0.5, [0, 4, 8, 12, 15, 19, 23]],
  ];
  for (const [n, roi, step, starts] of cases) {
    const found = slidingWindows([1, n, 1], [1, roi, 1], { overlap: 1 - step, placing: "even" });
    assert.deepEqual(found.map(([, y]) => y), starts, `${n} in windows of ${roi}`);
  }
});

Deno.test("slidingWindows() takes an overlap for each axis", () => {
  const starts = slidingWindows([8, 8, 8], [4, 4, 4], { overlap: [0, 0.5, 0.75] });
  const along = (axis: number) => [...new Set(starts.map((s) => s[axis]))];
  assert.deepEqual([0, 1, 2].map(along), [[0, 4], [0, 2, 4], [0, 1, 2, 3, 4]]);
  assert.throws(() => slidingWindows([8, 8, 8], [4, 4, 4], { overlap: [0, 0.5, 1] }), { name: "RangeError" });
});

Deno.test("blendWeights() of gaussian-nnunet are those of nnU-Net's compute_gaussian, in float16, up to a factor", () => {
  // nnunetv2 2.8.1: sum, least and one inner weight, all by the greatest
  const cases: [Triple, sum: number, least: number, at123: number][] = [
    [[16, 16, 16], 125.96179593801499, 5.960464477539063e-09, 1.066923141479492e-06],
    [[9, 12, 7], 23.250647699832918, 1.7881393432617187e-08, 0.00081634521484375],
    [[32, 48, 40], 1889.5614811301232, 5.960464477539063e-09, 5.960464477539063e-09],
  ];
  for (const [roi, sum, least, at123] of cases) {
    const w = blendWeights(roi, "gaussian-nnunet"), most = Math.max(...w), at = (1 * roi[1] + 2) * roi[2] + 3;
    const found = [w.reduce((a, b) => a + b, 0), w.reduce((a, b) => Math.min(a, b)), w[at]].map((v) => v / most);
    for (const [i, expected] of [sum, least, at123].entries()) {
      assert.ok(Math.abs(found[i] - expected) <= 1e-6 * expected, `${roi}: ${found[i]}, expected ${expected}`);
    }
  }
});

Deno.test("nearness() is greatest at the centre of a window and falls on every way from it", () => {
  const roi = [5, 4, 3] as const, near = nearness(roi);
  const at = (x: number, y: number, z: number) => near[(x * 4 + y) * 3 + z];
  assert.equal(Math.max(...near), at(2, 1, 1));
  assert.equal(at(2, 1, 1), at(2, 2, 1));
  assert.ok(at(2, 2, 1) > at(3, 2, 1) && at(3, 2, 1) > at(4, 2, 1) && at(4, 2, 1) > at(4, 3, 1));
  assert.ok(near.every((w) => w > 0));
});
