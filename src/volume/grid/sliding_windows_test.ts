import assert from "node:assert/strict";
import { assertAllClose } from "../testing/fixtures.ts";
import { blendWeights, slidingWindows } from "./sliding_windows.ts";

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
