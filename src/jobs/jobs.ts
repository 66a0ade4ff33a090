/** The service of jobs: takes wishes, answers requests that wait, shows, cancels and sweeps. Not HTTP, and not the work. */
import type { Actor } from "../audit/mod.ts";
import type { Datasets } from "../datasets/mod.ts";
import { Projects } from "../identity/mod.ts";
import type { Provider } from "../engine/mod.ts";
import type { Registry } from "../registry/mod.ts";
import { budgetVariables, DEFAULT_BUDGET, type WorkBudget } from "../inference/mod.ts";
import { Readers } from "../process/mod.ts";
import { type Database, DomainError, exists, type Witness } from "../storage/mod.ts";
import type { House, JobFile } from "./kinds/kind.ts";
import { type JobKind, KINDS, type OutputOf, type WishOf } from "./kinds/table.ts";
import { Endings } from "./queue/endings.ts";
import { EventLog } from "./queue/event_log.ts";
import { JobFiles } from "./queue/files.ts";
import { JobStore } from "./queue/job_store.ts";
import { DEFAULT_JOB_BOUNDS, type JobBounds } from "./queue/places.ts";
import { JobQueue } from "./queue/queue.ts";
import { countJobs, type JobCounts, type JobFilter, type JobRecord, selectJob, selectJobs } from "./queue/rows.ts";
import {
  type CheckFailure,
  type Ending,
  type JobEvent,
  type JobOutcome,
  type JobResult,
  QUEUES,
  type WorkErrorCode,
} from "./types.ts";
import { JobRunner, openWorkplaces, type Workplaces } from "./worker/job_runner.ts";

export interface JobsOptions {
  readonly database: Database;
  readonly registry: Registry;
  readonly datasets: Datasets;
  /** Holds `jobs/` (a folder per job) and `results/`. */
  readonly dataDirectory: string;
  readonly provider: Provider | "auto";
  /** How many jobs may be open; more are refused with `busy`. */
  readonly bounds?: Partial<JobBounds>;
  /** Holds tensors on their way to devices. Default: the system's temporary folder. */
  readonly spoolDirectory?: string;
  /** How long masks, checkpoints, images and records are kept. Default: the projects of the database. */
  readonly projects?: Pick<Projects, "policies">;
  /** Longest segmentation or classification, ms. Default 30 min. */
  readonly inferenceTimeoutMs?: number;
  /** Name of the model that checks modalities, used where it is served. Default null: no check. */
  readonly modalityCheck?: string | null;
  /** Called when that check fails; requests continue without it. */
  readonly onCheckFailed?: (failure: CheckFailure) => void;
  /** Read the files of strangers. Default: some of its own. */
  readonly readers?: Readers;
  /** The most work of one job. Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget;
  /** How long a stopped training may take to write its checkpoint, ms. Default 20 s. */
  readonly stopGraceMs?: number;
  /** URL of the module with the workers' tasks. Default: the real ones; tests give fakes. */
  readonly tasksModule?: string;
  /** The workers themselves. Default: processes of their own; tests give some without processes. */
  readonly workplaces?: Workplaces;
  /** Runs queued jobs in this process; false: only takes them in. Default true. */
  readonly work?: boolean;
}

export interface SubmitOptions {
  /** Id of the identity that asks. Default null: the job belongs to everybody with the role. */
  readonly owner?: string | null;
  /** The identity that asks, for the audit trail when the job ends. Default: that of a server without logins. */
  readonly askedBy?: Actor;
  /** The most of its jobs that may be open with this one. Default: no bound. */
  readonly mostOpen?: number;
  /** Whose policy it follows where neither its data set nor its model has a project. */
  readonly project?: string | null;
  /** Stores the entry of the audit trail with the job. */
  readonly witness?: Witness;
}

export interface PerformOptions extends SubmitOptions {
  /** Aborts when nobody waits any more: the job is cancelled. */
  readonly signal?: AbortSignal;
  /** Keeps the job and its mask like those of any other job. Default: both go when the answer is disposed of. */
  readonly keep?: boolean;
}

