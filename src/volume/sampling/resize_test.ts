import assert from "node:assert/strict";
import { assertAllClose } from "../testing/fixtures.ts";
import { resizeTrilinear } from "./resize.ts";

const cube = Float32Array.from({ length: 8 }, (_, i) => i);

Deno.test("resizeTrilinear() gives docs/method F.3 for both corner rules", () => {
  const size = [4, 4, 4] as const;
  const aligned = resizeTrilinear(cube, [2, 2, 2], { size, alignCorners: true });
  assertAllClose(aligned.subarray(0, 4), [0, 1 / 3, 2 / 3, 1], 1e-7);
  assertAllClose(aligned.subarray(60), [6, 6 + 1 / 3, 6 + 2 / 3, 7], 1e-6);
  const faces = resizeTrilinear(cube, [2, 2, 2], { size });
  assertAllClose(faces.subarray(0, 4), [0, 0.25, 0.75, 1], 0);
});

Deno.test("resizeTrilinear() shrinks, keeps its own size exactly and takes single voxels", () => {
  assert.deepEqual(resizeTrilinear(cube, [2, 2, 2], { size: [2, 2, 2] }), cube);
  assert.deepEqual([...resizeTrilinear(cube, [2, 2, 2], { size: [1, 1, 1] })], [3.5]);
  assert.deepEqual([...resizeTrilinear(cube, [2, 2, 2], { size: [1, 1, 1], alignCorners: true })], [0]);
  assert.deepEqual([...resizeTrilinear(Float32Array.of(4), [1, 1, 1], { size: [1, 1, 3] })], [4, 4, 4]);
});

Deno.test("resizeTrilinear() refuses an empty size", () => {
  assert.throws(() => resizeTrilinear(cube, [2, 2, 2], { size: [2, 0, 2] }), {
    name: "RangeError",
    message: "Cannot resize a volume: expected a positive size, got 2×0×2",
  });
});
