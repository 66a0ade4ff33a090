import assert from "node:assert/strict";
import { Random } from "../../../tensor/mod.ts";
import type { Modality } from "../../../inference/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import { resolveBrainmvp } from "./presets.ts";
import type { ResolvedBrainmvp } from "./settings.ts";
import {
  drawPretrainingSample,
  grouped,
  meanPredictorError,
  sampleFeeds,
  type SampleOptions,
  templateWindows,
} from "./sample.ts";
import type { Place, PretrainingVolumes } from "../../data/unlabelled_cases.ts";

const STILL = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
const EDGE = resolveBrainmvp({ preset: "edge", roi: [16, 16, 16], mask: { blockVox: 4 } }, 4);

/** Every channel holds its own number. */
function volumesOf(modalities: readonly Modality[], sizeVox: Triple = [20, 16, 12]): PretrainingVolumes {
  const voxels = sizeVox[0] * sizeVox[1] * sizeVox[2];
  const channels = modalities.map((_, i) => new Float32Array(voxels).fill(i + 1));
  return { sizeVox, modalities, channels, centreMm: [0, 0, 0], affineRas: STILL, place: "middle" };
}

function draw(modalities: readonly Modality[], changes: Partial<SampleOptions> = {}, seed = 1) {
  const options = { recipe: EDGE, order: modalities, place: null, templateOnly: false, ...changes };
  return drawPretrainingSample(volumesOf(modalities), { ...options, random: new Random(seed) });
}

const ones = (mask: Float32Array) => mask.reduce((a, b) => a + b, 0);

Deno.test("drawPretrainingSample() shows 345 of 1728 blocks at rate 0.8 and 216 at 0.875 (docs/method F.4 item 6)", () => {
  for (const [rate, shown] of [[0.8, 345], [0.875, 216]] as const) {
    const recipe: ResolvedBrainmvp = { ...EDGE, roi: [96, 96, 96], mask: { rate, blockVox: 8 } };
    const { visible: [first, second] } = draw(["t1", "t2"], { recipe });
    assert.deepEqual([ones(first) / 512, ones(second) / 512], [shown, shown], `masked ${1728 - shown}`);
    assert.notDeepEqual(first, second, "the masks are independent");
    const blocks = new Set<number>();
    first.forEach((v, i) => {
      const [x, y, z] = [i / 9216, (i / 96) % 96, i % 96].map((at) => Math.floor(at / 8));
      if (v === 1) blocks.add((x * 12 + y) * 12 + z);
    });
    assert.equal(blocks.size, shown, "whole blocks");
  }
});

Deno.test("drawPretrainingSample() takes the other modality from the same place of the same case", () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 60; seed++) {
    const { modality, image, other, crossFromTemplate, crossCounts } = draw(["t1", "t2", "flair"], {}, seed);
    assert.deepEqual([crossFromTemplate, crossCounts], [false, true]);
    const own = 1 + ["t1", "t2", "flair"].indexOf(modality);
    assert.deepEqual(new Set(image), new Set([0, own]), "padded along the short axis");
    assert.ok(other.every((v, i) => (v === 0) === (image[i] === 0) && v !== own), "another's voxels there");
    seen.add(`${own} ${Math.max(...other)}`);
  }
  assert.equal(seen.size, 6, "every pair of modalities");
});

Deno.test("drawPretrainingSample() of one modality fills both copies from the template and counts one; early epochs count both", () => {
  const single = draw(["pd"]);
  assert.deepEqual([single.modality, single.crossFromTemplate, single.crossCounts], ["pd", true, false]);
  const early = draw(["t1", "t2"], { templateOnly: true });
  assert.deepEqual([early.crossFromTemplate, early.crossCounts], [true, true]);
  assert.ok(early.other.every((v) => v === 0));
});

Deno.test("drawPretrainingSample() brings cases to four modalities and takes the micro-batch's place", () => {
  const recipe = { ...EDGE, modalitiesPerCase: 4 };
  const order: readonly Modality[] = ["flair", "t1", "t2"];
  for (const [place, expected] of [[0, "flair"], [1, "t1"], [2, "t2"]] as const) {
    assert.equal(draw(order, { recipe, place }).modality, expected);
  }
  assert.ok(order.includes(draw(order, { recipe, place: 3 }).modality), "repeated");
  const six: readonly Modality[] = ["t1", "t1c", "t2", "flair", "dwi", "adc"];
  const found = new Set(Array.from({ length: 200 }, (_, seed) => draw(six, { recipe, place: 0 }, seed).modality));
  assert.equal(found.size, 6, "any four of six");
});

