import assert from "node:assert/strict";
import { orientedGrid, sampled } from "../../../tests/testing/volumes.ts";
import { findForeground, type Grid, type Triple } from "../../volume/mod.ts";
import type { Preprocessing } from "../preprocessing.ts";
import { InferenceError } from "../types.ts";
import { Assembly } from "./assembly.ts";

const PLAIN: Preprocessing = { spacingMm: null, normalisation: [{ kind: "none" }], foregroundMargin: null };

/** Channels on grids of their own, brought together. */
function assembled(preprocessing: Preprocessing, channels: readonly (readonly [Grid, (mm: Triple) => number])[]) {
  const assembly = new Assembly(channels[0][0], preprocessing);
  for (const [channel, [grid, valueAt]] of channels.entries()) {
    const image = { ...grid, data: sampled(grid, valueAt) };
    assembly.add({ name: `channel ${channel}`, channel, image, foreground: findForeground(image) });
  }
  return assembly.finish();
}

/** A block of one value in millimetres, before another. */
const block = (low: number, high: number, inside: number, outside = 0) => (mm: Triple) =>
  mm.every((v) => v >= low && v < high) ? inside : outside;

const grid = orientedGrid([12, 12, 12]);

Deno.test("Assembly crops before or after the other steps, by what the channels are then", () => {
  const images = [[grid, block(3, 8, 5, -2)], [grid, block(4, 10, 7)]] as const;
  const boxOf = (changes: Partial<Preprocessing>) =>
    assembled({ ...PLAIN, foregroundMargin: 0, ...changes }, images).box;
  const all = { start: [0, 0, 0], end: [12, 12, 12] }, both = { start: [3, 3, 3], end: [10, 10, 10] };
  assert.deepEqual(boxOf({ foreground: "nonzero" }), all);
  assert.deepEqual(boxOf({ foreground: "positive" }), both);
  assert.deepEqual(boxOf({ foreground: "positive", order: ["crop", "normalise", "resample"] }), both);
  // once 0 to 6 are mapped to −1 and 1, only what was above 3 is positive: a part of the second channel where both are
  const normalisation = [{ kind: "range", from: [0, 12], to: [-1, 1], clip: true }] as const;
  assert.deepEqual(boxOf({ foreground: "positive", normalisation }), { start: [4, 4, 4], end: [10, 10, 10] });
  const margin = boxOf({ foreground: "positive", foregroundMargin: 4 });
  assert.deepEqual(margin, { start: [-1, -1, -1], end: [14, 14, 14] }, "beyond the field of view, as MONAI pads");
});

Deno.test("Assembly labels near tissue, or everything in the box of another foreground", () => {
  const images = [[grid, block(4, 8, 5)]] as const;
  const share = (changes: Partial<Preprocessing>) => {
    const { inside } = assembled({ ...PLAIN, ...changes }, images);
    return inside.reduce((n, v) => n + v, 0) / inside.length;
  };
  assert.ok(share({}) < 0.4);
  for (const foreground of ["nonzero", "positive", "whole"] as const) assert.equal(share({ foreground }), 1);
});

Deno.test("Assembly takes statistics of what a crop left where the crop comes first", () => {
  const images = [[grid, block(4, 8, 5)], [grid, block(4, 6, 3, 0)]] as const;
  const way = {
    foreground: "nonzero",
    foregroundMargin: 0,
    normalisation: [{ kind: "z-score", over: "volume" }],
  } as const;
  const first = assembled({ ...PLAIN, ...way, order: ["crop", "normalise", "resample"] }, images);
  assert.deepEqual(first.grid.sizeVox, [4, 4, 4]);
  // the first channel is constant in its box; an eighth of the second is 3
  assert.ok([...first.channels.get("channel 0")!].every((v) => v === 0));
  const [mean, deviation] = [3 / 8, Math.sqrt(9 / 8 - 9 / 64)];
  assert.ok(Math.abs(first.channels.get("channel 1")![0] - (3 - mean) / deviation) < 1e-6);
  const last = assembled({ ...PLAIN, ...way }, images);
  assert.deepEqual(last.grid.sizeVox, [12, 12, 12], "a z-score of all voxels leaves none at 0");
});

Deno.test("Assembly brings channels of other grids to the first one's voxels, masks too", () => {
  const fine = orientedGrid([24, 24, 24], { code: "LAS", spacingMm: [0.5, 0.5, 0.5], originMm: [11.5, 0, 0] });
  const way = { order: ["crop", "normalise", "resample"], foreground: "nonzero", foregroundMargin: 0 } as const;
  const { grid: own, channels } = assembled(
    { ...PLAIN, ...way, normalisation: [{ kind: "z-score", over: "mask" }] },
    [[grid, (mm) => block(4, 8, 5)(mm) + mm[0]], [fine, (mm) => block(4, 8, 2)(mm) * (1 + mm[2])]],
  );
  assert.deepEqual(own.sizeVox, [11, 12, 12], "both are 0 at x = 0 alone");
  for (const data of channels.values()) {
    const mean = data.reduce((a, b) => a + b, 0) / data.length;
    assert.ok(Math.abs(mean) < 0.2 && data.some((v) => v > 1), `${mean}`);
  }
});

Deno.test("Assembly refuses a crop that keeps nothing, with the remedy", () => {
  const images = [[grid, block(3, 8, -5, -2)]] as const;
  assert.throws(
    () => assembled({ ...PLAIN, foreground: "positive", foregroundMargin: 0 }, images),
    (error) =>
      error instanceof InferenceError && error.code === "invalid-volume" &&
      error.message.startsWith("Cannot crop the images: expected a value above 0 in one of them, got none. Check that"),
  );
});
