import assert from "node:assert/strict";
import { assertAllClose, oblique, orientedGrid, randomLabels, seeded } from "../testing/fixtures.ts";
import {
  applyAffine,
  type GridImage,
  spacingAffine,
  spacingOf,
  type Triple,
  VolumeError,
  voxelsOf,
} from "../grid/grid.ts";
import { roundHalfEven, spacedSize } from "../grid/lattice.ts";
import { resampleSpacing, resampleToGrid, resizeTrilinear } from "./resample.ts";

const line = (values: number[], spacing: number): GridImage => ({
  data: Float32Array.from(values),
  sizeVox: [values.length, 1, 1],
  affineRas: spacingAffine([spacing, 1, 1], [5, 6, 7]),
});

/** Intensities that are linear in space: trilinear sampling reproduces them exactly. */
function ramp(grid: { sizeVox: Triple; affineRas: readonly number[] }): Float32Array {
  const out = new Float32Array(voxelsOf(grid.sizeVox));
  const [, ny, nz] = grid.sizeVox;
  for (let i = 0; i < out.length; i++) {
    const p = applyAffine(grid.affineRas, [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz]);
    out[i] = p[0] + 2 * p[1] - 3 * p[2];
  }
  return out;
}

Deno.test("spacedSize() gives docs/method F.4 item 8 and rounds half to even", () => {
  const size = (n: number, s: number, t: number) => spacedSize([n, 1, 1], [s, 1, 1], [t, 1, 1])[0];
  assert.equal(size(10, 2, 1), 19);
  assert.equal(size(48, 3, 1), 142);
  assert.equal(size(240, 0.958, 1), 230);
  assert.deepEqual([0.5, 1.5, 2.5, 2.4999, 2.5001].map(roundHalfEven), [0, 2, 2, 2, 3]);
  assert.deepEqual([size(2, 1, 2), size(4, 1, 2), size(6, 1, 2)], [2, 2, 4]);
});

Deno.test("resampleSpacing() samples i′·t/s from the first voxel's centre, clamped at the border", () => {
  const fine = resampleSpacing(line([0, 10, 40], 2), [1, 1, 1], "linear");
  assert.deepEqual([...fine.data], [0, 5, 10, 25, 40]);
  assert.deepEqual(fine.affineRas, spacingAffine([1, 1, 1], [5, 6, 7]));
  // 3 · 1 / 2 + 1 = 2.5 → 2; 5 / 2 + 1 = 3.5 → 4, whose last voxel at 6 lies beyond the last input at 5.
  assert.deepEqual([...resampleSpacing(line([0, 1, 2, 3], 1), [2, 1, 1], "linear").data], [0, 2]);
  assert.deepEqual([...resampleSpacing(line([0, 1, 2, 3, 4, 9], 1), [2, 1, 1], "linear").data], [0, 2, 4, 9]);
});

Deno.test("resampleSpacing() nearest takes the lower neighbour at a tie", () => {
  assert.deepEqual([...resampleSpacing(line([7, 8, 9], 2), [1, 1, 1], "nearest").data], [7, 7, 8, 8, 9]);
  assert.deepEqual([...resampleSpacing(line([7, 8], 3), [1, 1, 1], "nearest").data], [7, 7, 8, 8]);
});

Deno.test("resampleSpacing() returns the same object within 1e-3 mm", () => {
  const image = line([1, 2], 1.0009);
  assert.equal(resampleSpacing(image, [1, 1, 1], "linear"), image);
  assert.notEqual(resampleSpacing(line([1, 2], 1.0011), [1, 1, 1], "linear").sizeVox, image.sizeVox);
});

Deno.test("resampleSpacing() keeps direction and every sample's place in space on an oblique grid", () => {
  const grid = oblique(orientedGrid([9, 8, 7], { order: [1, 2, 0], sign: [1, -1, 1], spacingMm: [2, 1.5, 3] }), [
    0.3,
    0.2,
    -0.1,
  ]);
  const out = resampleSpacing({ ...grid, data: ramp(grid) }, [1, 1.25, 1.5], "linear");
  assertAllClose(spacingOf(out.affineRas), [1, 1.25, 1.5], 1e-12);
  // 7 · 1.5 / 1.25 + 1 = 9.4 → 9: no output voxel lies beyond the last input one, so nothing is clamped.
  assert.deepEqual(out.sizeVox, [17, 9, 13]);
  assertAllClose(out.data, ramp(out), 1e-4);
});

