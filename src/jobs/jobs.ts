/**
 * The service that starts, follows and ends jobs: records, queue, events, worker processes. Not HTTP, and not the work.
 */
import { type Database, DomainError, exists, type Queryable } from "../storage/mod.ts";
import { type Registry } from "../registry/mod.ts";
import type { Provider } from "../engine/mod.ts";
import { type Datasets, lockDataset } from "../datasets/mod.ts";
import type { House, JobFile } from "./kinds/kind.ts";
import { type JobKind, KINDS, type OutputOf, type WishOf } from "./kinds/table.ts";
import { type Ending, Endings } from "./queue/endings.ts";
import { EventLog } from "./queue/event_log.ts";
import { JobFiles } from "./queue/files.ts";
import { JobQueue } from "./queue/queue.ts";
import {
  countJobs,
  deleteJob,
  deleteTransient,
  finishJob,
  insertJob,
  type JobCounts,
  type JobFilter,
  type JobRecord,
  type NewJob,
  requestCancel,
  selectJob,
  selectJobs,
  selectOpenJobs,
} from "./queue/rows.ts";
import {
  type CheckFailure,
  type JobEvent,
  type JobOutcome,
  type QueueName,
  QUEUES,
  type WorkErrorCode,
} from "./types.ts";
import { JobRunner, type Workplace } from "./worker/job_runner.ts";
import { TaskProcess } from "./worker/task_process.ts";

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

export interface PerformOptions {
  /** Aborts when nobody waits any more: the job is cancelled. */
  readonly signal?: AbortSignal;
  /** Keeps the job and its mask like those of any other job. Default: both go when the answer is disposed of. */
  readonly keep?: boolean;
}

/** The answer of a job that was waited for. */
export interface Performed<Output> extends AsyncDisposable {
  readonly id: string;
  readonly model: string;
  readonly version: number;
  readonly output: Output;
  /** Path of the mask, where the kind makes one. */
  readonly mask: string;
}

const DAY_MS = 24 * 3600 * 1000;
const SWEEP_MS = 600_000;

export class Jobs {
  readonly #database: Database;
  readonly #house: House;
  readonly #files: JobFiles;
  readonly #queue: JobQueue;
  readonly #events: EventLog;
  readonly #workplaces: Readonly<Record<QueueName, Workplace>>;
  readonly #endings: Endings;
  readonly #runner: JobRunner;
  readonly #maxWaiting: number;
  readonly #stopping = new AbortController();
  /** Settle when a request that waited has its answer and its files are gone. */
  readonly #awaited = new Set<Promise<void>>();
  readonly #stopGraceMs: number;
  #sweeper: ReturnType<typeof setInterval> | undefined;

