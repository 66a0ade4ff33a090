/**
 * Cases for pre-training, prepared once (docs/method B.2.1): any number of modalities, each on a grid of its own, are
 * brought onto one grid, cropped about the middle and mapped to [0, 1]. Methods draw their samples from these.
 */
import { InferenceError, MODALITIES, type Modality, readInput } from "../../inference/mod.ts";
import {
  applyAffine,
  type Box,
  boxSize,
  crop,
  foregroundBox,
  type Grid,
  type GridImage,
  gridOverlap,
  LEAST_OVERLAP,
  perAxis,
  resampleSpacing,
  resampleToGrid,
  sameGrid,
  scaleIntensityPercentiles,
  spacingOf,
  toRas,
  type Triple,
  type Volume,
  voxelsOf,
} from "../../volume/mod.ts";
import { caseKey, CaseStore } from "./case_store.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import type { PretrainingCase } from "../types.ts";

/** A case ready for cropping: arrays [X, Y, Z] of one size, RAS. */
export interface PretrainingVolumes {
  readonly sizeVox: Triple;
  readonly modalities: readonly Modality[];
  /** In the order of `modalities`, intensities in [0, 1]. */
  readonly channels: readonly Float32Array[];
  /** Where the middle of the arrays lies, RAS millimetres of the files. */
  readonly centreMm: Triple;
}

export interface PretrainingCasesOptions {
  readonly cases: readonly PretrainingCase[];
  readonly recipe: Pick<PretrainingBase, "spacingMm" | "percentiles">;
  readonly directory: string;
  readonly onCase?: (done: number, total: number) => void;
  readonly cacheBytes?: number;
}

/**
 * Prepares every case that is not on disk yet.
 * @throws {TrainingError} `invalid-data`: a case's volumes cannot be used, naming the case's number
 */
export async function openPretrainingCases(
  { cases, recipe, directory, onCase, cacheBytes }: PretrainingCasesOptions,
): Promise<CaseStore<PretrainingVolumes>> {
  const { spacingMm, percentiles } = recipe;
  return await CaseStore.open({
    directory,
    keys: await Promise.all(
      cases.map(({ images }, i) => caseKey(i, { files: images, settings: ["pretraining", spacingMm, percentiles] })),
    ),
    prepare: (i) => preparePretrainingCase(cases[i], recipe),
    pack: ({ sizeVox, modalities, centreMm, channels }) => ({
      header: { modalities, centreMm },
      sizeVox,
      floats: channels,
      masks: [],
    }),
    unpack: ({ header, sizeVox, floats }) => ({ ...header, sizeVox, channels: floats }),
    cacheBytes,
    onCase,
  });
}

/**
 * Reads one case.
 * @throws {InferenceError} a file is no usable volume, grids do not overlap, or there is nothing but background
 */
export async function preparePretrainingCase(
  { images }: PretrainingCase,
  { spacingMm, percentiles }: Pick<PretrainingBase, "spacingMm" | "percentiles">,
): Promise<PretrainingVolumes> {
  const modalities = MODALITIES.filter((m) => images[m] !== undefined);
  const volumes: Volume[] = [];
  for (const m of modalities) volumes.push(await readInput(images[m]!, m));
  const first = widest(volumes);
  const reference = resampleSpacing(toRas(volumes[first]), spacingMm, "linear");
  const placed = volumes.map((volume, i): GridImage => {
    if (i === first) return reference;
    if (sameGrid(volume, volumes[first])) return resampleSpacing(toRas(volume), spacingMm, "linear");
    if (gridOverlap(volume, volumes[first]) < LEAST_OVERLAP) {
      throw new InferenceError("no-overlap", `${modalities[i]} does not overlap ${modalities[first]} in space`);
    }
    return resampleToGrid(volume, { sizeVox: reference.sizeVox, affineRas: reference.affineRas });
  });
  const once = cropAboutMiddle(placed);
  const mapped = once.map((v) => ({ ...v, data: scaleIntensityPercentiles(v.data, { ...percentiles, clip: true }) }));
  const twice = cropAboutMiddle(mapped);
  const { sizeVox, affineRas } = twice[0];
  return {
    sizeVox,
    modalities,
    channels: twice.map((v) => v.data),
    centreMm: applyAffine(affineRas, perAxis((axis) => (sizeVox[axis] - 1) / 2)),
  };
}

/** The volume that covers most space: the others are cut to it or padded. */
function widest(volumes: readonly Grid[]): number {
  const extents = volumes.map((v) => voxelsOf(v.sizeVox) * spacingOf(v.affineRas).reduce((a, s) => a * s, 1));
  return extents.indexOf(Math.max(...extents));
}

/** The foreground's box, grown until it is symmetric about the middle of the image (docs/method B.2.1). */
export function middleBox(foreground: Box, sizeVox: Triple): Box {
  const half = [0, 1, 2].map((a) =>
    Math.max(Math.abs(foreground.start[a] - sizeVox[a] / 2), Math.abs(foreground.end[a] - sizeVox[a] / 2))
  );
  const at = (sign: number) => perAxis((axis) => Math.trunc(sizeVox[axis] / 2 + sign * half[axis]));
  return { start: at(-1), end: at(1) };
}

function cropAboutMiddle(images: readonly GridImage[]): GridImage[] {
  const { sizeVox } = images[0];
  const foreground = foregroundBox(images.map((v) => v.data), sizeVox, 0);
  if (foreground === null) throw new InferenceError("invalid-volume", "there is nothing but background");
  const box = middleBox(foreground, sizeVox);
  return boxSize(box).every((n, a) => n === sizeVox[a]) ? [...images] : images.map((v) => crop(v, box));
}