Deno.test("resampleSpacing() refuses absurd sizes", () => {
  assert.throws(
    () => resampleSpacing(line([1, 2], 1e12), [1, 1, 1], "linear"),
    new VolumeError(
      "Cannot resample a volume: expected at most 268435456 voxels, got 1000000000001×1×1 at [1, 1, 1] mm",
    ),
  );
  assert.throws(() => resampleSpacing(line([1, 2], 1), [1, 0, 1], "linear"), {
    name: "RangeError",
    message: "Cannot resample a volume: expected positive voxel sizes, got [1, 0, 1] mm",
  });
});

Deno.test("resampleToGrid() is the identity on the same grid, for both interpolations", () => {
  const grid = oblique(orientedGrid([6, 5, 4], { order: [0, 2, 1], sign: [-1, 1, 1] }), [0.1, 0.2, 0.3]);
  const image = { ...grid, data: randomLabels([6, 5, 4], 100, seeded(3)) };
  assertAllClose(resampleToGrid(image, grid).data, image.data, 1e-4);
  assert.deepEqual(resampleToGrid(image, grid, { interpolation: "nearest" }).data, image.data);
});

Deno.test("resampleToGrid() samples a linear ramp exactly across an angle, 0 outside", () => {
  const from = orientedGrid([20, 20, 20], { order: [0, 1, 2], sign: [1, -1, 1], spacingMm: [1, 2, 1] });
  const centre = applyAffine(from.affineRas, [8, 8, 8]);
  const to = oblique({ sizeVox: [5, 4, 3], affineRas: spacingAffine([1, 1, 1]) }, [0.3, -0.2, 0.5]);
  const moved = { ...to, affineRas: to.affineRas.map((v, i) => i % 4 === 3 && i < 12 ? v + centre[(i - 3) / 4] : v) };
  const out = resampleToGrid({ ...from, data: ramp(from) }, moved);
  assertAllClose(out.data, ramp(moved), 1e-4);
  const away = { ...to, affineRas: to.affineRas.map((v, i) => i === 3 ? v + 1000 : v) };
  assert.ok(resampleToGrid({ ...from, data: ramp(from) }, away).data.every((v) => v === 0));
});

Deno.test("resampleToGrid() takes the border's value up to half a voxel outside", () => {
  const image = line([3, 4], 1);
  const target = (x: number) => ({ sizeVox: [1, 1, 1] as const, affineRas: spacingAffine([1, 1, 1], [5 + x, 6, 7]) });
  assert.deepEqual([-0.6, -0.4, 0.25, 1.4, 1.6].map((x) => resampleToGrid(image, target(x)).data[0]), [
    0,
    3,
    3.25,
    4,
    0,
  ]);
});

const cube = Float32Array.from({ length: 8 }, (_, i) => i);

Deno.test("resizeTrilinear() lets outer faces meet (docs/method F.3)", () => {
  const size = [4, 4, 4] as const;
  const faces = resizeTrilinear(cube, [2, 2, 2], { size });
  assertAllClose(faces.subarray(0, 4), [0, 0.25, 0.75, 1], 0);
});

Deno.test("resizeTrilinear() shrinks, keeps its own size exactly and takes single voxels", () => {
  assert.deepEqual(resizeTrilinear(cube, [2, 2, 2], { size: [2, 2, 2] }), cube);
  assert.deepEqual([...resizeTrilinear(cube, [2, 2, 2], { size: [1, 1, 1] })], [3.5]);
  assert.deepEqual([...resizeTrilinear(Float32Array.of(4), [1, 1, 1], { size: [1, 1, 3] })], [4, 4, 4]);
});

Deno.test("resizeTrilinear() refuses an empty size", () => {
  assert.throws(() => resizeTrilinear(cube, [2, 2, 2], { size: [2, 0, 2] }), {
    name: "RangeError",
    message: "Cannot resize a volume: expected a positive size, got 2×0×2",
  });
});
