/**
 * Cases for pre-training, prepared once (docs/method B.2.1): any number of modalities, each on a grid of its own, are
 * brought onto one grid, cropped about the middle and mapped to [0, 1]. Methods draw their samples from these.
 */
import { foregroundOf, InferenceError, MODALITIES, type Modality, normalise, readInput } from "../../inference/mod.ts";
import {
  applyAffine,
  type Box,
  crop,
  type Grid,
  gridOverlap,
  latticeBox,
  latticeGrid,
  latticeOf,
  LEAST_OVERLAP,
  perAxis,
  sampleOnto,
  scaleIntensityPercentiles,
  spacingOf,
  type Triple,
  union,
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
  readonly recipe: Pick<PretrainingBase, "spacingMm" | "percentiles" | "percentilesOver">;
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
  const { spacingMm, percentiles, percentilesOver } = recipe;
  return await CaseStore.open({
    directory,
    keys: await Promise.all(
      cases.map(({ images }, i) =>
        caseKey(i, { files: images, settings: ["pretraining", spacingMm, percentiles, percentilesOver] })
      ),
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
 * @throws {InferenceError} a file is no usable volume or is empty, grids do not overlap
 */
export async function preparePretrainingCase(
  { images }: PretrainingCase,
  { spacingMm, percentiles, percentilesOver }: PretrainingCasesOptions["recipe"],
): Promise<PretrainingVolumes> {
  const modalities = MODALITIES.filter((m) => images[m] !== undefined);
  const volumes: Volume[] = [];
  for (const m of modalities) volumes.push(await readInput(images[m]!, m));
  const first = widest(volumes), { lattice, box: field } = latticeOf(volumes[first], { spacingMm });
  const grid = latticeGrid(lattice, field), mapping = { ...percentiles, clip: true };
  const entry = { kind: "percentiles", over: "foreground", ...mapping } as const;
  const apart = volumes.findIndex((volume) => gridOverlap(volume, volumes[first]) < LEAST_OVERLAP);
  if (apart >= 0) {
    throw new InferenceError("no-overlap", `${modalities[apart]} does not overlap ${modalities[first]} in space`);
  }
  const foregrounds = volumes.map((volume, i) => foregroundOf(modalities[i], volume));
  const tissue = volumes.map((volume, i) => latticeBox(lattice, volume, foregrounds[i].box!)).reduce(union);
  const box = middleBox(
    {
      start: perAxis((a) => Math.max(tissue.start[a] - field.start[a], 0)),
      end: perAxis((a) => Math.min(tissue.end[a], field.end[a]) - field.start[a]),
    },
    grid.sizeVox,
  );
  const channels = volumes.map((volume, i): Float32Array => {
    if (percentilesOver === "foreground") normalise([{ image: volume, foreground: foregrounds[i] }], () => entry);
    const whole = { ...grid, data: sampleOnto(volume, grid, { interpolation: "linear" }) };
    const { data } = crop(whole, box);
    return percentilesOver === "volume" ? scaleIntensityPercentiles(data, mapping) : data;
  });
  const { sizeVox, affineRas } = latticeGrid(grid.affineRas, box);
  return {
    sizeVox,
    modalities,
    channels,
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