/** The answer of a job that a request waited for. */
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
  readonly #registry: Registry;
  readonly #files: JobFiles;
  readonly #queue: JobQueue;
  readonly #events: EventLog;
  readonly #endings: Endings;
  readonly #store: JobStore;
  readonly #workplaces: Workplaces;
  readonly #runner: JobRunner;
  readonly #stopGraceMs: number;
  readonly #stopping = new AbortController();
  /** One for each request that waits; it resolves when the request has its answer and its files are gone. */
  readonly #requests = new Set<Promise<void>>();
  #sweeper: ReturnType<typeof setInterval> | undefined;

  private constructor(options: JobsOptions, files: JobFiles, queue: JobQueue) {
    const { database, registry, datasets, provider, stopGraceMs = 20_000 } = options;
    const { modalityCheck = null, onCheckFailed = () => {}, budget = DEFAULT_BUDGET } = options;
    const { readers = new Readers({ env: budgetVariables(budget) }) } = options;
    const bounds = { ...DEFAULT_JOB_BOUNDS, ...options.bounds };
    const house: House = { registry, datasets, provider, modalityCheck, onCheckFailed, readers, budget };
    const [events, endings] = [new EventLog(database), new Endings(database)];
    this.#database = database;
    this.#registry = registry;
    this.#files = files;
    this.#queue = queue;
    this.#events = events;
    this.#endings = endings;
    this.#stopGraceMs = stopGraceMs;
    this.#store = new JobStore({
      database,
      queue,
      events,
      endings,
      files,
      house,
      bounds,
      projects: options.projects ?? new Projects(database),
      dataDirectory: options.dataDirectory,
    });
    this.#workplaces = options.workplaces ?? openWorkplaces({ ...options, stopGraceMs });
    this.#runner = new JobRunner({ database, events, endings, files, house, workplaces: this.#workplaces });
  }

  /** Starts the queue and puts jobs back into it that were running when the last process died. */
  static async open(options: JobsOptions): Promise<Jobs> {
    const files = await JobFiles.open(options.dataDirectory);
    const queue = await JobQueue.open(options.database);
    const jobs = new Jobs(options, files, queue);
    // No other process uses an embedded database, so nobody waits for the transient jobs in it.
    if (options.database.kind === "pglite") await jobs.#store.purge(new Date());
    if (options.work ?? true) {
      await jobs.#store.recover();
      for (const name of QUEUES) await queue.work(name, (job, signal) => jobs.#runner.run(job, signal));
      await jobs.sweep();
      jobs.#sweeper = setInterval(() => jobs.sweep().catch(() => {}), SWEEP_MS);
    }
    return jobs;
  }

  /**
   * Queues a job and moves the image files of its wish into its folder.
   * @throws {DomainError} {@link TrainingError} as the kind's plan does
   */
  async submit<K extends JobKind>(
    kind: K,
    wish: WishOf<K>,
    { owner = null, ...by }: SubmitOptions = {},
  ): Promise<JobRecord> {
    const id = crypto.randomUUID();
    await this.#store.add(kind, wish, { id, awaited: false, transient: false, owner, ...by });
    const queued = await this.get(id);
    this.#queue.wake(KINDS[kind].queue);
    return queued;
  }

  /**
   * Queues a job before those that nobody waits for, and waits for its end. Dispose of the answer once its mask is open.
   * @throws {DomainError} `busy`, `cancelled`, `stopping`, and as the kind's plan and run do
   * @example await using answer = await jobs.perform("segment", { model: "ms-lesion", images });
   */
  async perform<K extends JobKind>(
    kind: K,
    wish: WishOf<K>,
    { signal, keep = false, owner = null, ...by }: PerformOptions = {},
  ): Promise<Performed<NonNullable<OutputOf<K>>>> {
    const id = crypto.randomUUID();
    const { promise: over, resolve } = Promise.withResolvers<void>();
    this.#requests.add(over);
    const release = async () => {
      try {
        if (!keep) await this.#store.forget(id);
      } finally {
        this.#requests.delete(over);
        resolve();
      }
    };
    try {
      using listener = this.#endings.listen(id);
      await this.#store.add(kind, wish, { id, awaited: true, transient: !keep, owner, ...by });
      this.#queue.wake(KINDS[kind].queue);
      const { result } = await this.#endOf(id, listener.ended, signal);
      const { model, version, output } = result as JobResult<OutputOf<K>>; // this kind's `run` made it
      if (output === undefined) throw new TypeError(`Cannot wait for a ${kind} job: it has no output`);
      return { id, model, version, output, mask: this.#files.of(id, !keep).mask, [Symbol.asyncDispose]: release };
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
  async cancel(id: string, { witness }: Pick<SubmitOptions, "witness"> = {}): Promise<JobRecord> {
    await this.get(id);
    await this.#cancel(id, witness);
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
    const { model, version } = await this.#resultOf(id, "report", "Cannot show a report: only a training that has");
    const path = await this.#registry.reportFile({ name: model, version, format });
    return path ?? notKept("the report");
  }

  /** Path of a succeeded segmentation's mask. @throws {DomainError} `not-found`, `gone` */
  async resultFile(id: string): Promise<string> {
    await this.#resultOf(id, "mask", "Cannot give a mask: only a segmentation that has");
    return await kept(this.#files.of(id).mask, "the mask");
  }

  /** Numbers for health and metrics. */
  async stats(): Promise<JobCounts & { readonly workerRestarts: number }> {
    const workerRestarts = QUEUES.reduce((sum, name) => sum + this.#workplaces[name].process.restarts, 0);
    return { ...await countJobs(this.#database), workerRestarts };
  }

  /** Removes records, masks, checkpoints and images whose time is over; runs by itself every ten minutes. */
  async sweep(now = Date.now()): Promise<void> {
    await this.#store.purge(new Date(now - DAY_MS));
    await this.#store.sweep(now);
  }

  /** Stops taking jobs and ends the workers; running jobs go back into the queue with their checkpoints. */
  async stop(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#stopping.abort();
    await Promise.all(this.#requests);
    this.#runner.stop();
    await this.#queue.stop(this.#stopGraceMs + 5000);
    for (const name of QUEUES) await this.#workplaces[name].process.close();
  }

  async #cancel(id: string, witness?: Witness): Promise<void> {
    await this.#store.cancel(id, witness);
    this.#runner.cancel(id);
  }

  /** Waits for a job's end; cancels it when `signal` aborts or the server stops. */
  async #endOf(id: string, ended: Promise<Ending>, signal?: AbortSignal): Promise<JobOutcome> {
    const stopping = this.#stopping.signal;
    const left = AbortSignal.any(signal ? [signal, stopping] : [stopping]);
    const leave = () => void this.#cancel(id).catch(() => {}); // it may have ended just now
    left.addEventListener("abort", leave, { once: true });
    if (left.aborted) leave();
    const ending = await ended.finally(() => left.removeEventListener("abort", leave));
    if (ending.state === "succeeded") return ending;
    if (ending.state === "failed") throw ending.error;
    if (stopping.aborted) throw new DomainError("stopping", "The server stopped before the work was done");
    throw new DomainError<WorkErrorCode>("cancelled", "The request was cancelled");
  }

  /** The result of a succeeded job of a kind that has such a file. */
  async #resultOf(id: string, file: JobFile, refusal: string): Promise<JobResult> {
    const { kind, result } = await this.get(id);
    if (result && KINDS[kind].files.includes(file)) return result;
    throw new DomainError("not-found", `${refusal} succeeded has one`);
  }
}

async function kept(path: string, what: string): Promise<string> {
  return await exists(path) ? path : notKept(what);
}

function notKept(what: string): never {
  throw new DomainError("gone", `Cannot give ${what}: it is not kept any more`);
}
