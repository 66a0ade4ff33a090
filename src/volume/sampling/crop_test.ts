import assert from "node:assert/strict";
import { centreBox, padBox } from "../grid/boxes.ts";
import { applyAffine, type GridImage, spacingAffine, type Triple } from "../grid/grid.ts";
import { centredWindow, crop, cutWindow } from "./crop.ts";

function image(sizeVox: Triple): GridImage {
  const data = Float32Array.from({ length: sizeVox[0] * sizeVox[1] * sizeVox[2] }, (_, i) => i + 1);
  return { data, sizeVox, affineRas: spacingAffine([1, 2, 3], [10, 20, 30]) };
}

Deno.test("crop() keeps each voxel's place in space", () => {
  const out = crop(image([3, 4, 5]), { start: [1, 2, 3], end: [3, 3, 5] });
  assert.deepEqual(out.sizeVox, [2, 1, 2]);
  assert.deepEqual([...out.data], [34, 35, 54, 55]);
  assert.deepEqual(applyAffine(out.affineRas, [0, 0, 0]), [11, 24, 39]);
});

Deno.test("crop() refuses an empty box", () => {
  assert.throws(() => crop(image([3, 3, 3]), { start: [1, 1, 1], end: [1, 2, 2] }), {
    name: "RangeError",
    message: "Cannot crop a volume: expected a box with voxels, got 0×1×1",
  });
});

Deno.test("padBox() puts the odd voxel behind and never crops", () => {
  assert.deepEqual(padBox([5, 8, 4], [8, 8, 3]), { start: [-1, 0, 0], end: [7, 8, 4] });
});

Deno.test("crop() to a padded box surrounds with 0, and cropping the padding gives the volume back", () => {
  const small = image([2, 3, 1]);
  const out = crop(small, padBox(small.sizeVox, [4, 4, 4]));
  assert.deepEqual(out.sizeVox, [4, 4, 4]);
  assert.equal(out.data.reduce((a, b) => a + b), 21);
  assert.equal(out.data[(1 * 4 + 0) * 4 + 1], 1);
  const back = crop(out, { start: [1, 0, 1], end: [3, 3, 2] });
  assert.deepEqual(back.data, small.data);
  assert.deepEqual(back.affineRas, small.affineRas);
});

Deno.test("centreBox() starts at ⌊n/2⌋ − ⌊roi/2⌋ and takes short axes whole", () => {
  assert.deepEqual(centreBox([10, 7, 3], [4, 4, 5]), { start: [3, 1, 0], end: [7, 5, 3] });
  assert.deepEqual([...crop(image([1, 1, 5]), centreBox([1, 1, 5], [1, 1, 2])).data], [2, 3]);
});

Deno.test("centredWindow() cuts and pads a template around its centre", () => {
  assert.deepEqual([...centredWindow(image([1, 1, 5]), [1, 1, 2]).data], [2, 3]);
  assert.deepEqual([...centredWindow(image([1, 1, 2]), [1, 1, 5]).data], [0, 0, 1, 2, 0]);
});

Deno.test("cutWindow() pads with 0, and leaves 0 where the window is wholly outside", () => {
  const data = Uint8Array.of(1, 2, 3, 4);
  assert.deepEqual([...cutWindow(data, [1, 2, 2], { start: [0, 1, -1], size: [1, 1, 2] })], [0, 3]);
  for (const start of [[0, 0, 5], [9, 0, 0], [0, -9, 0]] as const) {
    assert.deepEqual([...cutWindow(data, [1, 2, 2], { start, size: [1, 1, 2] })], [0, 0]);
  }
  assert.throws(() => cutWindow(data, [2, 2, 2], { start: [0, 0, 0], size: [1, 1, 1] }), {
    message: "Cannot cut a window: expected 8 voxels for [2, 2, 2], got 4",
  });
});
