import assert from "node:assert/strict";
import { assertAllClose, oblique, ORIENTATIONS, orientedGrid, randomLabels, seeded } from "../testing/fixtures.ts";
import { crop } from "./crop.ts";
import { applyAffine, perAxis, type Triple, voxelsOf } from "../grid/grid.ts";
import { toRas } from "./orient.ts";
import { type GridImage, placementOf } from "../grid/placement.ts";
import { resampleSpacing } from "./resample.ts";
import { type PlacedLogits, restoreChannels, restoreLabels, visitSourceSlabs } from "./restore.ts";

/** ±4 logits of the regions "label is c + 1". */
function logitsOf(labels: Float32Array, channels: number): Float32Array {
  const out = new Float32Array(channels * labels.length);
  for (let c = 0; c < channels; c++) labels.forEach((v, i) => out[c * labels.length + i] = v === c + 1 ? 4 : -4);
  return out;
}

Deno.test("restoreLabels() undoes orientation and crop exactly, for all 48 orientations", () => {
  const random = seeded(17);
  const sizeVox: Triple = [11, 6, 9];
  for (const o of ORIENTATIONS) {
    const image = { ...orientedGrid(sizeVox, { ...o, spacingMm: [1, 2, 3] }), data: randomLabels(sizeVox, 4, random) };
    const ras = toRas(image);
    const whole = { logits: logitsOf(ras.data, 3), channels: 3, grid: ras };
    assert.deepEqual(restoreLabels(whole, { values: [1, 2, 3], cut: 0 }), Uint8Array.from(image.data));

    const box = { start: [1, 2, 1], end: perAxis((a) => ras.sizeVox[a] - 1) } as const;
    const cropped = crop(ras, box);
    const labels = restoreLabels({ logits: logitsOf(cropped.data, 3), channels: 3, grid: cropped }, {
      values: [1, 2, 3],
      cut: 0,
    });
    const again = toRas({ ...image, data: Float32Array.from(labels) });
    assert.deepEqual(crop(again, box).data, cropped.data);
    assert.equal(again.data.filter((v) => v > 0).length, cropped.data.filter((v) => v > 0).length);
  }
});

Deno.test("placementOf() and the affine agree on where every source voxel lies, after any chain of steps", () => {
  const random = seeded(23);
  for (const o of ORIENTATIONS) {
    const spacingMm = perAxis(() => 0.6 + 2 * random());
    const grid = oblique(orientedGrid([9, 10, 11], { ...o, spacingMm }), perAxis(() => 0.3 * random()));
    const image = { ...grid, data: new Float32Array(990) };
    const spaced = resampleSpacing(toRas(image), perAxis(() => 0.7 + random()), "linear");
    const { affineRas, placement } = crop(spaced, { start: [1, -2, 3], end: [5, 5, 5] });
    const { axis, scale, offset } = placement!;
    for (let k = 0; k < 5; k++) {
      const p = perAxis((a) => Math.floor(random() * grid.sizeVox[a]));
      const here = perAxis((a) => scale[a] * p[axis[a]] + offset[a]);
      assertAllClose(applyAffine(affineRas, here), applyAffine(grid.affineRas, p), 1e-9);
    }
  }
});

/** A ball of 1 in the middle of a grid, by distance in mm. */
function ball(sizeVox: Triple, spacingMm: Triple, radiusMm: number): Float32Array {
  const [, ny, nz] = sizeVox;
  return Float32Array.from({ length: voxelsOf(sizeVox) }, (_, i) => {
    const p = [Math.floor(i / (ny * nz)), Math.floor(i / nz) % ny, i % nz];
    return Math.hypot(...p.map((v, a) => (v - (sizeVox[a] - 1) / 2) * spacingMm[a])) <= radiusMm ? 1 : 0;
  });
}

Deno.test("restoreLabels() interpolates logits across spacings: a ball comes back nearly as it was", () => {
  const sizeVox: Triple = [40, 44, 16];
  const spacingMm: Triple = [0.8, 0.8, 3];
  const image = {
    ...orientedGrid(sizeVox, { order: [0, 1, 2], sign: [-1, -1, 1], spacingMm }),
    data: ball(sizeVox, spacingMm, 12),
  };
  const spaced = resampleSpacing(toRas(image), [1, 1, 1], "linear");
  const logits = spaced.data.map((v) => v - 0.5);
  const back = restoreLabels({ logits, channels: 1, grid: spaced }, { values: [1], cut: 0 });
  const both = back.filter((v, i) => v === 1 && image.data[i] === 1).length;
  const dice = 2 * both / (back.filter((v) => v === 1).length + image.data.filter((v) => v === 1).length);
  assert.ok(dice > 0.97, `Dice ${dice}`);
});

