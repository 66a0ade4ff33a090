/** Jobs, their events and data sets as users see them: plain data, dates as ISO 8601 strings. */
import type { DomainErrorCode } from "../storage/mod.ts";
import type {
  ClassifyResult,
  InferenceErrorCode,
  MissingRule,
  Modality,
  SegmentRequest,
  SegmentResult,
  Warning,
} from "../inference/mod.ts";
import type { Metrics, PretrainingRecipe, Recipe, TrainingError } from "../train/mod.ts";
import type { EngineErrorCode, Provider } from "../engine/mod.ts";

/** Codes that a job or a call of a worker may end with: our own, and those of the work itself. */
export type WorkErrorCode = DomainErrorCode | InferenceErrorCode | EngineErrorCode | TrainingError["code"];

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
  /** Default: the default preset. */
  readonly recipe?: Recipe;
}

/** What a pre-training is asked for (`POST /v1/pretrainings`). */
export interface PretrainingInput {
  /** Data set id; its labels are not looked at, and its cases may lack modalities. */
  readonly dataset: string;
  /** Name of the encoder that gets a candidate version. */
  readonly name: string;
  /** Default: the default preset. */
  readonly recipe?: PretrainingRecipe;
}

/** One segmentation or classification. The image files stay the caller's for a direct call. */
export interface InferenceInput {
  readonly model: string;
  /** Default: the served one. */
  readonly version?: number;
  /** NIfTI files by modality, the first one decides the grid. */
  readonly images: Readonly<Partial<Record<Modality, string>>>;
  readonly missing?: MissingRule;
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
