/**
 * The part of a model package that inference and training share: how volumes become a network's input, and its output a
 * mask or probabilities. Plain data; `registry/` validates it from JSON.
 */
import { familyOf, kindOf, NETWORK_KINDS, type NetworkSpec, type Task as NetworkTask } from "../nets/mod.ts";
import type { Blending, WindowPlan } from "../volume/mod.ts";
import { ANY_MODALITY, type Modality } from "./modalities.ts";
import type { Preprocessing } from "./preprocessing.ts";
import type { QualitySpec } from "./quality_types.ts";

export const TASKS = ["encoder", "segmentation", "classification"] as const satisfies readonly NetworkTask[];
export type Task = NetworkTask;

/**
 * One output region, in the order of the network's channels. Regions may overlap: in a label map the later one of
 * `paintOrder` is written over the earlier.
 */
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

/** How a segmentation's output is read; the records are `activation/segmentation.ts`. */
export const SEGMENTATION_ACTIVATIONS = [
  "sigmoid",
  "softmax",
  "probabilities",
  "class-probabilities",
  "label-map",
] as const;
export type SegmentationActivation = (typeof SEGMENTATION_ACTIVATIONS)[number];

/** How a classification's output is read; the records are `activation/classification.ts`. */
export const CLASSIFICATION_ACTIVATIONS = ["softmax", "sigmoid", "logit", "probabilities", "values"] as const;
export type ClassificationActivation = (typeof CLASSIFICATION_ACTIVATIONS)[number];

export type Activation = SegmentationActivation | ClassificationActivation;
export const ACTIVATIONS: readonly Activation[] = [
  ...new Set<Activation>([...SEGMENTATION_ACTIVATIONS, ...CLASSIFICATION_ACTIVATIONS]),
];

/** Changes of a finished mask on the file's grid. Parts are connected by faces, edges and corners. */
export type Postprocessing = LargestComponent | SmallestSize | FillHoles;

/** Default: every label. */
interface OfLabels {
  readonly labels?: readonly string[];
}
/** Keeps the largest part of each label, or of the labels together, where a part may consist of several of them. */
export interface LargestComponent extends OfLabels {
  readonly kind: "largest-component";
  readonly together?: boolean;
}
/** Drops the parts of each label, or of the labels together, below a size: one of the two. */
export interface SmallestSize extends OfLabels {
  readonly kind: "smallest-size";
  readonly ml?: number;
  readonly voxels?: number;
  readonly together?: boolean;
}
/** Fills a label's holes: background that no path of faces joins to the border. */
export interface FillHoles extends OfLabels {
  readonly kind: "fill-holes";
}

export interface InferenceSettings extends WindowPlan {
  /** Window size, voxels, in the order of the network's axes. */
  readonly roi: readonly [number, number, number];
  readonly blending: Blending;
  /** A voxel belongs to a region when its probability is at least this; exclusive labels have none. */
  readonly threshold: number;
  /** Default: `sigmoid` for segmentations, `softmax` for classifications. */
  readonly activation?: Activation;
  /** Label values in the order in which overlapping regions are painted, later over earlier; default that of `labels`. */
  readonly paintOrder?: readonly number[];
  /** Axes of the network: the mean of all combinations of windows mirrored along them is taken. Default none. */
  readonly mirrored?: readonly (0 | 1 | 2)[];
  /**
   * The values that are brought from the network's grid to the file's: logits (default, as nnU-Net), or probabilities (as
   * MONAI, where the activation comes before the inversion). Interpolated, the two differ at borders.
   */
  readonly restored?: "logits" | "probabilities";
  /** In this order; default none. */
  readonly postprocessing?: readonly Postprocessing[];
  /** Unit of a regression's values: one for all, or one for each class. */
  readonly unit?: string | readonly string[];
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
  /** Segmentation regions in the order of the network's channels, after that of the background where it has one. */
  readonly labels: readonly Label[];
  /** Classification classes in output order. */
  readonly classes: readonly string[];
  readonly preprocessing: Preprocessing;
  readonly inference: InferenceSettings;
  /** Absent in packages that no fine-tune made, and in those from before it was measured. */
  readonly quality?: QualitySpec | undefined;
}

/** The part of a spec that decides how its network is imported. */
export type ImportSpec = Pick<
  ModelSpec,
  "task" | "architecture" | "modalities" | "labels" | "classes" | "inference"
>;
