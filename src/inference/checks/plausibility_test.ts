import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { Plausibility } from "./plausibility.ts";

function volumeOf(spacingMm: number) {
  const grid = { sizeVox: [10, 10, 10], affineRas: spacingAffine([spacingMm, spacingMm, spacingMm]) } as const;
  const header = {
    ...grid,
    spacingMm: [spacingMm, spacingMm, spacingMm] as const,
    datatype: { name: "float32", bytes: 4 },
    littleEndian: true,
    slope: 1,
    intercept: 0,
    dataOffset: 352,
    positioned: true,
    doubts: [],
  };
  return { ...grid, header, data: Float32Array.from({ length: 1000 }, (_, i) => i), nonFiniteVoxels: 0 };
}
const TISSUE = { kind: "part", voxels: 300, box: { start: [1, 1, 1], end: [9, 9, 9] } } as const;

Deno.test("Plausibility warns of each image and of all together", () => {
  const plausibility = new Plausibility();
  plausibility.look("t1", volumeOf(11), TISSUE);
  plausibility.look("t2", volumeOf(3), TISSUE);
  assert.deepEqual(plausibility.warnings().map((w) => `${w.code}: ${w.detail.slice(0, 22)}`), [
    "implausible-head-size: t2: its tissue is 24 ×",
    "same-image-twice: t1 and t2 are the same",
  ]);
});

Deno.test("Plausibility refuses an image from which nothing sensible can follow", () => {
  assert.throws(() => new Plausibility().look("t1", volumeOf(0.001), TISSUE), {
    name: "InferenceError",
    code: "invalid-volume",
    message:
      "Cannot use t1: its field of view is 0.01 × 0.01 × 0.01 mm, expected that of a head, 80 to 350 mm; check the " +
      "voxel size (pixdim, affine) and its unit (xyzt_units) in the header",
  });
});
