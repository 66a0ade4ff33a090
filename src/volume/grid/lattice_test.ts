import assert from "node:assert/strict";
import { assertAllClose, oblique, ORIENTATIONS, orientedGrid, seeded } from "../testing/fixtures.ts";
import { applyAffine, type Grid, invertAffine, multiplyAffines, perAxis, spacingOf, type Triple } from "./grid.ts";
import { latticeBox, latticeGrid, latticeOf } from "./lattice.ts";

const MM = { spacingMm: [1, 1, 1] } as const;

/** The grid with `before` voxels more in front of each axis and `after` behind. */
function padded({ sizeVox, affineRas }: Grid, before: Triple, after: Triple): Grid {
  const affine = [...affineRas], origin = applyAffine(affineRas, perAxis((a) => -before[a]));
  for (const a of [0, 1, 2]) affine[4 * a + 3] = Math.fround(origin[a]);
  return { sizeVox: perAxis((a) => sizeVox[a] + before[a] + after[a]), affineRas: affine };
}

Deno.test("latticeOf() has the network's voxel size, right-anterior-superior axes, and points of the anchor", () => {
  const random = seeded(43);
  for (const o of ORIENTATIONS) {
    const spacingMm = perAxis(() => 0.4 + 3 * random());
    const anchor = oblique(orientedGrid([20, 24, 18], { ...o, spacingMm }), perAxis(() => 0.2 * random()));
    const { lattice } = latticeOf(anchor, { spacingMm: [1, 1.2, 2] });
    assertAllClose(spacingOf(lattice), [1, 1.2, 2], 1e-9);
    for (const a of [0, 1, 2]) assert.ok(lattice[5 * a] > 0.9 * [1, 1.2, 2][a], "the angle of at most 0.2 each");
    const first = applyAffine(multiplyAffines(invertAffine(anchor.affineRas), lattice), [0, 0, 0]);
    assertAllClose(first, first.map(Math.round), 1e-6);
  }
});

Deno.test("latticeOf() keeps every voxel of a grid that has the network's voxel size, within 1e-3 mm", () => {
  const grid = orientedGrid([9, 8, 7], { order: [2, 0, 1], sign: [-1, 1, -1], spacingMm: [1.0004, 1, 0.9995] });
  const { lattice } = latticeOf(grid, MM);
  const whole = latticeGrid(lattice, latticeBox(lattice, grid, { start: [0, 0, 0], end: grid.sizeVox }));
  assert.deepEqual(whole.sizeVox, [8, 7, 9]);
  const map = multiplyAffines(invertAffine(grid.affineRas), whole.affineRas);
  for (const v of [[0, 0, 0], [7, 6, 8], [3, 2, 1]] as Triple[]) {
    const at = applyAffine(map, v);
    assertAllClose(at, at.map(Math.round), 1e-9);
  }
});

Deno.test("latticeOf() does not move with the margin, whatever the voxel size and the angle: seeded paddings", () => {
  const random = seeded(47);
  for (let k = 0; k < 40; k++) {
    const spacingMm = perAxis(() => 0.3 + 4 * random());
    const oriented = orientedGrid([30, 31, 32], { ...ORIENTATIONS[k], spacingMm });
    const { sizeVox, affineRas } = oblique(oriented, perAxis(() => 0.5 * random() * (k % 2)));
    const grid: Grid = { sizeVox, affineRas: affineRas.map(Math.fround) };
    const wide = padded(grid, perAxis(() => Math.floor(60 * random())), perAxis(() => Math.floor(60 * random())));
    assertAllClose(latticeOf(wide, MM).lattice, latticeOf(grid, MM).lattice, 1e-3);
  }
});

Deno.test("latticeBox() is the same for a grid that is 0.02 mm off", () => {
  const grid = orientedGrid([40, 40, 40], { order: [0, 1, 2], sign: [-1, -1, 1] });
  const off: Grid = {
    ...grid,
    affineRas: grid.affineRas.with(3, grid.affineRas[3] + 0.02).with(11, grid.affineRas[11] - 0.02),
  };
  const { lattice } = latticeOf(grid, MM), box = { start: [3, 4, 5], end: [30, 31, 32] } as const;
  assert.deepEqual(latticeBox(lattice, off, box), latticeBox(lattice, grid, box));
});
