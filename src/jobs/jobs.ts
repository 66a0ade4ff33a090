/**
 * The service that starts, follows and ends jobs: queue, records, events, worker processes. Not HTTP.
 */
import { type Database, DomainError, type Registry } from "../registry/mod.ts";
import type { Provider } from "../engine/engine.ts";
import type { Datasets } from "./datasets.ts";
import type {
  ClassifyOutcome,
  FinetuneInput,
  InferenceInput,
  InferenceOptions,
  JobEvent,
  JobKind,
  JobRecord,
  JobState,
  SegmentOutcome,
} from "./types.ts";

export interface JobsOptions {
  readonly database: Database;
  readonly registry: Registry;
  readonly datasets: Datasets;
  /** `jobs/` (work directories) and `results/` live in it. */
  readonly dataDirectory: string;
  readonly provider: Provider | "auto";
  /** Interactive calls that may wait beside the running one; more are refused with `busy`. Default 8. */
  readonly maxWaiting?: number;
  /** How long a job's mask is kept, ms. Default 24 h. */
  readonly resultTtlMs?: number;
  /** Longest direct segmentation or classification, ms. Default 30 min. */
  readonly inferenceTimeoutMs?: number;
  /** Module with the worker's task functions, as a URL; default the real ones. Tests give a fake. */
  readonly tasksModule?: string;
  /** Whether this process runs queued jobs, or only takes them in. Default true. */
  readonly work?: boolean;
}

const later = (): never => {
  throw new DomainError("internal", "Cannot do this yet");
};

export class Jobs {
  /** Starts the queue and puts jobs that were running when the last process died back into it. */
  static open(_options: JobsOptions): Promise<Jobs> {
    return later();
  }
  /** @throws {DomainError} `not-found`, `incomplete-dataset`, `wrong-task`, `model-not-served` */
  submitFinetune(_input: FinetuneInput): Promise<JobRecord> {
    return later();
  }
  /** Queues a segmentation or classification; moves the image files into the job's folder. */
  submitInference(_kind: "segment" | "classify", _input: InferenceInput): Promise<JobRecord> {
    return later();
  }
  /** Segments now. @throws {DomainError} `busy`, `not-found`, `wrong-task`, codes of `InferenceError`, `EngineError` */
  segment(_input: InferenceInput, _outPath: string, _options?: InferenceOptions): Promise<SegmentOutcome> {
    return later();
  }
  /** Classifies now. @throws as {@link Jobs.segment} */
  classify(_input: InferenceInput, _options?: InferenceOptions): Promise<ClassifyOutcome> {
    return later();
  }
  /** @throws {DomainError} `not-found` */
  get(_id: string): Promise<JobRecord> {
    return later();
  }
  /** Newest first; `before` is the id of the last one of the former page. */
  list(_filter?: { kind?: JobKind; state?: JobState; limit?: number; before?: string }): Promise<JobRecord[]> {
    return later();
  }
  /** @throws {DomainError} `not-found`, `job-finished` */
  cancel(_id: string): Promise<JobRecord> {
    return later();
  }
  /** Past events after `after`, then live ones; ends after `done` or when `signal` aborts. */
  events(_id: string, _options?: { after?: string; signal?: AbortSignal }): AsyncIterable<JobEvent> {
    return later();
  }
  /** Path of a succeeded fine-tune's report. @throws {DomainError} `not-found`, `gone` */
  reportFile(_id: string, _format: "json" | "html"): Promise<string> {
    return later();
  }
  /** Path of a succeeded segmentation's mask. @throws {DomainError} `not-found`, `gone` */
  resultFile(_id: string): Promise<string> {
    return later();
  }
  /** Numbers for health and metrics. */
  stats(): Promise<{ queued: number; running: number; waiting: number; workerRestarts: number }> {
    return later();
  }
  /** Stops taking jobs, ends the workers (running jobs go back into the queue). */
  stop(): Promise<void> {
    return later();
  }
}
