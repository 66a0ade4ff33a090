/** Samples with and without strong augmentation, and with balanced labels. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { type Augmentation, STRONG_AUGMENTATION } from "../recipe/augmentation.ts";
import type { Recipe } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import type { Croppable } from "./labelled_case.ts";
import { assertShare, recipeOf, samples, volumesOf } from "./testing/draws.ts";

/** A digest of samples of three channels with templates and two labels. */
function digestOf(preset: Recipe["preset"], changes: Partial<ResolvedRecipe> = {}): string {
  const sizeVox = [40, 30, 50] as const;
  const voxels = 40 * 30 * 50;
  const wave = (a: number) =>
    Float32Array.from({ length: voxels }, (_, i) => Math.fround(((i * a) % 1009) / 700 - 0.2));
  const regions = [97, 131].map((m) => Uint8Array.from({ length: voxels }, (_, i) => Number(i % m === 5)));
  const of = (mask: Uint8Array) => Uint32Array.from(mask.keys().filter((i) => mask[i] === 1));
  const volumes: Croppable = {
    sizeVox,
    channels: [7, 11, 13].map(wave),
    templates: [17, 19, 23].map(wave),
    regions,
    labelled: of(regions[0].map((v, i) => v | regions[1][i])),
    labelledOf: regions.map(of),
  };
  const recipe = recipeOf({ preset, roi: [32, 32, 32], ...changes });
  const { intensity = recipe.intensity } = changes;
  const hash = createHash("sha256");
  for (const { views, target } of samples(volumes, { ...recipe, intensity }, 6)) {
    for (const data of [...views, target]) hash.update(new Uint8Array(data.buffer));
  }
  return hash.digest("hex").slice(0, 16);
}

const VARIED = { shift: 0.1, scale: 0.1, gamma: 0, perChannel: true };

Deno.test("drawSample() without strong changes draws what it always drew, bit by bit", () => {
  const found = (["edge", "paper", "official"] as const).map((preset) => digestOf(preset, { intensity: VARIED }));
  assert.deepEqual(found, ["ef5fff06ca22afaf", "ea0e3bb018c55552", "95f1ee2138125bba"]);
});

const CALM = { chance: 0 };
/** Certain changes in space, none of intensities. */
const MOVED: Augmentation = {
  ...STRONG_AUGMENTATION,
  rotation: { chance: 1, degrees: 30 },
  scaling: { chance: 1, smallest: 0.7, largest: 1.4 },
  elastic: { chance: 1, voxels: 3 },
  noise: { ...STRONG_AUGMENTATION.noise, ...CALM },
  blur: { ...STRONG_AUGMENTATION.blur, ...CALM },
  brightness: { ...STRONG_AUGMENTATION.brightness, ...CALM },
  contrast: { ...STRONG_AUGMENTATION.contrast, ...CALM },
  lowResolution: { ...STRONG_AUGMENTATION.lowResolution, ...CALM },
  gamma: { ...STRONG_AUGMENTATION.gamma, ...CALM, inverted: 0 },
  dropModality: CALM,
};

Deno.test("drawSample() moves labels, both views and templates as the image", () => {
  const sizeVox = [40, 40, 40] as const;
  const ball = Uint8Array.from({ length: 64000 }, (_, v) => {
    const offsets = [Math.floor(v / 1600) - 22, Math.floor(v / 40) % 40 - 15, v % 40 - 19];
    return Number(offsets.reduce((sum, o) => sum + o ** 2, 0) <= 81);
  });
  const image = Float32Array.from(ball);
  const labelled = Uint32Array.from(ball.keys().filter((v) => ball[v] === 1));
  const volumes = {
    sizeVox,
    channels: [image, image],
    templates: [image, image],
    regions: [ball],
    labelled,
    labelledOf: [labelled],
  };
  const recipe = recipeOf({ roi: [24, 24, 24], lesionShare: 1, maxReplaced: 1, augmentation: MOVED });
  const seen = new Set<number>();
  for (const { views, target } of samples(volumes, recipe, 12)) {
    assert.equal(views.length, 2);
    for (const view of views) {
      for (const channel of [view.subarray(0, 24 ** 3), view.subarray(24 ** 3)]) {
        assert.deepEqual(Float32Array.from(channel, (v) => Number(v > 0.5)), target);
      }
    }
    seen.add(target.reduce((a, b) => a + b));
  }
  assert.ok(seen.size > 8, "sizes of the ball differ from crop to crop");
});

Deno.test("drawSample() with strong changes is the same for the same random numbers", () => {
  const volumes = volumesOf([20, 20, 20], { channels: 2, labels: [4210] });
  const recipe = recipeOf({ roi: [16, 16, 16], augmentation: STRONG_AUGMENTATION });
  assert.deepEqual(samples(volumes, recipe, 5), samples(volumes, recipe, 5));
});

Deno.test("drawSample() mirrors along the allowed axes only", () => {
  const still = { ...MOVED, rotation: { ...MOVED.rotation, ...CALM }, scaling: { ...MOVED.scaling, ...CALM } };
  for (const [mirror, outcomes] of [[["x", "z"], 4], [["y"], 2], [[], 1]] as const) {
    const augmentation = { ...still, elastic: { ...MOVED.elastic, ...CALM }, mirror };
    const recipe = recipeOf({ roi: [2, 2, 2], lesionShare: 0, augmentation });
    const seen = new Map<string, number>();
    for (const { views: [view] } of samples(volumesOf([2, 2, 2], { templates: 0 }), recipe, 400)) {
      seen.set(String(view), (seen.get(String(view)) ?? 0) + 1);
      if (!mirror.some((axis) => axis === "y")) assert.ok(view[0] % 4 < 2, "y is not reversed");
    }
    assert.equal(seen.size, outcomes, String(mirror));
    for (const [view, count] of seen) assertShare(count, { n: 400, p: 1 / outcomes }, view);
  }
});

Deno.test("drawSample() with balanced labels lies around rare labels as often as around frequent ones", () => {
  const sizeVox = [16, 16, 64] as const, voxels = 16 * 16 * 64;
  const frequent = Uint8Array.from({ length: voxels }, (_, v) => Number(v % 64 < 8));
  const rare = Uint8Array.from({ length: voxels }, (_, v) => Number(v === 8 * 1024 + 8 * 64 + 50));
  const [labelled, ...labelledOf] = [frequent.map((v, i) => v | rare[i]), frequent, rare, new Uint8Array(voxels)].map(
    (mask) => Uint32Array.from(mask.keys().filter((v) => mask[v] === 1)),
  );
  const volumes = {
    sizeVox,
    channels: [new Float32Array(voxels)],
    templates: [],
    regions: [frequent, rare, new Uint8Array(voxels)],
    labelled,
    labelledOf,
  };
  const rareOf = (labelBalance: boolean) =>
    samples(volumes, recipeOf({ roi: [16, 16, 16], lesionShare: 1, labelBalance }), 300)
      .filter(({ target }) => target.subarray(16 ** 3, 2 * 16 ** 3).includes(1)).length;
  assert.ok(rareOf(false) <= 5, "a voxel in 2,049");
  assertShare(rareOf(true), { n: 300, p: 0.5 }, "crops around the rare label");
});
