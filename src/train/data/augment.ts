/** Draws one crop for training: its place, its flips, the templates that stand for modalities, its intensities. */
import type { Random } from "../../tensor/mod.ts";
import { cutWindow, type Triple } from "../../volume/mod.ts";
import { AXES, NO_AUGMENTATION } from "../recipe/augmentation.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { mirroredAxes } from "../recipe/mirror_axes.ts";
import { changedIntensities } from "./augment/kinds.ts";
import { resampled, resampledMasks } from "./augment/resample.ts";
import { drawSpatial, pointsOf, thickAxis } from "./augment/spatial.ts";
import { blockMask, cropStart, joined, keptBlocks } from "./crops.ts";
import type { Croppable } from "./labelled_case.ts";

/** The feeds of a training step: each view [1, C, …roi], the masks [1, L, …roi] or the class [1, K]. */
export interface Sample {
  readonly views: readonly Float32Array[];
  readonly target: Float32Array;
}

/** The case and the first voxel of a crop. */
export interface CropPlace {
  readonly case: number;
  readonly start: Triple;
}

/** A recipe's crops as they are: one view, no mirrors, no change of intensity. */
export const unchanged = (recipe: DrawRecipe): DrawRecipe => ({
  ...recipe,
  templates: false,
  intensity: { shift: 0, scale: 0, gamma: 0, perChannel: false },
  augmentation: NO_AUGMENTATION,
});

/** The settings of a recipe that decide a crop. */
export type DrawRecipe = Pick<
  ResolvedRecipe,
  | "roi"
  | "lesionShare"
  | "labelBalance"
  | "flips"
  | "intensity"
  | "augmentation"
  | "templates"
  | "views"
  | "maxReplaced"
  | "mask"
>;

/** Draws one sample; all randomness comes from `random`. */
export function drawSample(volumes: Croppable, recipe: DrawRecipe, random: Random): Sample {
  return drawSampleAt(volumes, { recipe, start: drawStart(volumes, recipe, random) }, random);
}

/** Draws where a crop lies. */
export function drawStart(volumes: Croppable, recipe: DrawRecipe, random: Random): Triple {
  const around = labelledVoxel(volumes, recipe, random);
  return cropStart(volumes.sizeVox, { roi: recipe.roi, around }, random);
}

/** As {@link drawSample}, of a crop whose place is known. */
export function drawSampleAt(
  volumes: Croppable,
  { recipe, start }: { readonly recipe: DrawRecipe; readonly start: Triple },
  random: Random,
): Sample {
  const flips = drawFlips(recipe, random);
  const { channels, templates, regions } = cutCrop(volumes, { recipe, start, flips, random });
  const change = drawIntensity(channels.length, recipe.intensity, random);
  const views = recipe.templates && templates.length > 0
    ? viewChannels(channels, templates, { recipe, random })
    // templates do not fit this case: the step still takes two views
    : Array.from({ length: recipe.templates ? 2 : 1 }, () => channels);
  return {
    views: views.map((view) => joined(view.map((data, c) => change[c](data)))),
    target: volumes.classTarget ?? new Float32Array(joined(regions)),
  };
}

/** The arrays of a crop. Streams of their own draw the strong changes, so that all other draws are the same without them. */
function cutCrop(
  volumes: Croppable,
  { recipe: { roi, augmentation }, start, flips, random }: {
    readonly recipe: DrawRecipe;
    readonly start: Triple;
    readonly flips: readonly boolean[];
    readonly random: Random;
  },
): Pick<Croppable, "channels" | "templates" | "regions"> {
  const { sizeVox, spacingMm = [1, 1, 1] } = volumes;
  const flip = <T extends Float32Array | Uint8Array>(data: T) => flipped(data, { size: roi, flips });
  const spatial = augmentation && drawSpatial(augmentation, { size: roi, spacingMm }, random.fork("spatial"));
  const points = spatial && pointsOf(spatial, { sizeVox, start, size: roi });
  const cut = <T extends Float32Array | Uint8Array>(data: T) => cutWindow(data, sizeVox, { start, size: roi });
  const image = (data: Float32Array) => points === null ? cut(data) : resampled(data, sizeVox, points);
  const { regions } = volumes;
  const masks = points === null ? regions.map((mask) => cut(mask)) : resampledMasks(regions, sizeVox, points);
  const channels = volumes.channels.map(image);
  const crop = { channels: channels.length, size: roi, thick: thickAxis(spacingMm) };
  const changed = augmentation === null
    ? channels
    : changedIntensities(channels, { augmentation, crop, random: random.fork("intensities") });
  return {
    channels: changed.map(flip),
    templates: volumes.templates.map((template) => flip(image(template))),
    regions: masks.map(flip),
  };
}

type Change = (data: Float32Array) => Float32Array;

