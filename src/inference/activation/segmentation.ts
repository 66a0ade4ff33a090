/**
 * How a segmentation's output is read: one record an activation, from the channels of a voxel to the labels that it
 * belongs to and their probabilities. Where no window was run, every channel is −Infinity: background in each of them.
 */
import type { ModelSpec, SegmentationActivation } from "../spec.ts";
import { InferenceError } from "../types.ts";
import { isApplied } from "./probable.ts";
import { cutOf, sigmoid, softmaxOf } from "./functions.ts";

/** A voxel's values, read. */
export interface VoxelReader {
  /** Writes the indexes of the voxel's labels, ascending, into `found`, which holds one a label; returns their number. */
  readonly labelsOf: (values: Float32Array, found: Uint8Array) => number;
  /** Writes the probability of each label. */
  readonly probabilitiesOf: (values: Float32Array, into: Float32Array) => void;
  /** True: every label's probability is below {@link NEGLIGIBLE}, which is found out without taking exponentials. */
  readonly isPlain: (values: Float32Array) => boolean;
}

/** Most voxels of a volume have no label, and their probabilities need not be known. */
export const NEGLIGIBLE = 1e-4;
const NEGLIGIBLE_LOGIT = Math.log(NEGLIGIBLE);

export interface SegmentationRecord {
  /** Number of channels of a network for so many labels. */
  readonly channels: (labels: number) => number;
  /** The channels in words, for messages. */
  readonly channelsAre: string;
  /** True: a voxel belongs to one label at most. */
  readonly exclusive: boolean;
  /** True: values name labels, so that they are neither averaged nor interpolated. */
  readonly areNames: boolean;
  /** Least and greatest value, where other ones show that the output is no such thing. */
  readonly range?: readonly [number, number];
  readonly reader: (spec: Pick<ModelSpec, "labels" | "inference">) => VoxelReader;
}

/** What rounding may add to a probability on a device of half precision. */
const ROUNDING = 1e-2;
const PROBABLE = [0 - ROUNDING, 1 + ROUNDING] as const;

/** One channel a label, each decided alone. */
function perLabel(
  { cut, negligible }: { cut: number; negligible: number },
  probabilityOf: (value: number) => number,
): VoxelReader {
  return {
    isPlain(values) {
      for (let c = 0; c < values.length; c++) if (!(values[c] < negligible)) return false;
      return true;
    },
    labelsOf(values, found) {
      let count = 0;
      for (let c = 0; c < values.length; c++) if (values[c] >= cut) found[count++] = c;
      return count;
    },
    probabilitiesOf(values, into) {
      for (let c = 0; c < values.length; c++) into[c] = probabilityOf(values[c]);
    },
  };
}

/** The background's channel, then one a label: the greatest wins, the earlier one of equals. */
function greatest({ probabilitiesOf, isPlain }: Pick<VoxelReader, "probabilitiesOf" | "isPlain">): VoxelReader {
  return {
    isPlain,
    labelsOf(values, found) {
      let best = 0;
      for (let c = 1; c < values.length; c++) if (values[c] > values[best]) best = c;
      if (best === 0) return 0;
      found[0] = best - 1;
      return 1;
    },
    probabilitiesOf,
  };
}

/** Probabilities of classes, without that of the background. */
const BEHIND_FIRST = {
  probabilitiesOf(values: Float32Array, into: Float32Array): void {
    for (let c = 0; c < into.length; c++) into[c] = Math.max(0, values[c + 1]);
  },
  isPlain(values: Float32Array): boolean {
    for (let c = 1; c < values.length; c++) if (!(values[c] < NEGLIGIBLE)) return false;
    return true;
  },
};

const OF_LOGITS = {
  probabilitiesOf: softmaxOf,
  isPlain(values: Float32Array): boolean {
    // −Infinity in every channel is background
    const below = values[0] + NEGLIGIBLE_LOGIT;
    for (let c = 1; c < values.length; c++) if (!(values[c] < below || values[c] === -Infinity)) return false;
    return true;
  },
};

