/**
 * How a case's files become the input of a network, as plain data. A manifest states it; inference and training obey it.
 * Absent fields mean what they meant before they existed.
 */
import type { Triple } from "../volume/mod.ts";

/**
 * The voxels of a channel that a statistic is taken over. `volume`: all. `nonzero`: those that are not 0, the others stay 0.
 * `mask`: those that are not 0 in any channel and the holes that they enclose, the others stay (nnU-Net's mask).
 * `foreground`: the tissue that is found in the channel's file, the others become 0.
 */
export const STATISTICS_OVER = ["volume", "nonzero", "mask", "foreground"] as const;
export type StatisticsOver = typeof STATISTICS_OVER[number];

type Range = readonly [number, number];

interface Statistic {
  readonly over: StatisticsOver;
  /** One statistic of all channels together (MONAI's `channel_wise: false`); default one of each. */
  readonly joint?: boolean;
}

/** Two percentiles become `to`, default 0 and 1 (MONAI's ScaleIntensityRangePercentiles). */
export interface PercentileNormalisation extends Statistic {
  readonly kind: "percentiles";
  readonly lower: number;
  readonly upper: number;
  readonly to?: Range;
  /** Values beyond the two percentiles become the ends of `to`. */
  readonly clip: boolean;
}

/** The mean becomes 0, the deviation (of the population) 1; a deviation of 0 divides by 1 (MONAI's NormalizeIntensity). */
export interface ZScoreNormalisation extends Statistic {
  readonly kind: "z-score";
  /** Values are limited to these two percentiles before. */
  readonly clipPercentiles?: Range;
}

/** The least value becomes the first of `to`, the greatest the second (MONAI's ScaleIntensity). */
export interface MinMaxNormalisation extends Statistic {
  readonly kind: "min-max";
  readonly to: Range;
}

/** Values are limited to `clip`, then this mean and deviation become 0 and 1 (nnU-Net's CTNormalization). */
export interface FixedNormalisation {
  readonly kind: "fixed";
  readonly mean: number;
  readonly deviation: number;
  readonly clip?: Range;
}

/** Two fixed values become two others (MONAI's ScaleIntensityRange). */
export interface RangeNormalisation {
  readonly kind: "range";
  readonly from: Range;
  readonly to: Range;
  readonly clip: boolean;
}

export type Normalisation =
  | PercentileNormalisation
  | ZScoreNormalisation
  | MinMaxNormalisation
  | FixedNormalisation
  | RangeNormalisation
  | { readonly kind: "none" };

/** Steps between a file and the network's input. */
export const STEPS = ["normalise", "resample", "crop"] as const;
export type Step = typeof STEPS[number];

const OPPOSITES = ["RL", "AP", "SI"] as const;

/** Every order of three things. */
const ORDERS = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] as const;

/** The 48 codes of three axes, as nibabel and MONAI write them: the direction in which each axis grows. */
export const ORIENTATION_CODES: readonly string[] = ORDERS.flatMap((order) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((sides) => order.map((pair, a) => OPPOSITES[pair][sides >> a & 1]).join(""))
);

/** The orders of the axes X, Y, Z. */
export const AXIS_ORDERS: readonly string[] = ORDERS.map((order) => order.map((a) => "XYZ"[a]).join(""));

export const INTERPOLATIONS = ["linear", "cubic", "nearest"] as const;

/**
 * The part of a volume that stays in place when it is resampled. `world`: the voxel nearest to 0 mm, so that an empty margin
 * changes nothing. `origin`: the centre of the first voxel (MONAI's Spacing, which centres oblique files) `extent`: the field of view (skimage's resize,
 * nnU-Net, MONAI's Resize).
 */
export const ALIGNMENTS = ["world", "origin", "extent"] as const;

/**
 * The voxels that the crop keeps. `tissue`: those that are found in the files, whatever their background is; nothing is labelled
 * elsewhere. `nonzero`: the box of what is not 0 in any channel (nnU-Net). `positive`: the box of what is above 0 in any channel
 * (MONAI's CropForeground). `whole`: all. Of the last three every voxel of the box may be labelled.
 */
export const FOREGROUNDS = ["tissue", "nonzero", "positive", "whole"] as const;

