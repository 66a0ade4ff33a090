import assert from "node:assert/strict";
import { assertAllClose, oblique, orientedGrid } from "../testing/fixtures.ts";
import { applyAffine, gridOverlap, spacingOf, type Triple, voxelMl } from "./grid.ts";
import { rightAngled } from "./right_angles.ts";

Deno.test("rightAngled() leaves a grid at right angles as it is, however it is turned", () => {
  const grid = oblique(
    orientedGrid([7, 9, 5], { order: [2, 0, 1], sign: [-1, 1, -1], spacingMm: [1, 2, 3] }),
    [0.3, -0.2, 0.5],
  );
  const same = rightAngled(grid);
  assert.deepEqual(same.sizeVox, grid.sizeVox);
  assertAllClose(same.affineRas, grid.affineRas, 1e-9);
});

Deno.test("rightAngled() covers a sheared grid with upright voxels of the same volume", () => {
  const sheared = { sizeVox: [4, 5, 6] as Triple, affineRas: [2, 0, 0, 5, 0, 3, 1, 6, 0, 0, 4, 7, 0, 0, 0, 1] };
  const upright = rightAngled(sheared);
  // The last slice lies 5 mm further along y, which is 1⅔ voxels.
  assert.deepEqual(upright, { sizeVox: [4, 7, 6], affineRas: [2, 0, 0, 5, 0, 3, 0, 6, 0, 0, 4, 7, 0, 0, 0, 1] });
  const niivue = [0.482421875, 0, 0, -94, 0, 0.457492054, 0, -117, 0, 0.153074741, 2.3708093, -102, 0, 0, 0, 1];
  for (const affineRas of [niivue, niivue.map((v, i) => i % 4 === 1 ? -v : v)]) {
    const grid = { sizeVox: [30, 42, 54] as Triple, affineRas };
    const { sizeVox, affineRas: found } = rightAngled(grid);
    assertAllClose([voxelMl(found)], [voxelMl(affineRas)], 1e-12);
    assertAllClose(spacingOf(found).slice(0, 2), [0.482421875, 0.482421875], 1e-6);
    assert.ok(gridOverlap(grid, { sizeVox, affineRas: found }) > 0.97);
    const [x, y, z] = [0, 1, 2].map((a) => [0, 4, 8].map((r) => found[a + r]));
    for (const [a, b] of [[x, y], [x, z], [y, z]]) {
      assertAllClose([a[0] * b[0] + a[1] * b[1] + a[2] * b[2]], [0], 1e-12);
    }
  }
  assertAllClose(applyAffine(upright.affineRas, [0, 0, 0]), applyAffine(sheared.affineRas, [0, 0, 0]), 0);
});
