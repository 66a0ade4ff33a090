/** Jobs, their events and data sets as users see them: plain data, dates as ISO 8601 strings. */
import type { ClassifyResult, SegmentRequest, SegmentResult, Warning } from "../inference/types.ts";
import type { Label, Modality } from "../inference/spec.ts";
import type { FinetuneRequest, Metrics, Recipe } from "../train/types.ts";
import type { PretrainingRecipe } from "../train/mod.ts";
import type { Provider } from "../engine/engine.ts";

export const JOB_KINDS = ["finetune", "pretrain", "segment", "classify"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** Whether jobs of this kind train: they have checkpoints and reports, and end with a candidate. */
export function isTraining(kind: JobKind): kind is "finetune" | "pretrain" {
  return kind === "finetune" || kind === "pretrain";
}

export const JOB_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface JobProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch?: number;
  readonly loss?: number;
  /** Its parts, where it has some. */
  readonly losses?: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly etaSeconds?: number;
  /** What is being done: "fold 1 of 2", "final", "windows", … */
  readonly phase?: string;
}

/** A job, as `GET /v1/jobs/{id}` shows it. */
export interface JobRecord {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly progress?: JobProgress;
  readonly validation?: Metrics;
  readonly result?: JobResult;
  readonly error?: { readonly code: string; readonly message: string };
}

export interface JobResult {
  readonly model: string;
  readonly version: number;
  /** What it ran on; absent in records of earlier versions. */
  readonly provider?: string;
  /** What a user should know of a training: also which provider could not do it, and why. */
  readonly warnings?: readonly Warning[];
  /** What a `segment` or `classify` job found; the mask is {@link Jobs.resultFile}. */
  readonly output?: SegmentResult | ClassifyResult;
}

/** One entry of a job's event log; `id` grows within the log and is what `Last-Event-ID` carries. */
export interface JobEvent {
  readonly id: string;
  readonly type: "progress" | "validation" | "log" | "done";
  readonly data: Readonly<Record<string, unknown>>;
}

/** What a fine-tune is asked for (`POST /v1/finetunes`). */
export interface FinetuneInput {
  /** Data set id. */
  readonly dataset: string;
  readonly base: { readonly model: string; readonly version?: number };
  /** Name of the model that gets a candidate version. */
  readonly name: string;
  /** Default: preset "edge". */
  readonly recipe?: Recipe;
}

/** What a pre-training is asked for (`POST /v1/pretrainings`). */
export interface PretrainingInput {
  /** Data set id; its labels are not looked at, and its cases may lack modalities. */
  readonly dataset: string;
  /** Name of the encoder that gets a candidate version. */
  readonly name: string;
  /** Default: preset "edge". */
  readonly recipe?: PretrainingRecipe;
}

/** One segmentation or classification. The image files stay the caller's for a direct call. */
export interface InferenceInput {
  readonly model: string;
  /** Default: the served one. */
  readonly version?: number;
  /** NIfTI files by modality, the first one decides the grid. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  readonly missing?: "error" | "template";
  /** Segmentation only; default "labels". */
  readonly output?: SegmentRequest["output"];
  readonly provider?: Provider | "auto";
}

export interface InferenceOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** What a direct segmentation gives: the file is the caller's to move or delete. */
export interface SegmentOutcome {
  readonly model: string;
  readonly version: number;
  readonly result: SegmentResult;
}
export interface ClassifyOutcome {
  readonly model: string;
  readonly version: number;
  readonly result: ClassifyResult;
}

export type DatasetTask = FinetuneRequest["task"];

/** A region of a data set: `values` of the label maps belong to it. Regions may overlap. */
export interface DatasetLabel {
  readonly name: string;
  readonly values: readonly number[];
  /** Value in written masks; default: one that no later label has. */
  readonly value?: number;
  /** CSS hex colour; default from a palette. */
  readonly colour?: string;
}

/** What a data set is made from (`POST /v1/datasets`). */
export interface DatasetSpec {
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** Segmentation, in priority order (later ones are written over earlier ones). */
  readonly labels?: readonly DatasetLabel[];
  /** Classification. */
  readonly classes?: readonly string[];
}

export interface DatasetSummary {
  readonly id: string;
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: readonly Modality[];
  /** As {@link labelsOf} filled them in: written value, colour. */
  readonly labels: readonly Label[];
  readonly classes: readonly string[];
  readonly createdAt: string;
  readonly caseCount: number;
}

export type CheckCode =
  | "missing-modality"
  | "missing-label"
  | "missing-class"
  /** A modality or the label does not overlap the case's first modality in space. */
  | "no-overlap"
  /** A modality or the label is not on the grid of the case's first modality and is resampled: a warning. */
  | "grids-differ"
  /** The label map holds values that are no whole numbers or belong to no label. */
  | "label-out-of-range"
  /** No voxel belongs to any label: a warning, and an error when it is so in every case. */
  | "label-empty"
  /** An image holds NaN or infinity, which are read as 0: a warning. */
  | "non-finite";

/** What is wrong with a case, or doubtful about it. */
export interface CaseCheck {
  readonly case: string;
  readonly code: CheckCode;
  /** An error keeps the data set from being trained on. */
  readonly severity: "error" | "warning";
  readonly detail: string;
}

export interface DatasetCase {
  readonly case: string;
  readonly patient: string;
  readonly modalities: readonly Modality[];
  readonly hasLabel: boolean;
  readonly class?: string;
}

export interface DatasetDetail extends DatasetSummary {
  readonly cases: readonly DatasetCase[];
  readonly checks: readonly CaseCheck[];
  /** sha256 over every case's files and class; the same data give the same hash. */
  readonly hash: string;
  /** No check is an error and there is a case. */
  readonly ready: boolean;
}

export const DATASET_LAYOUTS = ["nnunet", "brats", "sulcus"] as const;
export type DatasetLayout = (typeof DATASET_LAYOUTS)[number];

export interface ImportedDataset {
  readonly dataset: DatasetDetail;
  readonly layout: DatasetLayout;
  /** Files of the archive that no rule of the layout explains (their number, not their names). */
  readonly ignoredFiles: number;
}
