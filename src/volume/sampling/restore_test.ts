import assert from "node:assert/strict";
import { oblique, ORIENTATIONS, orientedGrid, randomLabels, seeded } from "../testing/fixtures.ts";
import { crop } from "./crop.ts";
import { type GridImage, perAxis, type Triple, voxelsOf } from "../grid/grid.ts";
import { toRas } from "./orient.ts";
import { resampleSpacing, resampleToGrid } from "./resample.ts";
import { restoredLabels, restoredLogits } from "../testing/restored.ts";
import { type LogitPlanes, restoreAll, restoring } from "./restore.ts";

/** ±4 logits of the regions "label is c + 1". */
function logitsOf(labels: Float32Array, channels: number): Float32Array {
  const out = new Float32Array(channels * labels.length);
  for (let c = 0; c < channels; c++) labels.forEach((v, i) => out[c * labels.length + i] = v === c + 1 ? 4 : -4);
  return out;
}

Deno.test("restoreAll() undoes orientation and crop exactly, for all 48 orientations", () => {
  const random = seeded(17);
  const sizeVox: Triple = [11, 6, 9];
  for (const o of ORIENTATIONS) {
    const image = { ...orientedGrid(sizeVox, { ...o, spacingMm: [1, 2, 3] }), data: randomLabels(sizeVox, 4, random) };
    const ras = toRas(image);
    const whole = { logits: logitsOf(ras.data, 3), channels: 3, grid: ras, target: image };
    assert.deepEqual(restoredLabels(whole, [1, 2, 3]), Uint8Array.from(image.data));

    const box = { start: [1, 2, 1], end: perAxis((a) => ras.sizeVox[a] - 1) } as const;
    const cropped = crop(ras, box);
    const part = { logits: logitsOf(cropped.data, 3), channels: 3, grid: cropped, target: image };
    const labels = restoredLabels(part, [1, 2, 3]);
    const again = toRas({ ...image, data: Float32Array.from(labels) });
    assert.deepEqual(crop(again, box).data, cropped.data);
    assert.equal(again.data.filter((v) => v > 0).length, cropped.data.filter((v) => v > 0).length);
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

Deno.test("restoreAll() interpolates logits across spacings: a ball comes back nearly as it was", () => {
  const sizeVox: Triple = [40, 44, 16];
  const spacingMm: Triple = [0.8, 0.8, 3];
  const image = {
    ...orientedGrid(sizeVox, { order: [0, 1, 2], sign: [-1, -1, 1], spacingMm }),
    data: ball(sizeVox, spacingMm, 12),
  };
  const spaced = resampleSpacing(toRas(image), [1, 1, 1], "linear");
  const logits = spaced.data.map((v) => v - 0.5);
  const back = restoredLabels({ logits, channels: 1, grid: spaced, target: image }, [1]);
  const both = back.filter((v, i) => v === 1 && image.data[i] === 1).length;
  const dice = 2 * both / (back.filter((v) => v === 1).length + image.data.filter((v) => v === 1).length);
  assert.ok(dice > 0.97, `Dice ${dice}`);
});

const flatGrid = (sizeVox: Triple): GridImage => ({
  ...orientedGrid(sizeVox, ORIENTATIONS[0]),
  data: new Float32Array(voxelsOf(sizeVox)),
});

Deno.test("restoreAll() hands over every channel, also where later ones overlap", () => {
  const grid = flatGrid([1, 1, 4]);
  const logits = Float32Array.of(0, -0.001, 3, 3, /* second region */ -9, -9, 1, -9);
  assert.deepEqual([...restoredLabels({ logits, channels: 2, grid, target: grid }, [7, 9])], [7, 0, 9, 7]);
});

Deno.test("restoreAll() visits nothing outside the network's grid", () => {
  const target = flatGrid([1, 1, 4]), grid = crop(target, { start: [0, 0, 1], end: [1, 1, 3] });
  const logits = Float32Array.of(0, 9, -9, 5);
  const [none, ...rest] = [-Infinity, 0, 9, -Infinity, -Infinity, -9, 5, -Infinity];
  assert.deepEqual([...restoredLogits({ logits, channels: 2, grid, target })], [none, ...rest]);
});

Deno.test("restoreAll() keeps the last voxel that rounding put beyond the spaced grid", () => {
  // 4 voxels of 1 mm become 2 of 2 mm, centres 0 and 2: voxel 3 lies half a network voxel beyond.
  const image = flatGrid([4, 1, 1]);
  const spaced = resampleSpacing(image, [2, 1, 1], "linear");
  assert.deepEqual(spaced.sizeVox, [2, 1, 1]);
  const logits = Float32Array.of(-2, 4);
  assert.deepEqual([...restoredLogits({ logits, channels: 1, grid: spaced, target: image })], [-2, 1, 4, 4]);
});

Deno.test("restoreAll() labels nothing outside the mask", () => {
  const grid = flatGrid([2, 1, 2]), seen: number[] = [];
  restoreAll(new Float32Array(4), { channels: 1, grid, target: grid, inside: Uint8Array.of(0, 1, 1, 0) }, (v) => {
    seen.push(v);
  });
  assert.deepEqual(seen, [1, 2]);
});

/** Planes of whole logits in batches that end after each of `ends`. */
function* batches(
  logits: Float32Array,
  { channels, grid, ends }: { channels: number; grid: GridImage; ends: number[] },
) {
  const [nx, ny, nz] = grid.sizeVox, plane = ny * nz;
  for (let from = 0, i = 0; i < ends.length; from = ends[i++] - 1) {
    const count = ends[i] - from, depth = count + 2, part = new Float32Array(channels * depth * plane).fill(NaN);
    for (let c = 0; c < channels; c++) {
      const start = (c * nx + from) * plane;
      part.set(logits.subarray(start, start + count * plane), c * depth * plane);
    }
    yield { logits: part, from, count, depth, isEnd: ends[i] === nx } satisfies LogitPlanes;
  }
}

Deno.test("restoring() gives in batches of planes what it gives at once, across any angle, each voxel once", () => {
  const random = seeded(29);
  const ways = ([[0, 0, 0], [0.3, -0.2, 0.4]] as const).flatMap((angles) => [
    ...([null, 0, 1, 2] as const).map((slices) => ({ angles, slices, interpolation: "linear" as const })),
    { angles, slices: null, interpolation: "nearest" as const },
  ]);
  for (const { angles, slices, interpolation } of ways) {
    const grid = { ...flatGrid([13, 7, 9]), affineRas: oblique(flatGrid([13, 7, 9]), angles).affineRas };
    const target = orientedGrid([14, 12, 10], { ...ORIENTATIONS[21], spacingMm: [0.8, 1, 1.3] });
    const logits = Float32Array.from({ length: 2 * voxelsOf(grid.sizeVox) }, () => random() - 0.5);
    const expected = restoredLogits({ logits, channels: 2, grid, target, slices, interpolation });
    const visits = new Uint8Array(voxelsOf(target.sizeVox)), actual = new Float32Array(expected.length).fill(-Infinity);
    const take = restoring({ channels: 2, grid, target, slices, interpolation }, (voxel, own) => {
      visits[voxel]++;
      own.forEach((logit, c) => actual[c * visits.length + voxel] = logit);
    });
    for (const planes of batches(logits, { channels: 2, grid, ends: [4, 5, 9, 13] })) take(planes);
    assert.deepEqual(actual, expected);
    assert.ok(visits.every((n) => n <= 1) && visits.includes(1));
    if (slices !== null) continue;
    const half = logits.length / 2;
    for (const c of [0, 1]) {
      const { data } = resampleToGrid({ ...grid, data: logits.slice(c * half, (c + 1) * half) }, target, {
        interpolation,
      });
      const own = expected.subarray(c * visits.length, (c + 1) * visits.length);
      assert.ok(data.every((v, i) => visits[i] === 0 || Math.abs(v - own[i]) < 1e-5), "as a volume is resampled");
    }
  }
});

Deno.test("restoreAll() refuses logits that do not fill the grid", () => {
  const grid = flatGrid([1, 1, 4]);
  assert.throws(() => restoreAll(new Float32Array(4), { channels: 2, grid, target: grid }, () => {}), {
    name: "RangeError",
    message: "Cannot restore logits: expected 8 of them, got 4",
  });
});
