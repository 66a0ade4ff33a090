import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { drawSample, flipped, viewOrder } from "./augment.ts";
import { keptBlocks } from "./crops.ts";
import type { Croppable } from "./labelled_case.ts";
import { assertShare, recipeOf, samples, UNCHANGED, volumesOf } from "./testing/draws.ts";

Deno.test("assertShare() fails for a wrong share", () => {
  assert.throws(() => assertShare(600, { n: 1000, p: 0.5 }, "heads"), /heads: 600 of 1000, expected 500/);
});

Deno.test("drawSample() crops inside the volume, at every place", () => {
  const recipe = recipeOf({ roi: [2, 3, 4], lesionShare: 0, flips: "joint" });
  const volumes = volumesOf([4, 3, 6], { templates: 0 });
  const starts = samples(volumes, recipe, 400).map(({ views: [view] }) => Math.min(...view) - 1000);
  // x from 0 to 2, y only 0, z from 0 to 2
  const allowed = [0, 1, 2].flatMap((x) => [0, 1, 2].map((z) => x * 18 + z));
  assert.deepEqual([...new Set(starts)].sort((a, b) => a - b), allowed);
  for (const at of allowed) assertShare(starts.filter((s) => s === at).length, { n: 400, p: 1 / 9 }, `start ${at}`);
});

Deno.test("drawSample() pads symmetrically with 0 where the volume is smaller, images, templates and regions alike", () => {
  const recipe = recipeOf({ roi: [1, 1, 8], lesionShare: 0, flips: "joint", maxReplaced: 0 });
  const volumes = volumesOf([1, 1, 3], { channels: 2, labels: [0] });
  const { views: [view], target } = samples(volumes, recipe, 30).find(({ target }) => target[2] === 1)!;
  assert.deepEqual([...view.subarray(0, 8)], [0, 0, 1000, 1001, 1002, 0, 0, 0]);
  assert.deepEqual([...target], [0, 0, 1, 0, 0, 0, 0, 0]);
});

Deno.test("drawSample() keeps a labelled voxel in every lesion-aware crop, and takes as many of them as the recipe says", () => {
  const sizeVox = [40, 40, 40] as const, roi = [8, 8, 8] as const;
  for (const label of [0, 40 ** 3 - 1, 20 * 1600 + 3 * 40 + 39]) {
    const volumes = volumesOf(sizeVox, { templates: 0, labels: [label] });
    for (const { target } of samples(volumes, recipeOf({ roi, lesionShare: 1 }), 60)) {
      assert.equal(target.reduce((a, b) => a + b), 1);
    }
  }
  const volumes = volumesOf(sizeVox, { templates: 0, labels: [20 * 1640 + 20] });
  const hits = samples(volumes, recipeOf({ roi, lesionShare: 0.7 }), 400).filter(({ target }) => target.includes(1));
  // an unaware crop holds the voxel with probability (8/33)³
  assertShare(hits.length, { n: 400, p: 0.7 + 0.3 * (8 / 33) ** 3 }, "crops with the lesion");
});

Deno.test("drawSample() takes any crop of a case without labelled voxels", () => {
  const recipe = recipeOf({ roi: [2, 2, 2], lesionShare: 1 });
  assert.deepEqual(
    new Set(samples(volumesOf([4, 4, 4]), recipe, 20).flatMap(({ target }) => [...target])),
    new Set([0]),
  );
});

const outcomes = (flips: ResolvedRecipe["flips"]) => {
  const recipe = recipeOf({ roi: [2, 2, 2], flips, lesionShare: 0 });
  const volumes = volumesOf([2, 2, 2], { templates: 0, labels: [1] });
  const seen = new Map<string, number>();
  for (const { views: [view], target } of samples(volumes, recipe, 800)) {
    assert.equal(target.indexOf(1), view.indexOf(1001), "image and mask are flipped together");
    seen.set(String(view), (seen.get(String(view)) ?? 0) + 1);
  }
  return seen;
};

Deno.test("drawSample() flips jointly into two outcomes, by axes into eight (docs/method F.4 item 9)", () => {
  const joint = outcomes("joint"), axes = outcomes("axes"), two = outcomes(["x", "z"]);
  const identity = Array.from({ length: 8 }, (_, i) => 1000 + i);
  assert.deepEqual(new Set(joint.keys()), new Set([String(identity), String(identity.toReversed())]));
  assert.deepEqual([axes.size, two.size, outcomes([]).size], [8, 4, 1]);
  const rows = [...two.keys()].map((view) => view.split(",").map(Number));
  assert.ok(rows.every(([first, , third]) => third - first === 2), "no view is reversed along y");
  for (const seen of [joint, axes, two]) {
    for (const [view, count] of seen) assertShare(count, { n: 800, p: 1 / seen.size }, view);
  }
});

