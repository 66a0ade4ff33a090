import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { inflateSync } from "node:zlib";
import { matchLesions } from "../../../metrics/mod.ts";
import { spacingAffine } from "../../../volume/mod.ts";
import { addMarks, emptyMarks, preview } from "./preview.ts";

const SIZE = [6, 6, 4] as const;

/** Size of a PNG of `encodePng()`, and how many of its pixels have each colour. */
function coloursOf(png: Uint8Array) {
  const bytes = Buffer.from(png), [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const rows = inflateSync(bytes.subarray(41, 41 + bytes.readUInt32BE(33)));
  const counts = new Map<string, number>();
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = y * (3 * width + 1) + 1 + 3 * x, key = [...rows.subarray(at, at + 3)].join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  return { width, height, has: (colour: readonly number[]) => counts.has(colour.join()) };
}

const [RED, GREEN, BLUE, YELLOW] = [[255, 64, 64], [64, 220, 96], [80, 160, 255], [255, 208, 64]];

function picture(
  spacing: readonly [number, number, number],
  at: (x: number, y: number, z: number) => [number, number],
) {
  const reference = new Uint8Array(144), prediction = new Uint8Array(144);
  for (let v = 0; v < 144; v++) {
    [reference[v], prediction[v]] = at(Math.floor(v / 24), Math.floor(v / 4) % 6, v % 4);
  }
  const grid = { sizeVox: SIZE, affineRas: spacingAffine(spacing) };
  const marks = emptyMarks(144);
  const box = { start: [0, 0, 0], end: SIZE } as const;
  addMarks(marks, matchLesions(prediction, reference, { sizeVox: SIZE }), { grid, box });
  const data = Float32Array.from({ length: 144 }, (_, v) => v % 7);
  return coloursOf(preview({ ...grid, data }, marks, grid));
}

Deno.test("preview() shows the slice in which reference and prediction differ most, each lesion in its colour", () => {
  // slice 0: both agree on a large region; slice 3: one lesion missed, one invented
  const { width, height, has } = picture([1, 1, 1], (x, _y, z) => {
    if (z === 0) return [1, 1];
    return z === 3 ? [Number(x === 0), Number(x === 5)] : [0, 0];
  });
  assert.equal(width, 2 * height);
  assert.ok(height >= 300, `small slices are enlarged, got ${height}`);
  assert.deepEqual([RED, GREEN, BLUE, YELLOW].map(has), [true, false, false, true]);
});

Deno.test("preview() shows found lesions and hits where nothing differs", () => {
  const { has } = picture([1, 1, 1], (x, _y, z) => z === 1 && x < 3 ? [1, 1] : [0, 0]);
  assert.deepEqual([RED, GREEN, BLUE, YELLOW].map(has), [false, true, true, false]);
});

Deno.test("preview() leaves out the dark margin around image and outlines", () => {
  const grid = { sizeVox: [64, 32, 1], affineRas: spacingAffine([1, 1, 1]) } as const;
  const data = Float32Array.from({ length: 2048 }, (_, v) => v >= 20 * 32 && v < 30 * 32 ? 1 + v % 3 : 0);
  const { width, height } = coloursOf(preview({ ...grid, data }, emptyMarks(2048), grid));
  assert.equal(width / 2 / height, 14 / 32); // ten columns and a margin of two on either side
});

Deno.test("preview() looks along the axis of thick slices", () => {
  const thick = picture([4, 1, 1], () => [0, 0]), plain = picture([1, 1, 1], () => [0, 0]);
  assert.deepEqual([plain.width / plain.height, thick.width / thick.height], [2, 2 * 6 / 4]);
});
