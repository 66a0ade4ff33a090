import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { applyAffine, perAxis, type Triple } from "../../volume/mod.ts";
import { classifierInput } from "./classifier_input.ts";
import { labelOnGrid } from "./label.ts";
import { prepare, type Prepared, readLabel } from "./preprocess.ts";
import type { Modality } from "../modalities.ts";
import type { Preprocessing } from "../preprocessing.ts";
import type { ModelSpec } from "../spec.ts";
import { InferenceError } from "../types.ts";

const PREPROCESSING: Preprocessing = {
  spacingMm: [1, 1, 1],
  percentiles: { lower: 5, upper: 95, clip: false },
  foregroundMargin: null,
  percentilesOver: "volume",
};

const specOf = (modalities: readonly Modality[], changes: Partial<Preprocessing> = {}) => ({
  modalities,
  preprocessing: { ...PREPROCESSING, ...changes },
});

/** A percentile as numpy computes it. */
function percentile(values: ArrayLike<number>, q: number): number {
  const sorted = Array.from(values).sort((a, b) => a - b);
  const at = q / 100 * (sorted.length - 1), low = Math.floor(at);
  return sorted[low] + (sorted[Math.min(low + 1, sorted.length - 1)] - sorted[low]) * (at - low);
}

/** Asserts that channel `c` holds `valueAt` at every voxel centre, within 1e-4. */
function assertChannel(prepared: Prepared, c: number, valueAt: (mm: Triple) => number): void {
  const expected = sampled(prepared.grid, valueAt), actual = prepared.channels[c];
  assert.equal(actual.length, expected.length);
  const worst = actual.reduce((w, v, i) => (Math.abs(v - expected[i]) > Math.abs(actual[w] - expected[w]) ? i : w), 0);
  const miss = Math.abs(actual[worst] - expected[worst]);
  assert.ok(miss <= 1e-4, `channel ${c}, voxel ${worst}: ${actual[worst]}, expected ${expected[worst]}`);
}

/** Linear in space: trilinear interpolation keeps it. */
const slope = ([x, y, z]: Triple) => 100 + 2 * x - 3 * y + 5 * z;

const refused = (code: string, message: string | RegExp) => (error: unknown) => {
  assert.ok(error instanceof InferenceError, String(error));
  assert.equal(error.code, code);
  if (typeof message === "string") assert.equal(error.message, message);
  else assert.match(error.message, message);
  return true;
};

Deno.test("prepare() takes percentiles of the file's voxels, then brings the volume to RAS and the target spacing", () =>
  inFolder(async (folder) => {
    for (const code of ["RAS", "LAS", "PSR", "IRP"]) {
      const grid = orientedGrid([9, 6, 7], { code, spacingMm: [2, 1, 3], originMm: [-20, 33, 5] });
      const data = sampled(grid, slope);
      const [low, high] = [percentile(data, 5), percentile(data, 95)];
      const t1 = await writeVolume(join(folder, `${code}.nii.gz`), grid, data);
      const prepared = await prepare({ spec: specOf(["t1"]), images: { t1 } });
      assert.deepEqual(prepared.grid, prepared.uncropped);
      const sizes: Record<string, Triple> = { RAS: [17, 6, 19], LAS: [17, 6, 19], PSR: [19, 17, 6], IRP: [6, 19, 17] };
      assert.deepEqual(prepared.grid.sizeVox, sizes[code], code);
      assertChannel(prepared, 0, (mm) => (slope(mm) - low) / (high - low));
      assert.deepEqual(prepared.reference.grid, grid);
      assert.deepEqual(prepared.warnings, []);
    }
  }));

Deno.test("assertChannel() fails when a volume lies elsewhere", () => {
  const grid = orientedGrid([3, 3, 3]);
  const prepared = { grid, channels: [sampled(grid, slope)] } as unknown as Prepared;
  assertChannel(prepared, 0, slope);
  assert.throws(() => assertChannel(prepared, 0, ([x, y, z]) => slope([x, y, z + 1])), /channel 0, voxel 0: 100/);
});