export interface Preprocessing {
  /** Voxel size along the network's axes, mm; null: that of the case's first file. */
  readonly spacingMm: Triple | null;
  /** Of all channels where `normalisation` is absent (docs/method D.2). */
  readonly percentiles?: { readonly lower: number; readonly upper: number; readonly clip: boolean };
  /** Where these are taken: the foreground of a file, whose background becomes 0, or its whole volume (docs/method). */
  readonly percentilesOver?: "volume" | "foreground";
  /** One for all channels, or one per channel. */
  readonly normalisation?: readonly Normalisation[];
  /** Default {@link STEPS}: normalised on the file's grid, resampled, cropped. */
  readonly order?: readonly Step[];
  /** The directions of the axes X, Y and Z: one of {@link ORIENTATION_CODES}, default RAS, or `file`: those of the first file. */
  readonly orientation?: string;
  /** The order in which the network has these axes: one of {@link AXIS_ORDERS}, default XYZ. */
  readonly axes?: string;
  /** Of images; default linear. Cubic is a spline with its prefilter, as in scipy and skimage. */
  readonly interpolation?: typeof INTERPOLATIONS[number];
  /** Default `world`. */
  readonly alignment?: typeof ALIGNMENTS[number];
  /**
   * Where the voxels of the file, or those of the network, are longer along one axis than along another by more than the factor
   * `above`, this axis is interpolated so (nnU-Net's separate z).
   */
  readonly separateAxis?: { readonly above: number; readonly interpolation: typeof INTERPOLATIONS[number] };
  /** Crop to the box of the foreground of any channel, grown by this many voxels; null: no crop. */
  readonly foregroundMargin: number | null;
  /** Default `tissue`. */
  readonly foreground?: typeof FOREGROUNDS[number];
  /** Classification: resize to this size, then centre-crop to `inference.roi`. */
  readonly resize?: Triple;
  /** Resize until the volume fits into `resize`, and fill the rest with 0; default: stretch. */
  readonly keepAspect?: boolean;
}

/** The pre-processing of BrainMVP's downstream networks (docs/method B.3). */
export const BRAINMVP_PREPROCESSING = {
  spacingMm: [1, 1, 1],
  percentiles: { lower: 5, upper: 95, clip: false },
  foregroundMargin: 1,
  percentilesOver: "volume",
  resize: [128, 128, 64],
} as const satisfies Preprocessing;

/** The normalisation of a channel. @throws {TypeError} the pre-processing states none */
export function normalisationOf(preprocessing: Preprocessing, channel: number): Normalisation {
  const { normalisation, percentiles, percentilesOver } = preprocessing;
  if (normalisation !== undefined) return normalisation[normalisation.length === 1 ? 0 : channel];
  if (percentiles === undefined || percentilesOver === undefined) {
    throw new TypeError("Cannot normalise: expected normalisation, or percentiles and percentilesOver, got neither");
  }
  return { kind: "percentiles", over: percentilesOver, ...percentiles };
}

/** The fault of a pre-processing for a number of channels, or null. */
export function wrongPreprocessing(preprocessing: Preprocessing, channels: number): string | null {
  const { normalisation, percentiles, percentilesOver, order = STEPS, foreground, foregroundMargin } = preprocessing;
  if (percentiles !== undefined && percentiles.lower >= percentiles.upper) {
    return "percentiles.lower must be below percentiles.upper";
  }
  if (normalisation === undefined && (percentiles === undefined || percentilesOver === undefined)) {
    return "expected normalisation, or percentiles and percentilesOver, got neither";
  }
  if (normalisation !== undefined && normalisation.length !== 1 && normalisation.length !== channels) {
    return `expected one normalisation, or one for each of ${channels} channels, got ${normalisation.length}`;
  }
  if (new Set(order).size !== STEPS.length) {
    return `expected order to have each of ${STEPS.join(", ")} once, got ${order}`;
  }
  if (foreground === "whole" && foregroundMargin !== null) {
    return `expected foregroundMargin null, because the foreground is the whole volume, got ${foregroundMargin}`;
  }
  if (preprocessing.keepAspect && preprocessing.resize === undefined) {
    return "expected resize beside keepAspect, got none";
  }
  const entries = normalisation ?? [normalisationOf(preprocessing, 0)];
  for (const [i, entry] of entries.entries()) {
    const fault = wrongNormalisation(entry, { order, alone: entries.length === 1 });
    if (fault !== null) return `normalisation ${i + 1}: ${fault}`;
  }
  return null;
}

function wrongNormalisation(
  entry: Normalisation,
  { order, alone }: { order: readonly Step[]; alone: boolean },
): string | null {
  const ascending = (name: string, range: Range | undefined) =>
    range === undefined || range[0] < range[1] ? null : `expected ${name} to ascend, got ${range[0]}, ${range[1]}`;
  if (entry.kind === "none") return null;
  if (entry.kind === "fixed") return ascending("clip", entry.clip);
  if (entry.kind === "range") return ascending("from", entry.from) ?? ascending("to", entry.to);
  if (entry.joint && !alone) return "expected one normalisation for all channels beside joint, got several";
  if (entry.over === "foreground" && order[0] !== "normalise") {
    return "expected normalise first in order, because the foreground is found in whole files";
  }
  if (entry.kind === "min-max") return ascending("to", entry.to);
  if (entry.kind === "z-score") return ascending("clipPercentiles", entry.clipPercentiles);
  return ascending("lower and upper", [entry.lower, entry.upper]) ?? ascending("to", entry.to);
}