/** One channel of label values. */
function named(labels: ModelSpec["labels"]): VoxelReader {
  const indexOf = new Map(labels.map(({ value }, i) => [value, i]));
  const labelOf = ([value]: Float32Array) => {
    if (value === 0 || value === -Infinity) return null;
    const index = indexOf.get(value);
    if (index !== undefined) return index;
    throw new InferenceError(
      "invalid-output",
      `Cannot read the network's label map: expected 0 or a label's value (${[...indexOf.keys()].join(", ")}), got ` +
        `${value}; list that label in the manifest, or choose the activation that the network has`,
    );
  };
  return {
    isPlain: (values) => labelOf(values) === null,
    labelsOf(values, found) {
      const label = labelOf(values);
      if (label === null) return 0;
      found[0] = label;
      return 1;
    },
    probabilitiesOf(values, into) {
      const label = labelOf(values);
      for (let c = 0; c < into.length; c++) into[c] = Number(c === label);
    },
  };
}

export const SEGMENTATION_RECORDS: Readonly<Record<SegmentationActivation, SegmentationRecord>> = {
  sigmoid: {
    channels: (labels) => labels,
    channelsAre: "a logit per label",
    exclusive: false,
    areNames: false,
    reader: ({ inference: { threshold, restored } }) =>
      restored === "probabilities"
        ? perLabel({ cut: threshold, negligible: NEGLIGIBLE }, (value) => value)
        : perLabel({ cut: cutOf(threshold), negligible: NEGLIGIBLE_LOGIT }, sigmoid),
  },
  softmax: {
    channels: (labels) => labels + 1,
    channelsAre: "a logit of the background, then one per label",
    exclusive: true,
    areNames: false,
    reader: ({ inference: { restored } }) => greatest(restored === "probabilities" ? BEHIND_FIRST : OF_LOGITS),
  },
  probabilities: {
    channels: (labels) => labels,
    channelsAre: "a probability per label",
    exclusive: false,
    areNames: false,
    range: PROBABLE,
    reader: ({ inference: { threshold } }) =>
      perLabel({ cut: Math.fround(threshold), negligible: NEGLIGIBLE }, (value) => Math.max(0, value)),
  },
  "class-probabilities": {
    channels: (labels) => labels + 1,
    channelsAre: "the probability of the background, then one per label",
    exclusive: true,
    areNames: false,
    range: PROBABLE,
    reader: () => greatest(BEHIND_FIRST),
  },
  "label-map": {
    channels: () => 1,
    channelsAre: "one channel of label values",
    exclusive: true,
    areNames: true,
    reader: ({ labels }) => named(labels),
  },
};

/** The record of a segmentation's activation. */
export function segmentationRecord({ activation = "sigmoid" }: ModelSpec["inference"]): SegmentationRecord {
  return SEGMENTATION_RECORDS[activation as SegmentationActivation];
}

/**
 * A doubt about values that an activation would map to probabilities, where they look like probabilities already: then
 * sigmoid would put every voxel into every label. Null: no doubt.
 */
export function activationDoubt(
  { range, areNames }: SegmentationRecord,
  { least, greatest }: { readonly least: number; readonly greatest: number },
): string | null {
  if (range !== undefined || areNames || !(least >= 0 && greatest <= 1 && greatest > least)) return null;
  const figures = `${least.toPrecision(3)} to ${greatest.toPrecision(3)}`;
  return `the network's output lies between 0 and 1 (${figures}), as probabilities do, but is read as logits; ` +
    "state the activation probabilities or class-probabilities in the manifest";
}

/** A spec's settings of windows and of the values in them. */
export function slidingSettings({ labels, inference }: Pick<ModelSpec, "labels" | "inference">) {
  const { channels, areNames, range } = segmentationRecord(inference);
  const { roi, overlap, placing, blending, mirrored, restored, activation = "sigmoid" } = inference;
  const applied = restored === "probabilities" && isApplied(activation) ? activation : undefined;
  return { roi, overlap, placing, blending, mirrored, applied, channels: channels(labels.length), areNames, range };
}