Deno.test("flipped() reverses the flagged axes only", () => {
  const data = Uint8Array.from([0, 1, 2, 3, 4, 5]), size = [1, 2, 3] as const;
  assert.deepEqual([...flipped(data, { size, flips: [true, false, false] })], [0, 1, 2, 3, 4, 5]);
  assert.deepEqual([...flipped(data, { size, flips: [false, true, false] })], [3, 4, 5, 0, 1, 2]);
  assert.deepEqual([...flipped(data, { size, flips: [false, false, true] })], [2, 1, 0, 5, 4, 3]);
  assert.deepEqual([...data], [0, 1, 2, 3, 4, 5], "the source is kept");
});

Deno.test("viewOrder() interleaves [T1, T1C, T2, FLAIR] as the official code does (docs/method F.4 item 10)", () => {
  assert.deepEqual(viewOrder(4, "interleaved"), [[0, 0, 1, 1], [2, 2, 3, 3]]);
  assert.deepEqual(viewOrder(3, "interleaved"), [[0, 0, 1], [1, 2, 2]]);
  assert.deepEqual(viewOrder(4, "copies"), [[0, 1, 2, 3], [0, 1, 2, 3]]);
});

/** Which channel of the case each channel of a view of one voxel shows, negative where it is the template: ±1, ±2, … */
const shown = (view: Float32Array) => [...view].map((v) => Math.trunc(v / 1000));

Deno.test("drawSample() gives two equal views of a case that no template fits, one where the run has none", () => {
  const volumes = volumesOf([4, 4, 4], { channels: 2, templates: 0 });
  for (const templates of [true, false]) {
    const { views } = drawSample(volumes, recipeOf({ roi: [2, 2, 2], templates }), new Random(0));
    assert.equal(views.length, templates ? 2 : 1);
    for (const view of views) assert.deepEqual(view, views[0]);
  }
});

Deno.test("drawSample() shows a template only in the place of its own modality", () => {
  for (const preset of ["paper", "official", "edge"] as const) {
    const recipe = recipeOf({ preset, roi: [1, 1, 1] });
    for (const { views } of samples(volumesOf([1, 1, 1], { channels: 4 }), recipe, 50)) {
      const order = preset === "official" ? [[1, 1, 2, 2], [3, 3, 4, 4]] : [[1, 2, 3, 4], [1, 2, 3, 4]];
      assert.deepEqual(views.map((v) => shown(v).map(Math.abs)), order);
    }
  }
});

/** docs/method B.3 row 10: n ~ U{0…C−1}, official U{0…3} for four channels. */
for (
  const [preset, channels, most] of [["paper", 4, 3], ["edge", 4, 1], ["official", 4, 3], ["paper", 2, 1]] as const
) {
  Deno.test(`drawSample() replaces 0 to ${most} of ${channels} channels equally often in ${preset}, each view by itself`, () => {
    const n = 1200;
    const drawn = samples(volumesOf([1, 1, 1], { channels }), recipeOf({ preset, roi: [1, 1, 1] }), n);
    const counts = drawn.map(({ views }) => views.map((v) => shown(v).filter((c) => c < 0).length));
    const p = 1 / (most + 1);
    for (let k = 0; k <= most; k++) {
      for (const view of [0, 1]) {
        assertShare(counts.filter((c) => c[view] === k).length, { n, p }, `${k} replaced in view ${view + 1}`);
      }
      assertShare(counts.filter((c) => c[0] === k && c[1] === k).length, { n, p: p * p }, `${k} in both views`);
    }
    assert.equal(Math.max(...counts.flat()), most);
    for (let c = 0; c < channels; c++) {
      const replaced = drawn.filter(({ views: [first] }) => first[c] < 0).length;
      assertShare(replaced, { n, p: most / 2 / channels }, `channel ${c + 1}`);
    }
  });
}

Deno.test("drawSample() without templates gives one view", () => {
  const recipe = recipeOf({ roi: [2, 2, 2], templates: false });
  const [{ views }] = samples(volumesOf([2, 2, 2], { channels: 3, templates: 0 }), recipe, 1);
  assert.deepEqual(views.map((v) => v.length), [24]);
});