/** 10 inside a box of millimetres, 0 outside. */
const block = (low: Triple, high: Triple) => (mm: Triple) => mm.every((v, a) => v >= low[a] && v <= high[a]) ? 10 : 0;

Deno.test("prepare() crops to the foreground of any channel, grown by the margin, beyond the field of view too", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([20, 20, 20]);
    const images = {
      t1: await writeVolume(join(folder, "a.nii"), grid, sampled(grid, block([4, 5, 0], [6, 8, 3]))),
      flair: await writeVolume(join(folder, "b.nii"), grid, sampled(grid, block([5, 6, 2], [12, 6, 2]))),
    };
    const of = async (foregroundMargin: number) =>
      (await prepare({ spec: specOf(["t1", "flair"], { foregroundMargin }), images })).box;
    assert.deepEqual(await of(0), { start: [4, 5, 0], end: [13, 9, 4] });
    assert.deepEqual(await of(2), { start: [2, 3, -2], end: [15, 11, 6] });
    const { grid: cropped, uncropped } = await prepare({
      spec: specOf(["t1", "flair"], { foregroundMargin: 1 }),
      images,
    });
    assert.deepEqual(applyAffine(cropped.affineRas, [0, 0, 0]), [3, 4, -1]);
    assert.deepEqual(uncropped, grid);
  }));

Deno.test("prepare() can take percentiles over the foreground instead; the background becomes 0", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([10, 10, 10]);
    const valueAt = ([x, y, z]: Triple) => (x >= 2 && x < 8 && y >= 2 && y < 8 && z >= 2 && z < 8 ? 50 + x * x : 0);
    const data = sampled(grid, valueAt);
    const t1 = await writeVolume(join(folder, "a.nii"), grid, data);
    const spec = specOf(["t1"], { foregroundMargin: 1, percentilesOver: "foreground" });
    const prepared = await prepare({ spec, images: { t1 } });
    const inside = data.filter((v) => v > 0);
    const [low, high] = [percentile(inside, 5), percentile(inside, 95)];
    assertChannel(prepared, 0, (mm) => valueAt(mm) === 0 ? 0 : (valueAt(mm) - low) / (high - low));
    assert.deepEqual(prepared.box, { start: [1, 1, 1], end: [9, 9, 9] });
  }));

Deno.test("prepare() brings each volume to one grid by its own affine, with a warning, whatever the order of the files", () =>
  inFolder(async (folder) => {
    const first = orientedGrid([10, 12, 8], { code: "LPS", originMm: [9, 11, 0] });
    const other = orientedGrid([9, 16, 7], { code: "SAR", spacingMm: [1, 1, 2], originMm: [-2, -2, -1] });
    const images = {
      flair: await writeVolume(join(folder, "f.nii.gz"), first, sampled(first, slope)),
      t1: await writeVolume(join(folder, "t.nii.gz"), other, sampled(other, slope)),
    };
    const spec = specOf(["t1", "flair"], { percentiles: { lower: 0, upper: 100, clip: false } });
    const prepared = await prepare({ spec, images });
    assert.deepEqual(prepared.warnings, [
      { code: "grids-differ", detail: "flair is not on the grid of t1: each was resampled once, by its own position" },
    ]);
    assert.deepEqual(prepared.reference.grid, first);
    for (const [c, grid] of [other, first].entries()) {
      const values = sampled(grid, slope), low = Math.min(...values), high = Math.max(...values);
      const ends = [[0, 0, 0] as const, perAxis((a) => grid.sizeVox[a] - 1)].map((v) => applyAffine(grid.affineRas, v));
      const isOutside = (mm: Triple) => mm.some((v, a) => (v - ends[0][a]) * (v - ends[1][a]) > 0);
      assertChannel(prepared, c, (mm) => isOutside(mm) ? 0 : (slope(mm) - low) / (high - low));
    }
    const swapped = await prepare({ spec, images: { t1: images.t1, flair: images.flair } });
    assert.deepEqual(swapped.reference.grid, other);
    assert.deepEqual(swapped.channels, prepared.channels, "the order of the files decides nothing");
    const chosen = await prepare({ spec, images, reference: "t1" });
    assert.deepEqual([chosen.reference.grid, chosen.channels], [other, prepared.channels]);
  }));

