import assert from "node:assert/strict";
import { assertAllClose, oblique, orientedGrid } from "../testing/fixtures.ts";
import {
  applyAffine,
  type Grid,
  gridOverlap,
  invertAffine,
  multiplyAffines,
  sameGrid,
  spacingAffine,
  spacingOf,
  voxelMl,
} from "./grid.ts";

const grid: Grid = oblique(
  orientedGrid([10, 12, 14], { order: [2, 0, 1], sign: [1, -1, 1], spacingMm: [1, 2, 3] }),
  [0.2, -0.1, 0.4],
);
const moved = ({ sizeVox, affineRas }: Grid, dx: number): Grid => ({
  sizeVox,
  affineRas: affineRas.map((v, i) => i === 3 ? v + dx : v),
});

Deno.test("invertAffine() undoes an oblique affine", () => {
  const product = multiplyAffines(invertAffine(grid.affineRas), grid.affineRas);
  assertAllClose(product, spacingAffine([1, 1, 1]), 1e-12);
  assertAllClose(spacingOf(grid.affineRas), [1, 2, 3], 1e-12);
});

Deno.test("voxelMl() is the affine's determinant, not the product of its columns' lengths", () => {
  assertAllClose([voxelMl(grid.affineRas)], [0.006], 1e-15);
  // np.linalg.det of niivue's shear.nii.gz; the columns' lengths give 0.00055176.
  const sheared = [0.482421875, 0, 0, -94, 0, 0.457492054, 0, -117, 0, 0.153074741, 2.3708093, -102, 0, 0, 0, 1];
  assertAllClose([voxelMl(sheared)], [0.00052324751], 1e-11);
});

Deno.test("invertAffine() refuses a flat grid and NaN", () => {
  const message = "Cannot invert an affine: expected three independent axes, got a flat or undefined grid";
  for (
    const affine of [spacingAffine([1, 0, 1]), spacingAffine([NaN, 1, 1]), [
      1,
      2,
      0,
      0,
      2,
      4,
      0,
      0,
      0,
      0,
      1,
      0,
      0,
      0,
      0,
      1,
    ]]
  ) {
    assert.throws(() => invertAffine(affine), { name: "RangeError", message });
  }
});

Deno.test("sameGrid() compares sizes and corner positions in mm", () => {
  assert.ok(sameGrid(grid, grid));
  assert.ok(sameGrid(grid, moved(grid, 0.009)));
  assert.ok(!sameGrid(grid, moved(grid, 0.011)));
  assert.ok(!sameGrid(grid, { ...grid, sizeVox: [10, 12, 15] }));
  // A turn about the first voxel shows at the far corner only.
  assert.ok(
    !sameGrid(grid, {
      ...grid,
      affineRas: multiplyAffines(
        grid.affineRas,
        oblique({ sizeVox: [1, 1, 1], affineRas: spacingAffine([1, 1, 1]) }, [0, 0, 0.002]).affineRas,
      ),
    }),
  );
});

Deno.test("gridOverlap() is the share of the first grid inside the second", () => {
  const a: Grid = { sizeVox: [10, 10, 10], affineRas: spacingAffine([1, 1, 1]) };
  assert.equal(gridOverlap(a, a), 1);
  assert.equal(gridOverlap(a, moved(a, 5)), 0.5);
  assert.equal(gridOverlap(a, moved(a, 11)), 0);
  const big: Grid = { sizeVox: [40, 40, 40], affineRas: spacingAffine([1, 1, 1], [-10, -10, -10]) };
  assert.equal(gridOverlap(a, big), 1);
  assert.ok(Math.abs(gridOverlap(big, a) - 1 / 64) < 1e-12);
});

Deno.test("applyAffine() puts the first voxel's centre at the translation", () => {
  assert.deepEqual(applyAffine(spacingAffine([2, 3, 4], [5, 6, 7]), [1, 1, 1]), [7, 9, 11]);
});