Deno.test("templateWindows() lays the middle of the image on the middle of the template, at any spacing", () => {
  const at = (sizeVox: Triple, start: Triple, changes: Partial<ResolvedBrainmvp>, place: Place = "middle") => {
    const recipe = { ...EDGE, roi: [16, 16, 16] as Triple, ...changes };
    const [x] = templateWindows({ sizeVox, place }, start, recipe);
    const extent = recipe.templates.sizeVox[0];
    // where in the template each voxel of the patch looks; null: nowhere
    return Array.from({ length: 16 }, (_, i) => {
      const row = x.subarray(i * extent, (i + 1) * extent);
      const sum = ones(row);
      return sum === 0 ? null : row.reduce((s, w, k) => s + w * k, 0) / sum;
    });
  };
  const official = {
    templates: { ...EDGE.templates, sizeVox: [240, 240, 155] as Triple, spacingMm: [1, 1, 1] as Triple },
  };
  // docs/method B.2 row 15: crop offset 30 of an image of 180 in a template of 240
  assert.deepEqual(at([180, 180, 150], [30, 0, 0], official), Array.from({ length: 16 }, (_, i) => 60 + i));
  const wide = at([300, 180, 150], [20, 0, 0], official);
  assert.deepEqual([wide[0], wide[9], wide[10], wide[15]], [null, null, 0, 5], "an image may stick out");
  // 2 mm: 96 voxels are 191 of 1 mm; an image of 181 begins 5 of them inside
  const coarse = { templates: { ...EDGE.templates, sizeVox: [96, 96, 96] as Triple, spacingMm: [2, 2, 2] as Triple } };
  assert.deepEqual(at([181, 180, 150], [0, 0, 0], coarse), Array.from({ length: 16 }, (_, i) => (5 + i) / 2));
  // a case twice as large as the templates, whose first voxel lies 100 mm left of their middle
  const placed = at([181, 180, 150], [8, 0, 0], coarse, { originMm: [-100, 0, 0], scale: 2 });
  assert.deepEqual(placed, Array.from({ length: 16 }, (_, i) => 47.5 + (i + 8 - 100) / 4));
  assert.deepEqual(at([181, 180, 150], [0, 0, 0], coarse, "nowhere"), Array(16).fill(null));
});

Deno.test("grouped() and sampleFeeds() put samples of one template behind each other", () => {
  const samples = ["t2", "t1", "t2"].map((m, i) => ({
    ...draw([m as Modality]),
    image: new Float32Array(4096).fill(i),
  }));
  const groups = grouped(samples);
  assert.deepEqual(groups.map((g) => g.map((s) => [s.modality, s.image[0]])), [[["t2", 0], ["t2", 2]], [["t1", 1]]]);
  const feeds = sampleFeeds(groups.flat(), EDGE);
  assert.deepEqual(feeds.image.shape, [3, 1, 16, 16, 16]);
  assert.deepEqual([0, 4096, 8192].map((i) => feeds.image.data[i]), [0, 2, 1]);
  assert.deepEqual([feeds.cropX.shape, feeds.cropZ.shape], [[3, 16, 96], [3, 96, 16]]);
  const [x, z] = [feeds.cropX.data as Float32Array, feeds.cropZ.data as Float32Array];
  const { windows } = groups[0][0];
  assert.equal(x[5 * 96 + 44], windows[0][5 * 96 + 44]);
  assert.equal(z[44 * 16 + 5], windows[2][5 * 96 + 44], "transposed");
  assert.deepEqual([...feeds.crossWeight.data as Float32Array], [0, 0, 0]);
});

Deno.test("meanPredictorError() is the variance of a patch, averaged", () => {
  const sample = draw(["t1"]);
  const alternating = Float32Array.from({ length: 4096 }, (_, i) => i % 2);
  assert.equal(meanPredictorError([{ ...sample, image: alternating }]), 0.25);
  const flat = new Float32Array(4096).fill(0.5);
  assert.equal(meanPredictorError([{ ...sample, image: alternating }, { ...sample, image: flat }]), 0.125);
});
