/**
 * Runs queued jobs in this process's workers: claims one, follows it, and writes how it ended. A job that ends without an
 * outcome (the server stops, a worker crashes) goes back into the queue and resumes from its checkpoint.
 */
import { type Database, DomainError } from "../../storage/mod.ts";
import { inSpan } from "../../process/mod.ts";
import type { WorkBudget } from "../../inference/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { House } from "../kinds/kind.ts";
import { type JobKind, KINDS } from "../kinds/table.ts";
import type { Endings } from "../queue/endings.ts";
import { type EventLog, resumeNote } from "../queue/event_log.ts";
import type { JobFiles } from "../queue/files.ts";
import { type ClaimedJob, claimJob, finishJob, type Outcome, requeueJob } from "../queue/rows.ts";
import type { Ending, JobOutcome, QueueName, WorkErrorCode } from "../types.ts";
import { Reporter } from "./reporter.ts";
import { domainErrorOf, TaskProcess } from "./task_process.ts";

/** A queue's worker process. */
export interface Workplace {
  readonly process: Pick<TaskProcess, "run" | "restarts" | "close">;
  /** Longest time of a job there; absent: no limit. */
  readonly timeoutMs?: number;
}

/** One for each queue, so that a training never delays a request. */
export type Workplaces = Readonly<Record<QueueName, Workplace>>;

export interface WorkplaceOptions {
  readonly dataDirectory: string;
  readonly registry: Pick<Registry, "folders">;
  readonly spoolDirectory?: string;
  readonly tasksModule?: string;
  readonly stopGraceMs: number;
  readonly inferenceTimeoutMs?: number;
  readonly budget?: WorkBudget;
}

/** Processes start with their first job. */
export function openWorkplaces(options: WorkplaceOptions): Workplaces {
  const { dataDirectory, registry, spoolDirectory, stopGraceMs, inferenceTimeoutMs: timeoutMs = 1_800_000 } = options;
  const { tasksModule = import.meta.resolve("./tasks.ts"), budget } = options;
  const open = (title: string, cancelGraceMs: number) =>
    new TaskProcess({
      tasksModule,
      dataDirectory,
      models: registry.folders,
      spoolDirectory,
      budget,
      title,
      cancelGraceMs,
    });
  return {
    training: { process: open("the training process", stopGraceMs) },
    inference: { process: open("the inference process", 5000), timeoutMs },
  };
}

export interface RunnerDeps {
  readonly database: Database;
  readonly events: EventLog;
  readonly endings: Endings;
  readonly files: JobFiles;
  readonly house: House;
  readonly workplaces: Workplaces;
}

/** Starts of a job that ended in a crash within a minute each, after which it is given up. */
const MAX_ATTEMPTS = 3;

type StopReason = "cancel" | "stop" | "lost";