  private constructor(options: JobsOptions, files: JobFiles, queue: JobQueue) {
    const { database, registry, datasets, dataDirectory, provider, stopGraceMs = 20_000 } = options;
    const tasksModule = options.tasksModule ?? import.meta.resolve("./worker/tasks.ts");
    this.#database = database;
    this.#files = files;
    this.#queue = queue;
    this.#stopGraceMs = stopGraceMs;
    this.#events = new EventLog(database);
    this.#endings = new Endings(database);
    this.#maxWaiting = options.maxWaiting ?? 8;
    this.#house = {
      registry,
      datasets,
      provider,
      modalityCheck: options.modalityCheck ?? null,
      onCheckFailed: options.onCheckFailed ?? (() => {}),
    };
    const worker = { tasksModule, dataDirectory };
    this.#workplaces = {
      training: {
        process: new TaskProcess({ ...worker, title: "the training process", cancelGraceMs: stopGraceMs }),
      },
      inference: {
        process: new TaskProcess({ ...worker, title: "the inference process", cancelGraceMs: 5000 }),
        timeoutMs: options.inferenceTimeoutMs ?? 1_800_000,
      },
    };
    this.#runner = new JobRunner({
      database,
      events: this.#events,
      endings: this.#endings,
      files,
      house: this.#house,
      workplaces: this.#workplaces,
    });
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
    // An embedded database has no other process that could wait for its transient jobs.
    if (options.database.kind === "pglite") await jobs.#purge(new Date());
    if (options.work ?? true) {
      await jobs.#recover();
      for (const name of QUEUES) await queue.work(name, (job, signal) => jobs.#runner.run(job, signal));
      await jobs.sweep();
      jobs.#sweeper = setInterval(() => jobs.sweep().catch(() => {}), SWEEP_MS);
    }
    return jobs;
  }

  /**
   * Queues a job. Image files of the wish are moved into its folder.
   * @throws {DomainError} {@link TrainingError} as the plan of the kind does
   */
  async submit<K extends JobKind>(kind: K, wish: WishOf<K>): Promise<JobRecord> {
    const id = crypto.randomUUID();
    await this.#add(kind, wish, { id, awaited: false, transient: false });
    return await this.get(id);
  }

  /**
   * Runs a job before those that nobody waits for, and waits for its end.
   * @throws {DomainError} `busy`, `cancelled`, `stopping`, and as the kind's plan and run do
   */
  async perform<K extends JobKind>(
    kind: K,
    wish: WishOf<K>,
    { signal, keep = false }: PerformOptions = {},
  ): Promise<Performed<NonNullable<OutputOf<K>>>> {
    const id = crypto.randomUUID();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#awaited.add(over);
    const release = async () => {
      try {
        if (!keep) await this.#forget(id);
      } finally {
        this.#awaited.delete(over);
        resolve();
      }
    };
    try {
      using listener = this.#endings.listen(id);
      await this.#add(kind, wish, { id, awaited: true, transient: !keep });
      const { result } = await this.#endOf(id, listener.ended, signal);
      const { model, version } = result;
      const output = result.output as NonNullable<OutputOf<K>>; // the kind's `run` made it
      return { id, model, version, output, mask: this.#files.of(id).mask, [Symbol.asyncDispose]: release };
    } catch (error) {
      await release();
      throw error;
    }
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
    await this.get(id);
    await this.#cancel(id);
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
    const { result } = await this.#succeeded(id, "report", "Cannot show a report: only a training that has");
    const { directory } = await this.#house.registry.version(result.model, result.version);
    return await present(`${directory}/report.${format}`, "the report");
  }

  /** Path of a succeeded segmentation's mask. @throws {DomainError} `not-found`, `gone` */
  async resultFile(id: string): Promise<string> {
    await this.#succeeded(id, "mask", "Cannot give a mask: only a segmentation that has");
    return await present(this.#files.of(id).mask, "the mask");
  }

  async #succeeded(id: string, file: JobFile, refusal: string) {
    const { kind, result } = await this.get(id);
    if (result && KINDS[kind].files.includes(file)) return { result };
    throw new DomainError("not-found", `${refusal} succeeded has one`);
  }

  /** Numbers for health and metrics. */
  async stats(): Promise<JobCounts & { readonly workerRestarts: number }> {
    const workerRestarts = QUEUES.reduce((sum, name) => sum + this.#workplaces[name].process.restarts, 0);
    return { ...await countJobs(this.#database), workerRestarts };
  }

  /** Removes results and checkpoints whose time is over; runs by itself every ten minutes. */
  async sweep(now = Date.now()): Promise<void> {
    await this.#purge(new Date(now - DAY_MS));
    const open = await selectOpenJobs(this.#database);
    await this.#files.sweep(new Set(open.map((j) => j.id)), now);
  }

  /** Stops taking jobs and ends the workers; running jobs go back into the queue with their checkpoints. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#stopping.abort();
    await Promise.all(this.#awaited);
    this.#runner.stop();
    await this.#queue.stop(this.#stopGraceMs + 5000);
    for (const name of QUEUES) await this.#workplaces[name].process.close();
  }

  async #add<K extends JobKind>(
    kind: K,
    wish: WishOf<K>,
    job: Pick<NewJob, "id" | "awaited" | "transient">,
  ): Promise<void> {
    const { plan, queue } = KINDS[kind];
    const takeImages = this.#files.takeImages.bind(this.#files, job.id);
    try {
      const { input, dataset } = await plan(wish, { ...this.#house, awaited: job.awaited, takeImages });
      await this.#database.transaction(async (tx) => {
        if (dataset) await lockDataset(tx, dataset);
        await insertJob(tx, { ...job, kind, input, dataset }, this.#maxWaiting);
        await this.#queue.send(tx, queue, job.id, { first: job.awaited });
      });
    } catch (error) {
      await this.#files.removeWorkshop(job.id);
      throw error;
    }
    this.#queue.wake(queue);
  }

  /** Waits for a job's end; cancels it when `signal` aborts or the server stops. */
  async #endOf(id: string, ended: Promise<Ending>, signal?: AbortSignal): Promise<JobOutcome> {
    const stopping = this.#stopping.signal;
    const leave = () => void this.#cancel(id).catch(() => {}); // it may have ended just now
    const left = AbortSignal.any(signal ? [signal, stopping] : [stopping]);
    left.addEventListener("abort", leave, { once: true });
    if (left.aborted) leave();
    const ending = await ended.finally(() => left.removeEventListener("abort", leave));
    if (ending.state === "succeeded") return ending;
    if (ending.state === "failed") throw ending.error;
    if (stopping.aborted) throw new DomainError("stopping", "The server stopped before the work was done");
    throw new DomainError<WorkErrorCode>("cancelled", "The request was cancelled");
  }

  async #cancel(id: string): Promise<void> {
    const { kind, state } = await this.#database.transaction(async (tx) => {
      const { kind, state } = await requestCancel(tx, id);
      if (state !== "queued") return { kind, state };
      await finishJob(tx, id, null, { state: "cancelled" });
      await this.#events.append(tx, id, { type: "done", data: { state: "cancelled" } });
      await this.#queue.remove(tx, KINDS[kind].queue, id);
      return { kind, state };
    });
    this.#runner.cancel(id);
    if (state !== "queued") return;
    try {
      if (!KINDS[kind].trains) await this.#files.removeWorkshop(id);
    } finally {
      this.#events.wake(id);
      this.#endings.announce(id, { state: "cancelled" });
    }
  }

  /** Removes a transient job that has ended, with its files. */
  async #forget(id: string): Promise<void> {
    await deleteJob(this.#database, id);
    await this.#files.removeAll(id);
  }

  /** Removes the transient jobs that were made before a time: nobody waits for them any more. */
  async #purge(before: Date): Promise<void> {
    for (const id of await deleteTransient(this.#database, before)) await this.#files.removeAll(id);
  }

  /** Every open job that the queue does not hold (its process died) is queued again. */
  async #recover(): Promise<void> {
    for (const { id, kind, state } of await selectOpenJobs(this.#database)) {
      const name = KINDS[kind].queue;
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