Deno.test("drawSample() hides half of a single modality's blocks behind the template, other ones in each view", () => {
  const roi = [16, 16, 24] as const;
  const recipe = recipeOf({ roi, flips: "joint" });
  const hidden = samples(volumesOf(roi), recipe, 8).map(({ views }) =>
    views.map((view) => {
      const block = (x: number, y: number, z: number) => view[(8 * x * 16 + 8 * y) * 24 + 8 * z] < 0;
      const blocks = [0, 1].flatMap((x) => [0, 1].flatMap((y) => [0, 1, 2].map((z) => block(x, y, z))));
      assert.equal(blocks.filter(Boolean).length, 6);
      assert.equal(view.filter((v) => v < 0).length, 6 * 512, "whole blocks");
      return String(blocks);
    })
  );
  assert.ok(hidden.some(([a, b]) => a !== b));
});

Deno.test("keptBlocks() keeps as many blocks as docs/method F.3 and F.4 count", () => {
  const kept = (rate: number) =>
    keptBlocks([96, 96, 96], { rate, blockVox: 8, random: new Random(1) }).reduce((a, b) => a + b);
  assert.deepEqual([0.75, 0.8, 0.85, 0.875].map(kept), [432, 345, 259, 216]);
  assert.deepEqual([0.8, 0.875].map((rate) => 1728 - kept(rate)), [1383, 1512]);
});

Deno.test("drawSample() shifts, then scales; one draw for all channels and both views", () => {
  const recipe = recipeOf({
    roi: [1, 1, 2],
    intensity: { ...UNCHANGED, shift: 0.1, scale: 0.1 },
    maxReplaced: 0,
    flips: "joint",
    lesionShare: 0,
  });
  const volumes: Croppable = {
    ...volumesOf([1, 1, 2], { channels: 2 }),
    channels: [Float32Array.from([0, 1]), Float32Array.from([0, 1])],
  };
  const draws = samples(volumes, recipe, 500).map(({ views }) => {
    for (const view of views) assert.deepEqual(view, views[0]);
    const [low, high] = [...views[0].subarray(0, 2)].sort((a, b) => a - b);
    assert.deepEqual(views[0].subarray(0, 2), views[0].subarray(2));
    const gain = high - low;
    return { gain: gain - 1, shift: low / gain };
  });
  for (const key of ["gain", "shift"] as const) {
    const values = draws.map((d) => d[key]);
    assert.ok(Math.max(...values) < 0.1 + 1e-6 && Math.max(...values) > 0.095, `${key} up to ${Math.max(...values)}`);
    assert.ok(Math.min(...values) > -0.1 - 1e-6 && Math.min(...values) < -0.095, `${key} from ${Math.min(...values)}`);
    assertShare(values.filter((v) => v > 0).length, { n: 500, p: 0.5 }, `${key} above 0`);
  }
  const both = draws.filter((d) => d.gain > 0 && d.shift > 0).length;
  assertShare(both, { n: 500, p: 0.25 }, "gain and shift are drawn independently");
});

Deno.test("drawSample() changes every channel by itself where the recipe says so, with a power that keeps 0 and 1", () => {
  const intensity = { shift: 0, scale: 0, gamma: 0.4, perChannel: true };
  const recipe = recipeOf({ roi: [1, 1, 3], intensity, maxReplaced: 0, flips: "joint", lesionShare: 0 });
  const volumes: Croppable = {
    ...volumesOf([1, 1, 3], { channels: 2 }),
    channels: [Float32Array.from([0, 0.5, 1]), Float32Array.from([0, 0.5, 1])],
  };
  const exponents = samples(volumes, recipe, 300).map(({ views: [view] }) => {
    for (const c of [0, 3]) assert.deepEqual([view[c], view[c + 2]].sort(), [0, 1]);
    return [view[1], view[4]].map((v) => Math.log(v) / Math.log(0.5));
  });
  const all = exponents.flat();
  assert.ok(Math.max(...all) < 1.4 + 1e-6 && Math.max(...all) > 1.38, `powers up to ${Math.max(...all)}`);
  assert.ok(Math.min(...all) > 1 / 1.4 - 1e-6 && Math.min(...all) < 0.73, `powers from ${Math.min(...all)}`);
  assert.ok(exponents.every(([a, b]) => a !== b));
});

Deno.test("drawSample() gives the class of a case instead of masks", () => {
  const volumes = { ...volumesOf([4, 4, 4]), regions: [], classTarget: Float32Array.from([0, 1]) };
  const [{ target, views }] = samples(volumes, recipeOf({ roi: [2, 2, 2] }), 1);
  assert.deepEqual([...target], [0, 1]);
  assert.deepEqual(views.map((v) => v.length), [8, 8]);
});

Deno.test("drawSample() draws the same for the same stream", () => {
  const draw = (seed: number) =>
    drawSample(volumesOf([9, 9, 9], { channels: 3 }), recipeOf({ roi: [4, 4, 4] }), new Random(seed));
  assert.deepEqual(draw(3), draw(3));
  assert.notDeepEqual(draw(3), draw(4));
});