Deno.test("prepare() refuses volumes that share no space, missing, unknown and unreadable modalities", () =>
  inFolder(async (folder) => {
    const near = orientedGrid([8, 8, 8]), far = orientedGrid([8, 8, 8], { originMm: [500, 0, 0] });
    const secret = "surname^forename";
    const t1 = await writeVolume(join(folder, `${secret}.nii`), near, sampled(near, slope));
    const t2 = await writeVolume(join(folder, "far.nii"), far, sampled(far, slope));
    const broken = join(folder, `${secret}-2.nii.gz`);
    await Deno.writeTextFile(broken, "not a volume");
    const spec = specOf(["t1", "t2"]);
    await assert.rejects(
      prepare({ spec, images: { t1, t2 } }),
      refused("no-overlap", "Cannot combine t2 with t1: they share 0 % of their space, expected at least 5 %"),
    );
    const missing = "Cannot run the model: it takes t1, t2; missing: ";
    await assert.rejects(prepare({ spec, images: { t1 } }), refused("missing-modality", `${missing}t2`));
    await assert.rejects(prepare({ spec, images: {} }), refused("missing-modality", `${missing}t1, t2`));
    await assert.rejects(
      prepare({ spec, images: {}, templates: { directory: folder } }),
      refused("missing-modality", `${missing}t1, t2`),
    );
    await assert.rejects(
      prepare({ spec, images: { t1, t2, dwi: t1 } }),
      refused("unknown-modality", "Cannot use dwi: the model takes t1, t2"),
    );
    await assert.rejects(prepare({ spec, images: { t1, t2: broken } }), (error) => {
      assert.ok(error instanceof InferenceError && error.code === "invalid-volume");
      assert.match(error.message, /^t2: Cannot read/);
      assert.ok(!error.message.includes(secret), "a file's name may be a patient's");
      return true;
    });
  }));

Deno.test("prepare() names the templates that there are where a modality is missing, and how to use them", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "templates"));
    const grid = orientedGrid([8, 8, 8]), volume = sampled(grid, slope);
    const t1 = await writeVolume(join(folder, "a.nii"), grid, volume);
    const spec = specOf(["t1", "t2", "flair"]), images = { t1 }, directory = folder;
    const start = "Cannot run the model: it takes t1, t2, flair; missing: t2, flair";
    await assert.rejects(prepare({ spec, images, directory }), refused("missing-modality", start));
    await writeVolume(join(folder, "templates", "t2.nii.gz"), grid, volume);
    await assert.rejects(
      prepare({ spec, images, directory }),
      refused("missing-modality", `${start}. It has templates of t2 alone`),
    );
    await writeVolume(join(folder, "templates", "flair.nii.gz"), grid, volume);
    await assert.rejects(
      prepare({ spec, images, directory }),
      refused("missing-modality", `${start}. It has templates of t2, flair: missing = template lets them stand in`),
    );
  }));

