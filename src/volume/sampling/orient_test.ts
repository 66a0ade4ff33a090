import assert from "node:assert/strict";
import { assertAllClose, ORIENTATIONS, orientedGrid, randomLabels, seeded } from "../testing/fixtures.ts";
import { applyAffine, multiplyAffines, perAxis, spacingAffine, spacingOf, type Triple } from "../grid/grid.ts";
import { orientationOf } from "../grid/orientation.ts";
import { toRas } from "./orient.ts";

Deno.test("orientationOf() agrees with nibabel's io_orientation on sheared, oblique affines", () => {
  // Rows of the 3×3 part; nibabel's answer per voxel axis: [world axis, direction].
  const cases: [number[], [number, number][]][] = [
    [[0.126, -0.132, 0.64, 0.105, -0.536, 0.362, 1.304, 0.947, -0.704], [[2, 1], [1, -1], [0, 1]]],
    [[-1.265, -0.623, 0.041, -2.325, -0.219, -1.246, -0.732, -0.544, -0.316], [[0, -1], [2, -1], [1, -1]]],
    [[0.412, 1.043, -0.129, 1.366, -0.665, 0.352, 0.903, 0.094, -0.743], [[1, 1], [0, 1], [2, -1]]],
    [[-0.922, -0.458, 0.22, -1.01, -0.209, -0.159, 0.541, 0.215, 0.355], [[1, -1], [0, -1], [2, 1]]],
    [[-0.654, -0.13, 0.784, 1.493, -1.259, 1.514, 1.346, 0.781, 0.264], [[1, 1], [2, 1], [0, 1]]],
    [[-0.314, 1.458, 1.96, 1.802, 1.315, 0.357, -1.208, -0.004, 0.656], [[2, -1], [1, 1], [0, 1]]],
  ];
  for (const [m, expected] of cases) {
    const { from, flip } = orientationOf(
      [0, 1, 2].flatMap((r) => [...m.slice(3 * r, 3 * r + 3), 0]).concat(0, 0, 0, 1),
    );
    expected.forEach(([world, direction], voxelAxis) => {
      assert.equal(from[world], voxelAxis);
      assert.equal(flip[world], direction < 0);
    });
  }
});

Deno.test("toRas() leaves every voxel where it is in space, for all 48 orientations", () => {
  const random = seeded(11);
  const sizeVox: Triple = [4, 5, 6];
  for (const o of ORIENTATIONS) {
    const grid = orientedGrid(sizeVox, { ...o, spacingMm: [1, 2, 3] });
    const image = { ...grid, data: randomLabels(sizeVox, 1000, random) };
    const ras = toRas(image);
    const diagonal = [0, 5, 10].map((i) => ras.affineRas[i]);
    assert.ok(diagonal.every((v) => v > 0));
    assertAllClose(spacingOf(ras.affineRas), diagonal, 1e-12);
    for (let k = 0; k < 20; k++) {
      const p = perAxis((axis) => Math.floor(random() * sizeVox[axis]));
      const mm = applyAffine(grid.affineRas, p);
      const q = perAxis((a) => Math.round((mm[a] - ras.affineRas[4 * a + 3]) / diagonal[a]));
      assertAllClose(applyAffine(ras.affineRas, q), mm, 1e-9);
      assert.equal(
        ras.data[(q[0] * ras.sizeVox[1] + q[1]) * ras.sizeVox[2] + q[2]],
        image.data[(p[0] * 5 + p[1]) * 6 + p[2]],
      );
    }
  }
});

Deno.test("toRas() of diag(−1, −1, 1) flips the first two axes", () => {
  const image = {
    sizeVox: [2, 2, 1] as const,
    affineRas: spacingAffine([-1, -1, 1]),
    data: Float32Array.of(0, 1, 2, 3),
  };
  const ras = toRas(image);
  assert.deepEqual([...ras.data], [3, 2, 1, 0]);
  assert.deepEqual(
    ras.affineRas,
    multiplyAffines(spacingAffine([1, 1, 1]), [1, 0, 0, -1, 0, 1, 0, -1, 0, 0, 1, 0, 0, 0, 0, 1]),
  );
});
