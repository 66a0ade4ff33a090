/**
 * The part of a model package that inference and training share: how volumes become a network's input, and its output a
 * mask or probabilities. Plain data; `registry/` validates it from JSON.
 */
import { familyOf, kindOf, NETWORK_KINDS, type NetworkSpec, type Task as NetworkTask } from "../nets/mod.ts";
import { ANY_MODALITY, type Modality } from "./modalities.ts";

export const TASKS = ["encoder", "segmentation", "classification"] as const satisfies readonly NetworkTask[];
export type Task = NetworkTask;

/** One output region. Regions may overlap; in a label map the later entry of `labels` is written over the earlier. */
export interface Label {
  readonly name: string;
  /** Value in the written mask, 1…65,535. */
  readonly value: number;
  /** Values of a reference label map that belong to this region; default `[value]`. */
  readonly sourceValues?: readonly number[];
  /** CSS hex colour. */
  readonly colour: string;
  /** Least and greatest volume per case, mL, over the training cases that have the label. */
  readonly trainingMl?: { readonly min: number; readonly max: number };
}

export interface Preprocessing {
  /** Target voxel size, mm. */
  readonly spacingMm: readonly [number, number, number];
  /** Intensity mapping of docs/method D.2, per channel. */
  readonly percentiles: { readonly lower: number; readonly upper: number; readonly clip: boolean };
  /** Crop to the box of the foreground of any channel, grown by this many voxels; null: no crop. */
  readonly foregroundMargin: number | null;
  /** Where percentiles are taken: the foreground of a file, whose background becomes 0, or its whole volume (docs/method). */
  readonly percentilesOver: "volume" | "foreground";
  /** Classification: resize to this size, then centre-crop to `inference.roi`. */
  readonly resize?: readonly [number, number, number];
}

/** The pre-processing of BrainMVP's downstream networks (docs/method B.3). */
export const BRAINMVP_PREPROCESSING: Preprocessing = {
  spacingMm: [1, 1, 1],
  percentiles: { lower: 5, upper: 95, clip: false },
  foregroundMargin: 1,
  percentilesOver: "volume",
  resize: [128, 128, 64],
};

export interface InferenceSettings {
  /** Window size, voxels. */
  readonly roi: readonly [number, number, number];
  /** Share of a window that its neighbour covers, 0 ≤ overlap < 1. */
  readonly overlap: number;
  readonly blending: "constant" | "gaussian";
  /** A voxel belongs to a region when sigmoid(logit) ≥ threshold. */
  readonly threshold: number;
}

/** The network that a package holds. */
export type Architecture = NetworkSpec;
/** The kinds of network that a package may hold. */
export const ARCHITECTURE_KINDS = NETWORK_KINDS;

/** The fault of a network's configuration, or null; the graph of a file answers for itself. */
export function wrongArchitecture({ kind, config }: Architecture): string | null {
  if (familyOf(kind).graph === "file") return null;
  try {
    kindOf(kind).net(config);
    return null;
  } catch (error) {
    return (error as TypeError).message;
  }
}

/** The reason why a task cannot have these inputs, or null: {@link ANY_MODALITY} stands alone, and only classifies. */
export function wrongInputs({ task, modalities }: Pick<ModelSpec, "task" | "modalities">): string | null {
  if (!modalities.includes(ANY_MODALITY) || (task === "classification" && modalities.length === 1)) return null;
  return `${ANY_MODALITY} is for classifications of one volume alone`;
}

export interface ModelSpec {
  readonly task: Task;
  readonly architecture: Architecture;
  /** Input channels in order. An encoder lists the modalities it was made for. */
  readonly modalities: readonly Modality[];
  /** Segmentation regions in priority order. */
  readonly labels: readonly Label[];
  /** Classification classes in output order. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly inference: InferenceSettings;
}

/** The part of a spec that decides how its network is imported. */
export type ImportSpec = Pick<ModelSpec, "architecture" | "modalities" | "inference">;