const flatGrid = (sizeVox: Triple): GridImage => ({
  ...orientedGrid(sizeVox, ORIENTATIONS[0]),
  data: new Float32Array(voxelsOf(sizeVox)),
});

Deno.test("restoreLabels() writes later channels over earlier ones and takes a logit at the cut as inside", () => {
  const grid = flatGrid([1, 1, 4]);
  const logits = Float32Array.of(0, -0.001, 3, 3, /* second region */ -9, -9, 1, -9);
  assert.deepEqual([...restoreLabels({ logits, channels: 2, grid }, { values: [7, 9], cut: 0 })], [7, 0, 9, 7]);
  const strict = restoreLabels({ logits, channels: 2, grid }, { values: [7, 9], cut: Math.log(9) });
  assert.deepEqual([...strict], [0, 0, 7, 7]);
});

/** 1 where a channel's logit is not negative. */
const maskOf = (placed: PlacedLogits) => [...restoreChannels(placed, Uint8Array, (logit) => Number(logit >= 0))];

Deno.test("restoreChannels() keeps channels apart and sees −Infinity outside the crop", () => {
  const cropped = crop(flatGrid([1, 1, 4]), { start: [0, 0, 1], end: [1, 1, 3] });
  const placed = { logits: Float32Array.of(0, 9, -9, Math.log(3)), channels: 2, grid: cropped };
  assert.deepEqual(maskOf(placed), [0, 1, 1, 0, 0, 0, 1, 0]);
  const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
  assertAllClose(
    restoreChannels(placed, Float32Array, sigmoid),
    [0, 0.5, sigmoid(9), 0, 0, sigmoid(-9), 0.75, 0],
    1e-7,
  );
});

Deno.test("restoreChannels() keeps the last source voxel that rounding put beyond the spaced grid", () => {
  // 4 voxels of 1 mm become 2 of 2 mm, centres 0 and 2: source voxel 3 lies half a network voxel beyond.
  const image = flatGrid([4, 1, 1]);
  const spaced = resampleSpacing(image, [2, 1, 1], "linear");
  assert.deepEqual(spaced.sizeVox, [2, 1, 1]);
  assert.deepEqual(maskOf({ logits: Float32Array.of(-2, 4), channels: 1, grid: spaced }), [0, 1, 1, 1]);
});

Deno.test("visitSourceSlabs() visits the source once, in order, with −Infinity outside the crop", () => {
  const cropped = crop(flatGrid([20, 2, 2]), { start: [3, 0, 0], end: [17, 2, 2] });
  const logits = new Float32Array(2 * 14 * 4).fill(1);
  let next = 0;
  let inside = 0;
  visitSourceSlabs({ logits, channels: 2, grid: cropped }, (slab) => {
    assert.equal(slab.start, next);
    assert.equal(slab.logits.length, 2 * slab.count);
    inside += slab.logits.filter((v) => v === 1).length;
    assert.ok(slab.logits.every((v) => v === 1 || v === -Infinity));
    next += slab.count;
  });
  assert.deepEqual([next, inside], [80, 2 * 14 * 4]);
});

Deno.test("restoreLabels() refuses values and logits that do not fit", () => {
  const placed = { logits: new Float32Array(4), channels: 1, grid: flatGrid([1, 1, 4]) };
  const cases: [() => unknown, string][] = [
    [() => restoreLabels(placed, { values: [1, 2], cut: 0 }), "Cannot restore labels: expected 1 values, got 2"],
    [
      () => restoreLabels(placed, { values: [65_536], cut: 0 }),
      "Cannot restore labels: expected values from 1 to 65535, got 65536",
    ],
    [
      () => maskOf({ ...placed, channels: 2 }),
      "Cannot restore logits: expected 8 voxels for [2, 1, 1, 4], got 4",
    ],
  ];
  for (const [run, message] of cases) assert.throws(run, { name: "RangeError", message });
});

Deno.test("placementOf() of a volume as read is its own grid", () => {
  const { source, axis, scale, offset } = placementOf(flatGrid([2, 3, 4]));
  assert.deepEqual([source.sizeVox, axis, scale, offset], [[2, 3, 4], [0, 1, 2], [1, 1, 1], [0, 0, 0]]);
});
