/** Jobs and their events as plain data, shared by every folder of this room; dates are ISO 8601 strings. */
import type { DomainError, DomainErrorCode } from "../storage/mod.ts";
import type { InferenceErrorCode, Modality, Warning } from "../inference/mod.ts";
import type { FinetunePlan, Metrics, TrainEvent, TrainingError } from "../train/mod.ts";
import type { EngineErrorCode } from "../engine/mod.ts";

/** Codes that a job or a call of a worker may end with: our own, and those of the work itself. */
export type WorkErrorCode = DomainErrorCode | InferenceErrorCode | EngineErrorCode | TrainingError["code"];

/** The queues of jobs. Each has a worker process of its own, which runs one job at a time. */
export const QUEUES = ["training", "inference"] as const;
export type QueueName = (typeof QUEUES)[number];

export const JOB_STATES = ["queued", "running", "succeeded", "failed", "cancelled"] as const;
export type JobState = (typeof JOB_STATES)[number];

export interface JobProgress {
  readonly step: number;
  readonly steps: number;
  readonly epoch?: number;
  readonly loss?: number;
  /** The loss's parts, where it has some. */
  readonly losses?: Readonly<Record<string, number>>;
  readonly learningRate?: number;
  readonly etaSeconds?: number;
  /** "fold 1 of 2", "final", "pre-training", … */
  readonly phase?: string;
}

export interface JobResult<Output = unknown> {
  readonly model: string;
  readonly version: number;
  /** The provider that did the work; absent in records of earlier versions. */
  readonly provider?: string;
  /** Warnings of a training, also which provider could not do it, and why. */
  readonly warnings?: readonly Warning[];
  /** Of a fine-tune by the preset auto: what was planned and done. */
  readonly plan?: FinetunePlan;
  /** The answer of an inference; its mask is a file, see {@link Jobs.resultFile}. */
  readonly output?: Output;
}

/** A job that has succeeded. */
export interface JobOutcome<Output = unknown> {
  readonly result: JobResult<Output>;
  readonly validation?: Metrics;
}

export interface JobError {
  readonly code: string;
  readonly message: string;
}

/** One entry of a job's event log; `id` grows within the log, and `Last-Event-ID` carries it. */
export interface JobEvent {
  readonly id: string;
  readonly type: "progress" | "validation" | "log" | "done";
  readonly data: Readonly<Record<string, unknown>>;
}

/** An event of a running task. The steps of an inference are its windows. */
export type TaskEvent =
  | TrainEvent
  | { readonly type: "progress"; readonly step: number; readonly steps: number }
  /** The check of modalities failed, and the task continued without it. */
  | ({ readonly type: "check-failed" } & CheckFailure);

/** An error by class and code. Its message is left out, because it may quote what belongs to patients. */
export interface CheckFailure {
  readonly error: string;
  readonly code?: string;
}

/** Images in order: the first one decides the grid, and JSON objects in a database do not keep their order. */
export type ImageList = readonly (readonly [Modality, string])[];

/** How a job ended, for whoever waited for it. */
export type Ending =
  | ({ readonly state: "succeeded" } & JobOutcome)
  | { readonly state: "failed"; readonly error: DomainError<WorkErrorCode> }
  | { readonly state: "cancelled" };
