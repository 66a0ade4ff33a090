import assert from "node:assert/strict";
import { squaredDistances } from "./_distance.ts";
import { dice, hd95 } from "./mod.ts";
import { edgeOf, hausdorff } from "./surface.ts";

type Range = readonly [number, number];

function block(n: number, [x, y, z]: readonly [Range, Range, Range]): Uint8Array {
  const out = new Uint8Array(n ** 3);
  for (let i = x[0]; i < x[1]; i++) {
    for (let j = y[0]; j < y[1]; j++) out.fill(1, (i * n + j) * n + z[0], (i * n + j) * n + z[1]);
  }
  return out;
}

function assertClose(actual: number, expected: number, tolerance: number): void {
  assert.ok(Math.abs(actual - expected) <= tolerance, `expected ${expected} ± ${tolerance}, got ${actual}`);
}

const A = block(10, [[2, 5], [2, 5], [2, 5]]);
const B = block(10, [[4, 8], [3, 5], [2, 6]]);
const grid = { sizeVox: [10, 10, 10], spacingMm: [1, 1, 1] } as const;

Deno.test("dice(), hausdorff() and hd95() give the vectors of docs/method D.1.2", () => {
  assertClose(dice(A, B), 0.203390, 5e-7);
  assertClose(hausdorff(A, B, { ...grid, percentile: 100 }), 3.16228, 5e-6);
  assertClose(hd95(A, B, grid), 3.07302, 5e-6);
  assertClose(hd95(A, B, { ...grid, spacingMm: [1, 2, 3] }), 3.89224, 5e-6);
});

Deno.test("hausdorff() directed takes only one way, the undirected one is the larger of both", () => {
  const options = { ...grid, percentile: 95 };
  const there = hausdorff(A, B, { ...options, directed: true });
  const back = hausdorff(B, A, { ...options, directed: true });
  assert.notEqual(there, back);
  assert.equal(hausdorff(A, B, options), Math.max(there, back));
});

Deno.test("hd95() of empty masks is NaN, or the chosen value where just one is empty", () => {
  const none = new Uint8Array(1000);
  assert.equal(hd95(none, none, { ...grid, empty: 373.13 }), NaN);
  for (const [p, r] of [[A, none], [none, A]]) {
    assert.equal(hd95(p, r, grid), NaN);
    assert.equal(hd95(p, r, { ...grid, empty: "inf" }), Infinity);
    assert.equal(hd95(p, r, { ...grid, empty: 373.13 }), 373.13);
  }
});

Deno.test("hd95() of a mask with itself is 0, of two voxels their distance in mm", () => {
  assert.equal(hd95(A, A, grid), 0);
  const one = block(10, [[1, 2], [1, 2], [1, 2]]);
  const other = block(10, [[4, 5], [1, 2], [5, 6]]);
  assert.equal(hd95(one, other, { ...grid, spacingMm: [2, 1, 2] }), 10);
});

Deno.test("edgeOf() takes the image border as outside: 56 edge voxels in a full 4³ image", () => {
  const full = new Uint8Array(64).fill(1);
  const edge = edgeOf(full, [4, 4, 4], { start: [0, 0, 0], size: [4, 4, 4] });
  assert.equal(edge.reduce((a, b) => a + b), 56);
});

Deno.test("squaredDistances() equals brute force on random sets and spacings", () => {
  let state = 7;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  for (const [nx, ny, nz] of [[7, 5, 9], [1, 8, 6], [12, 1, 1]] as const) {
    const set = Uint8Array.from({ length: nx * ny * nz }, () => random() < 0.06 ? 1 : 0);
    set[nz - 1] = 1;
    const spacing = [0.5 + random(), 0.5 + random(), 3 * random() + 0.1] as const;
    const at = (i: number) => [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz];
    const field = squaredDistances(set, [nx, ny, nz], spacing);
    field.forEach((value, i) => {
      let best = Infinity;
      set.forEach((inside, j) => {
        const d = at(i).map((v, a) => (v - at(j)[a]) * spacing[a]);
        if (inside) best = Math.min(best, d[0] ** 2 + d[1] ** 2 + d[2] ** 2);
      });
      assertClose(value, best, 1e-9);
    });
  }
});

Deno.test("squaredDistances() of an empty set is infinite everywhere", () => {
  assert.ok(squaredDistances(new Uint8Array(8), [2, 2, 2], [1, 1, 1]).every((v) => v === Infinity));
});

Deno.test("hd95() refuses masks that do not fill the size", () => {
  assert.throws(() => hd95(A, A, { ...grid, sizeVox: [10, 10, 9] }), {
    name: "RangeError",
    message: "Cannot compute a Hausdorff distance: expected 10×10×9 voxels, got 1000",
  });
});

Deno.test("hausdorff() refuses a percentile beyond 100", () => {
  assert.throws(() => hausdorff(A, A, { ...grid, percentile: 101 }), {
    message: "Cannot compute a Hausdorff distance: expected a percentile from 0 to 100, got 101",
  });
});
