/**
 * The service that starts, follows and ends jobs: records, queue, events, worker processes. Not HTTP, and not the work.
 */
import { type Database, DomainError, exists, type Queryable } from "../storage/mod.ts";
import { type Registry } from "../registry/mod.ts";
import type { Provider } from "../engine/mod.ts";
import { type Datasets, lockDataset } from "../datasets/mod.ts";
import { EventLog } from "./queue/event_log.ts";
import { type FinetuneDeps, planFinetune } from "./kinds/finetune.ts";
import { InferenceService, orderedInput } from "./kinds/inference_service.ts";
import { JobFiles } from "./queue/files.ts";
import {
  countJobs,
  finishJob,
  insertJob,
  type JobFilter,
  type JobInput,
  queueOf,
  requestCancel,
  selectJob,
  selectJobs,
  selectOpenJobs,
} from "./queue/rows.ts";
import { planPretraining } from "./kinds/pretrain.ts";
import { JobQueue, QUEUES } from "./queue/queue.ts";
import { Runner } from "./worker/job_runner.ts";
import { TaskProcess } from "./worker/task_process.ts";
import type { CheckFailure } from "./worker/task_types.ts";
import {
  type ClassifyOutcome,
  type FinetuneInput,
  type InferenceInput,
  type InferenceOptions,
  isTraining,
  type JobEvent,
  type JobKind,
  type JobRecord,
  type PretrainingInput,
  type SegmentOutcome,
} from "./types.ts";
import { WaitingLine } from "./kinds/waiting_line.ts";

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
  /** How long the checkpoint of a failed or cancelled job is kept, ms. Default 30 days. */
  readonly workTtlMs?: number;
  /** Longest direct segmentation or classification, ms. Default 30 min. */
  readonly inferenceTimeoutMs?: number;
  /**
   * Name of the model that tells whether volumes look like what they are called, where it is served; null (default): no
   * check.
   */
  readonly modalityCheck?: string | null;
  /** Told when that check fails; requests go on without it. */
  readonly onCheckFailed?: (failure: CheckFailure) => void;
  /** How long a stopped training may take to write its checkpoint, ms. Default 20 s. */
  readonly stopGraceMs?: number;
  /** Module with the worker's task functions, as a URL; default the real ones. Tests give a fake. */
  readonly tasksModule?: string;
  /** Whether this process runs queued jobs, or only takes them in. Default true. */
  readonly work?: boolean;
}

const DAY_MS = 24 * 3600 * 1000;
const SWEEP_MS = 600_000;

export class Jobs {
  readonly #database: Database;
  readonly #registry: Registry;
  readonly #datasets: Datasets;
  readonly #files: JobFiles;
  readonly #queue: JobQueue;
  readonly #events: EventLog;
  readonly #training: TaskProcess;
  readonly #inferring: TaskProcess;
  readonly #line: WaitingLine;
  readonly #inference: InferenceService;
  readonly #runner: Runner;
  readonly #stopGraceMs: number;
  #sweeper: ReturnType<typeof setInterval> | undefined;

