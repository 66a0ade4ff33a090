/**
 * The work that happens in worker processes, as messages: what each task is asked, what it tells on the way, what it
 * answers. All of it is JSON.
 */
import type { Provider } from "../../engine/mod.ts";
import type {
  ClassifyResult,
  InferenceRequest,
  Modality,
  SegmentRequest,
  SegmentResult,
  Warning,
} from "../../inference/mod.ts";
import type { FinetuneRequest, FinetuneResult, PretrainRequest, PretrainResult, TrainEvent } from "../../train/mod.ts";

/** Images in order: the first one decides the grid, and JSON objects in a database do not keep their order. */
export type ImageList = readonly (readonly [Modality, string])[];

interface OnDevice {
  readonly provider: Provider | "auto";
}

export type FinetuneParams = OnDevice & Omit<FinetuneRequest, "engine" | "signal" | "onEvent">;

export type PretrainParams = OnDevice & Omit<PretrainRequest, "engine" | "signal" | "onEvent">;

export type ClassifyParams =
  & OnDevice
  & { readonly images: ImageList }
  & Omit<InferenceRequest, "engine" | "signal" | "onProgress" | "onCheckFailed" | "images">;

export type SegmentParams = ClassifyParams & Pick<SegmentRequest, "output" | "outPath">;

/** What a task tells while it runs; windows done are steps. */
export type TaskEvent =
  | TrainEvent
  | { readonly type: "progress"; readonly step: number; readonly steps: number }
  /** The check of modalities failed, and the task went on without. */
  | ({ readonly type: "check-failed" } & CheckFailure);

/** An error by class and code: messages may quote what belongs to patients. */
export interface CheckFailure {
  readonly error: string;
  readonly code?: string;
}

/** What is told of an error. */
export function checkFailureOf(error: unknown): CheckFailure {
  if (!(error instanceof Error)) return { error: typeof error };
  return { error: error.name, ...("code" in error && typeof error.code === "string" && { code: error.code }) };
}

export interface TaskContext {
  /** Aborts when the task is to stop; a training writes its checkpoint first. */
  readonly signal: AbortSignal;
  readonly emit: (event: TaskEvent) => void;
  readonly dataDirectory: string;
}

/** What whoever asked should know beside the result: also which provider could not do it, and why. */
export interface Warned {
  readonly warnings: readonly Warning[];
}

/** What a tasks module exports as `tasks`. */
export interface Tasks {
  finetune(params: FinetuneParams, context: TaskContext): Promise<FinetuneResult & Warned>;
  pretrain(params: PretrainParams, context: TaskContext): Promise<PretrainResult & Warned>;
  segment(params: SegmentParams, context: TaskContext): Promise<SegmentResult>;
  classify(params: ClassifyParams, context: TaskContext): Promise<ClassifyResult>;
}
export type TaskName = keyof Tasks;
export type TaskParams<K extends TaskName> = Parameters<Tasks[K]>[0];
export type TaskResult<K extends TaskName> = Awaited<ReturnType<Tasks[K]>>;

/** Parent → worker, methods `load`, `run` and `cancel`. */
export interface LoadMessage {
  /** URL of the tasks module. */
  readonly tasks: string;
  readonly dataDirectory: string;
}
export interface RunMessage {
  readonly run: string;
  readonly task: TaskName;
  readonly params: unknown;
  /** Lock file to hold while the task runs: two processes must not work in one folder. */
  readonly lock?: string;
}
export interface CancelMessage {
  readonly run: string;
}
/** Worker → parent, event `task`. */
export interface EventMessage {
  readonly run: string;
  readonly event: TaskEvent;
}