Deno.test("prepare() puts the model's template in the place of a missing modality, centred where it has no other", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "templates"));
    const atlas = orientedGrid([12, 12, 12]);
    await writeVolume(
      join(folder, "templates", "flair.nii.gz"),
      atlas,
      sampled(atlas, ([x, y, z]) => 144 * x + 12 * y + z),
    );
    const grid = orientedGrid([8, 10, 6], { originMm: [700, 0, 0] });
    const t1 = await writeVolume(
      join(folder, "t1.nii"),
      grid,
      sampled(grid, ([x, y, z]) => Number(x > 702 && y > 3 && z > 2)),
    );
    const spec = specOf(["flair", "t1"], { foregroundMargin: 0 });
    const prepared = await prepare({ spec, images: { t1 }, templates: { directory: folder } });
    assert.deepEqual(prepared.box.start, [3, 4, 3]);
    // centred: the case's voxel (0, 0, 0) lies on the template's (2, 1, 3)
    const first = (144 * (2 + 3) + 12 * (1 + 4) + 3 + 3) / (144 * 11 + 12 * 11 + 11);
    assert.ok(Math.abs(prepared.channels[0][0] - first) < 1e-6, `${prepared.channels[0][0]}, expected ${first}`);
    assert.equal(prepared.channels[0].length, prepared.channels[1].length);
    assert.deepEqual(prepared.warnings, [
      {
        code: "template-substituted",
        detail:
          "flair is missing; the model's template stands in, its middle on the middle of the image, because it could " +
          "not be laid on the anatomy (the model has no template of what is there)",
      },
    ]);
    await assert.rejects(
      prepare({ spec: specOf(["t1", "t2"]), images: { t1 }, templates: { directory: folder } }),
      refused("template-missing", "Cannot stand in for t2: the model has no template of it"),
    );
  }));

Deno.test("prepare() reads voxels that are no numbers as 0 and counts them", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([4, 4, 4]);
    const data = sampled(grid, slope);
    data[5] = NaN;
    data[6] = Infinity;
    const t1 = await writeVolume(join(folder, "a.nii"), grid, data);
    const { channels, warnings } = await prepare({ spec: specOf(["t1"]), images: { t1 } });
    assert.ok(channels[0].every(Number.isFinite));
    assert.deepEqual(warnings, [{ code: "non-finite", detail: "t1: 2 voxels are no numbers and read as 0" }]);
  }));

Deno.test("prepare() refuses volumes that are empty or constant, by name, dust and a stray voxel included", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([9, 8, 7]), voxels = 9 * 8 * 7;
    const t1 = await writeVolume(join(folder, "a.nii"), grid, sampled(grid, slope));
    const nothing = {
      zeros: new Float32Array(voxels),
      "one value": new Float32Array(voxels).fill(7),
      dust: Float32Array.from({ length: voxels }, (_, i) => i % 3 * 5e-27),
      "a stray voxel": new Float32Array(voxels).fill(300, 100, 101),
      "rounding of one value": Float32Array.from({ length: voxels }, (_, i) => 1000 + i % 2 * 1e-4),
    };
    for (const [what, data] of Object.entries(nothing)) {
      const t2 = await writeVolume(join(folder, "b.nii"), grid, data);
      for (const percentilesOver of ["volume", "foreground"] as const) {
        const spec = specOf(["t1", "t2"], { foregroundMargin: 1, percentilesOver });
        await assert.rejects(
          prepare({ spec, images: { t1, t2 } }),
          refused("invalid-volume", /^t2: the volume shows nothing: expected tissue/),
          what,
        );
      }
    }
  }));

/** The first octant of space. */
const octant = (mm: Triple) => Number(mm.every((v) => v >= 0));

Deno.test("readLabel() and labelOnGrid() bring a label map onto the network's grid, whatever grid it has", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([16, 12, 10], { code: "PSR", spacingMm: [1, 2, 1], originMm: [-5, 8, -10] });
    const t1 = await writeVolume(join(folder, "a.nii"), grid, sampled(grid, (mm) => 1 + octant(mm)));
    const prepared = await prepare({ spec: specOf(["t1"]), images: { t1 } });
    const expected = sampled(prepared.grid, octant);
    for (const labelGrid of [grid, orientedGrid([40, 40, 40], { originMm: [-20, -20, -20] })]) {
      const path = await writeVolume(join(folder, "label.nii"), labelGrid, Uint8Array.from(sampled(labelGrid, octant)));
      const [{ mask: label }] = labelOnGrid(await readLabel(path, prepared), prepared.grid, [{ value: 1 }]);
      assert.equal(label.length, expected.length);
      // the grid has voxels of 2 mm along A: between two of them, either label is right
      const wrong = label.filter((v, i) => v !== expected[i]).length;
      assert.ok(wrong <= label.length * 0.05, `${wrong} of ${label.length} voxels differ`);
      assert.ok(label.includes(1) && label.includes(0));
    }
  }));