  private constructor(options: JobsOptions, files: JobFiles, queue: JobQueue) {
    const { database, registry, datasets, dataDirectory, provider, stopGraceMs = 20_000 } = options;
    const tasksModule = options.tasksModule ?? import.meta.resolve("./worker/tasks.ts");
    this.#database = database;
    this.#registry = registry;
    this.#datasets = datasets;
    this.#files = files;
    this.#queue = queue;
    this.#stopGraceMs = stopGraceMs;
    this.#events = new EventLog(database);
    const worker = { tasksModule, dataDirectory };
    this.#training = new TaskProcess({ ...worker, title: "the training process", cancelGraceMs: stopGraceMs });
    this.#inferring = new TaskProcess({ ...worker, title: "the inference process", cancelGraceMs: 5000 });
    this.#line = new WaitingLine(options.maxWaiting ?? 8);
    this.#inference = new InferenceService({
      registry,
      process: this.#inferring,
      line: this.#line,
      provider,
      timeoutMs: options.inferenceTimeoutMs ?? 1_800_000,
      modalityCheck: options.modalityCheck ?? null,
      onCheckFailed: options.onCheckFailed ?? (() => {}),
    });
    const training: FinetuneDeps = { registry, datasets, files, process: this.#training, provider };
    this.#runner = new Runner({ database, events: this.#events, files, training, inference: this.#inference });
  }

  /** Starts the queue and puts jobs that were running when the last process died back into it. */
  static async open(options: JobsOptions): Promise<Jobs> {
    const files = await JobFiles.open({
      dataDirectory: options.dataDirectory,
      resultTtlMs: options.resultTtlMs ?? DAY_MS,
      workTtlMs: options.workTtlMs ?? 30 * DAY_MS,
    });
    const queue = await JobQueue.open(options.database);
    const jobs = new Jobs(options, files, queue);
    if (options.work ?? true) {
      await jobs.#recover();
      for (const name of QUEUES) await queue.work(name, (job, signal) => jobs.#runner.run(job, signal));
      await jobs.sweep();
      jobs.#sweeper = setInterval(() => jobs.sweep().catch(() => {}), SWEEP_MS);
    }
    return jobs;
  }

  /** @throws as {@link planFinetune} */
  async submitFinetune(input: FinetuneInput): Promise<JobRecord> {
    const planned = await planFinetune(input, { registry: this.#registry, datasets: this.#datasets });
    return await this.#submit("finetune", crypto.randomUUID(), planned, planned.dataset);
  }

  /** @throws as {@link planPretraining} */
  async submitPretraining(input: PretrainingInput): Promise<JobRecord> {
    const planned = await planPretraining(input, { registry: this.#registry, datasets: this.#datasets });
    return await this.#submit("pretrain", crypto.randomUUID(), planned, planned.dataset);
  }

  /**
   * Queues a segmentation or classification; moves the image files into the job's folder.
   * @throws {DomainError} `not-found`, `model-not-served`, `wrong-task`, `missing-modality`
   */
  async submitInference(kind: "segment" | "classify", input: InferenceInput): Promise<JobRecord> {
    const ordered = orderedInput(input);
    const { version } = await this.#inference.resolve(kind, ordered);
    const id = crypto.randomUUID();
    try {
      const images = await this.#files.takeImages(id, ordered.images);
      return await this.#submit(kind, id, { ...ordered, version, images });
    } catch (error) {
      await this.#files.removeWorkshop(id);
      throw error;
    }
  }

  /** Segments now. @throws {DomainError} `busy`, `not-found`, `wrong-task`, codes of `InferenceError`, `EngineError` */
  async segment(input: InferenceInput, outPath: string, options?: InferenceOptions): Promise<SegmentOutcome> {
    return await this.#inference.segment(orderedInput(input), outPath, options);
  }

  /** Classifies now. @throws as {@link Jobs.segment} */
  async classify(input: InferenceInput, options?: InferenceOptions): Promise<ClassifyOutcome> {
    return await this.#inference.classify(orderedInput(input), options);
  }

  /** @throws {DomainError} `not-found` */
  async get(id: string): Promise<JobRecord> {
    return await selectJob(this.#database, id);
  }

  /** Newest first; `before` is the id of the last one of the former page. */
  async list(filter: JobFilter = {}): Promise<JobRecord[]> {
    return await selectJobs(this.#database, filter);
  }

  /** Ends a job; a training keeps its last checkpoint. @throws {DomainError} `not-found`, `job-finished` */
  async cancel(id: string): Promise<JobRecord> {
    const { kind, state } = await this.#database.transaction(async (tx) => {
      const { kind, state } = await requestCancel(tx, id);
      if (state !== "queued") return { kind, state };
      await finishJob(tx, id, null, { state: "cancelled" });
      await this.#events.append(tx, id, { type: "done", data: { state: "cancelled" } });
      await this.#queue.remove(tx, queueOf(kind), id);
      return { kind, state };
    });
    if (state === "queued" && !isTraining(kind)) await this.#files.removeWorkshop(id);
    this.#runner.cancel(id);
    this.#events.wake(id);
    return await this.get(id);
  }

  /**
   * Past events after `after`, then live ones; ends after `done` or when `signal` aborts.
   * @throws {DomainError} `not-found`
   */
  async *events(id: string, options: { after?: string; signal?: AbortSignal } = {}): AsyncGenerator<JobEvent> {
    await this.get(id);
    yield* this.#events.follow(id, options);
  }

  /** Path of a succeeded training's report. @throws {DomainError} `not-found`, `gone` */
  async reportFile(id: string, format: "json" | "html"): Promise<string> {
    const { kind, result } = await this.get(id);
    if (!isTraining(kind) || !result) {
      throw new DomainError("not-found", "Cannot show a report: only a training that has succeeded has one");
    }
    const { directory } = await this.#registry.version(result.model, result.version);
    return await present(`${directory}/report.${format}`, "the report");
  }

  /** Path of a succeeded segmentation's mask. @throws {DomainError} `not-found`, `gone` */
  async resultFile(id: string): Promise<string> {
    const { kind, state } = await this.get(id);
    if (kind !== "segment" || state !== "succeeded") {
      throw new DomainError("not-found", "Cannot give a mask: only a segmentation that has succeeded has one");
    }
    return await present(this.#files.result(id), "the mask");
  }

  /** Numbers for health and metrics. */
  async stats(): Promise<{ queued: number; running: number; waiting: number; workerRestarts: number }> {
    const workerRestarts = this.#training.restarts + this.#inferring.restarts;
    return { ...await countJobs(this.#database), waiting: this.#line.length, workerRestarts };
  }

  /** Removes results and checkpoints whose time is over; runs by itself every ten minutes. */
  async sweep(now?: number): Promise<void> {
    const open = await selectOpenJobs(this.#database);
    await this.#files.sweep(new Set(open.map((j) => j.id)), now);
  }

  /** Stops taking jobs and ends the workers; running jobs go back into the queue with their checkpoints. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#runner.stop();
    await this.#queue.stop(this.#stopGraceMs + 5000);
    await this.#training.close();
    await this.#inferring.close();
  }

  async #submit(kind: JobKind, id: string, input: JobInput, dataset?: string): Promise<JobRecord> {
    await this.#database.transaction(async (tx) => {
      if (dataset) await lockDataset(tx, dataset);
      await insertJob(tx, { id, kind, input, dataset });
      await this.#queue.send(tx, queueOf(kind), id);
    });
    this.#queue.wake(queueOf(kind));
    return await this.get(id);
  }

  /** Every open job that the queue does not hold (its process died) is queued again. */
  async #recover(): Promise<void> {
    for (const { id, kind, state } of await selectOpenJobs(this.#database)) {
      const name = queueOf(kind);
      if (await this.#queue.holds(name, id)) continue;
      await this.#database.transaction(async (tx: Queryable) => {
        if (state === "running") await this.#runner.putBack(tx, id, "The server was restarted");
        await this.#queue.remove(tx, name, id);
        await this.#queue.send(tx, name, id);
      });
    }
  }
}

async function present(path: string, what: string): Promise<string> {
  if (!await exists(path)) throw new DomainError("gone", `Cannot give ${what}: it is not kept any more`);
  return path;
}