/** The change of intensity of every channel, the same for both views. γ leaves negative values alone: they have no power. */
function drawIntensity(
  channels: number,
  { shift, scale, gamma, perChannel }: ResolvedRecipe["intensity"],
  random: Random,
): Change[] {
  const draw = (): Intensity => {
    const add = (2 * random.uniform() - 1) * shift, gain = 1 + (2 * random.uniform() - 1) * scale;
    return { add, gain, exponent: gamma === 0 ? 1 : (1 + gamma) ** (2 * random.uniform() - 1) };
  };
  const shared = perChannel ? null : draw();
  return Array.from({ length: channels }, () => once(shared ?? draw()));
}

interface Intensity {
  readonly add: number;
  readonly gain: number;
  readonly exponent: number;
}

/** Changes an array once, even if both views show it. */
function once(intensity: Intensity): Change {
  const made = new Map<Float32Array, Float32Array>();
  return (data) => {
    const known = made.get(data) ?? changed(data, intensity);
    made.set(data, known);
    return known;
  };
}

/** A loop, because `map` with a function takes twice the time. */
function changed(data: Float32Array, { add, gain, exponent }: Intensity): Float32Array {
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) {
    const v = data[i];
    out[i] = ((v > 0 && exponent !== 1 ? v ** exponent : v) + add) * gain;
  }
  return out;
}

/** A labelled voxel that the crop has to hold; undefined: the crop may lie anywhere. */
function labelledVoxel(
  { sizeVox: [, ny, nz], labelled, labelledOf }: Croppable,
  { lesionShare, labelBalance }: DrawRecipe,
  random: Random,
): Triple | undefined {
  if (random.uniform() >= lesionShare || labelled.length === 0) return undefined;
  const present = labelBalance ? labelledOf.filter(({ length }) => length > 0) : [labelled];
  const voxels = present.length === 1 ? present[0] : present[random.integer(present.length)];
  const at = voxels[random.integer(voxels.length)];
  return [Math.floor(at / (ny * nz)), Math.floor(at / nz) % ny, at % nz];
}

function drawFlips({ flips, augmentation }: DrawRecipe, random: Random): readonly boolean[] {
  const coins = [0, 1, 2].map(() => random.uniform() < 0.5);
  if (flips === "joint") return AXES.map((axis) => (augmentation?.mirror ?? AXES).includes(axis) && coins[0]);
  const axes = mirroredAxes({ flips, augmentation });
  return coins.map((coin, a) => coin && axes.some((axis) => axis === a));
}

/** A copy of `data` reversed along the flagged axes. */
export function flipped<T extends Float32Array | Uint8Array>(
  data: T,
  { size: [nx, ny, nz], flips }: { size: Triple; flips: readonly boolean[] },
): T {
  if (!flips.some(Boolean)) return data;
  const out = new (data.constructor as new (n: number) => T)(data.length);
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const from = (x * ny + y) * nz;
      const to = ((flips[0] ? nx - 1 - x : x) * ny + (flips[1] ? ny - 1 - y : y)) * nz;
      const row = data.subarray(from, from + nz) as T;
      out.set(row, to);
      if (flips[2]) out.subarray(to, to + nz).reverse();
    }
  }
  return out;
}

/** The two views' channels, some of them replaced by their templates (docs/method B.1, B.3 rows 10, 11, 18). */
function viewChannels(
  channels: readonly Float32Array[],
  templates: readonly Float32Array[],
  { recipe, random }: { recipe: DrawRecipe; random: Random },
): Float32Array[][] {
  const [first, second] = viewOrder(channels.length, recipe.views);
  return [first, second].map((order) => {
    if (channels.length === 1) return [maskedByTemplate(channels[0], templates[0], { recipe, random })];
    const most = Math.min(recipe.maxReplaced ?? channels.length - 1, channels.length);
    const replaced = new Set(random.shuffle(order.map((_, i) => i)).slice(0, random.integer(most + 1)));
    return order.map((c, i) => (replaced.has(i) ? templates[c] : channels[c]));
  });
}

/** The source of every channel of the two views. Interleaved: c0 c0 c1 c1 …, cut in half (docs/method B.3 row 11). */
export function viewOrder(channels: number, views: ResolvedRecipe["views"]): [number[], number[]] {
  const all = Array.from({ length: channels }, (_, c) => c);
  if (views === "copies") return [all, all];
  const repeated = all.flatMap((c) => [c, c]);
  return [repeated.slice(0, channels), repeated.slice(channels)];
}

/** A single modality: random blocks of the crop show the template instead of the image (docs/method B.3 row 18). */
function maskedByTemplate(
  image: Float32Array,
  template: Float32Array,
  { recipe: { roi, mask }, random }: { recipe: DrawRecipe; random: Random },
): Float32Array {
  const shown = blockMask(keptBlocks(roi, { ...mask, random }), { roi, blockVox: mask.blockVox });
  const out = template.slice();
  for (let v = 0; v < out.length; v++) if (shown[v] === 1) out[v] = image[v];
  return out;
}

/** Several crops as one batch. */
export function joinedSamples(samples: readonly Sample[]): Sample {
  return {
    views: samples[0].views.map((_, v) => joined(samples.map(({ views }) => views[v]))),
    target: joined(samples.map(({ target }) => target)),
  };
}