Deno.test("readLabel() and labelOnGrid() are exact where the label map has the images' grid and the spacing is kept", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([9, 7, 5], { code: "ILA", originMm: [4, -3, 2] });
    const values = Float32Array.from({ length: 9 * 7 * 5 }, (_, i) => i % 5);
    const t1 = await writeVolume(join(folder, "a.nii"), grid, values);
    const prepared = await prepare({
      spec: specOf(["t1"], { percentiles: { lower: 0, upper: 100, clip: false } }),
      images: { t1 },
    });
    const label = await readLabel(await writeVolume(join(folder, "l.nii"), grid, values), prepared);
    const found = labelOnGrid(label, prepared.grid, [1, 2, 3, 4].map((value) => ({ value })));
    const together = prepared.channels[0].map((_, i) => found.reduce((sum, { mask }, k) => sum + mask[i] * (k + 1), 0));
    assert.deepEqual(together.map((v) => v / 4), prepared.channels[0]);
  }));

Deno.test("readLabel() refuses a label map that lies elsewhere or is none", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([6, 6, 6]), far = orientedGrid([6, 6, 6], { originMm: [0, 0, 300] });
    const t1 = await writeVolume(join(folder, "a.nii"), grid, sampled(grid, slope));
    const prepared = await prepare({ spec: specOf(["t1"]), images: { t1 } });
    const elsewhere = await writeVolume(join(folder, "l.nii"), far, sampled(far, octant));
    await assert.rejects(
      readLabel(elsewhere, prepared),
      refused(
        "no-overlap",
        "Cannot combine the label map with the images: they share 0 % of their space, expected at least 5 %",
      ),
    );
    await Deno.writeTextFile(elsewhere, "none");
    await assert.rejects(
      readLabel(elsewhere, prepared),
      refused("invalid-volume", /^label: Cannot read/),
    );
  }));

const inference = (roi: Triple): ModelSpec["inference"] => ({
  roi,
  overlap: 0.5,
  blending: "constant",
  threshold: 0.5,
});

Deno.test("classifierInput() resizes every channel and takes the centre", () => {
  const grid = orientedGrid([4, 4, 4]);
  const channels = [sampled(grid, ([x]) => x), sampled(grid, ([, y]) => 10 + y)];
  const spec = { preprocessing: { ...PREPROCESSING, resize: [8, 4, 4] as const }, inference: inference([4, 2, 2]) };
  const input = classifierInput({ channels, grid }, spec);
  // half-pixel resize of 0, 1, 2, 3 to eight: 0, .25, .75, 1.25, 1.75, 2.25, 2.75, 3; the middle four
  const xs = [0.75, 1.25, 1.75, 2.25];
  assert.deepEqual([...input.subarray(0, 16)], xs.flatMap((x) => [x, x, x, x]));
  assert.deepEqual([...input.subarray(16)], xs.flatMap(() => [11, 11, 12, 12]));
});

Deno.test("classifierInput() pads on both sides where the window is larger than the resized volume", () => {
  const grid = orientedGrid([2, 2, 2]);
  const channels = [sampled(grid, ([x, y, z]) => 1 + 4 * x + 2 * y + z)];
  const spec = { preprocessing: { ...PREPROCESSING, resize: [2, 2, 2] as const }, inference: inference([2, 1, 5]) };
  // along y the centre of two is the second; along z one 0 in front and two behind
  assert.deepEqual([...classifierInput({ channels, grid }, spec)], [0, 3, 4, 0, 0, 0, 7, 8, 0, 0]);
});