interface Run {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

export class JobRunner {
  readonly #deps: RunnerDeps;
  /** This process, in the records of the jobs that it runs. */
  readonly #id = crypto.randomUUID();
  readonly #runs = new Map<string, Run>();
  #stopping = false;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /**
   * Runs a job to its end. `claim` aborts when the queue takes the job away.
   * @throws {DomainError} when the job is to be handed out again
   */
  async run(id: string, claim: AbortSignal): Promise<void> {
    await this.#runs.get(id)?.ended;
    if (this.#stopping) throw new DomainError("stopping", "Cannot run a job: the server stops");
    const controller = new AbortController();
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    // before the claim: whoever cancels the job from its commit on must find it here
    this.#runs.set(id, { controller, ended });
    try {
      const job = await claimJob(this.#deps.database, id, this.#id);
      if (job) await this.#run(job, claim, controller); // else it has ended meanwhile
    } finally {
      this.#runs.delete(id);
      resolve();
    }
  }

  async #run(job: ClaimedJob, claim: AbortSignal, controller: AbortController): Promise<void> {
    const { id } = job;
    const stop = (reason: StopReason) => controller.abort(reason);
    if (job.cancelled) stop("cancel");
    const onClaimLost = () => stop("stop");
    claim.addEventListener("abort", onClaimLost, { once: true });
    const reporter = new Reporter({ ...this.#deps, job: id, runner: this.#id, onStop: stop });
    try {
      const work = () => this.#work(job, reporter, controller.signal).finally(() => reporter.close());
      // The queue calls this from wherever it was woken: the trace is that of the request for this job.
      const span = { parent: job.traceparent, takes: "job", attributes: { "sulcus.job": id } } as const;
      const outcome = await inSpan(`job ${job.kind}`, span, work);
      await this.#finish(job, { state: "succeeded", ...outcome });
    } catch (error) {
      await this.#handle(job, domainErrorOf(error, "the job"), controller.signal.reason as StopReason | undefined);
    } finally {
      claim.removeEventListener("abort", onClaimLost);
    }
  }

  /** Cancels a job if it runs here. */
  cancel(id: string): void {
    this.#runs.get(id)?.controller.abort("cancel" satisfies StopReason);
  }

  /** Ends what runs; nothing more is started. */
  stop(): void {
    this.#stopping = true;
    for (const { controller } of this.#runs.values()) controller.abort("stop" satisfies StopReason);
  }

  async #work<K extends JobKind>(
    { id, kind, input, attempts, transient }: ClaimedJob & { readonly kind: K },
    reporter: Reporter,
    signal: AbortSignal,
  ): Promise<JobOutcome> {
    if (attempts > MAX_ATTEMPTS) {
      throw new DomainError("worker-crashed", `The job was given up after ${MAX_ATTEMPTS} crashes`);
    }
    const { house, files, workplaces } = this.#deps;
    const { trains, queue, events, run } = KINDS[kind];
    const { process, timeoutMs } = workplaces[queue];
    if (trains) await files.makeFolder(id);
    return await run(input, {
      ...house,
      id,
      paths: files.of(id, transient),
      work: (params, provider = house.provider) =>
        process.run(kind, params, {
          provider,
          signal,
          timeoutMs,
          lock: trains ? files.lock(id) : undefined,
          onEvent(event) {
            if (event.type === "check-failed") house.onCheckFailed({ error: event.error, code: event.code });
            else if (!transient && events.includes(event.type)) reporter.report(event);
          },
        }),
    });
  }

  /** Decides what becomes of a job whose work threw. */
  async #handle(job: ClaimedJob, error: DomainError<WorkErrorCode>, reason: StopReason | undefined): Promise<void> {
    if (reason === "lost") return;
    if (reason === "cancel") return await this.#finish(job, { state: "cancelled" });
    // A client that gets the error of a transient job can ask again.
    const isCrash = error.code === "crashed" && job.attempts < MAX_ATTEMPTS && !job.transient;
    if (reason !== "stop" && !isCrash) return await this.#finish(job, { state: "failed", error });
    const { database, events } = this.#deps;
    await database.transaction(async (tx) => {
      if (!await requeueJob(tx, job.id, { runner: this.#id, forgive: reason === "stop" })) return;
      await events.append(tx, job.id, resumeNote(reason === "stop" ? "The server stopped" : error.message));
    });
    events.wake(job.id);
    throw error;
  }

  async #finish({ id, kind, transient }: ClaimedJob, ending: Ending): Promise<void> {
    const { database, events, endings, files } = this.#deps;
    const outcome = outcomeOf(ending);
    const finished = await database.transaction(async (tx) => {
      const isOurs = await finishJob(tx, id, this.#id, outcome);
      if (isOurs && !transient) await events.append(tx, id, { type: "done", data: { ...outcome } });
      return isOurs;
    });
    if (!finished) return;
    // A training that did not succeed keeps its checkpoint; images of patients are not kept. Whoever waits for a
    // transient job removes its folder with the mask.
    const isOver = ending.state === "succeeded" || !KINDS[kind].trains;
    try {
      if (isOver && !transient) await files.removeFolder(id);
    } finally {
      events.wake(id);
      endings.announce(id, ending);
    }
  }
}

/** An ending as the record keeps it. */
function outcomeOf(ending: Ending): Outcome {
  if (ending.state !== "failed") return ending;
  const { code, message } = ending.error;
  return { state: "failed", error: { code, message } };
}
