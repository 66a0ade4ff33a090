/**
 * Runs queued jobs in this process's workers: claims one, follows it, writes how it ended. A job that ends without an
 * outcome (the server stops, a worker crashes) goes back into the queue and resumes from its checkpoint.
 */
import type { WorkErrorCode } from "../types.ts";
import { type Database, DomainError, type Queryable } from "../../storage/mod.ts";
import type { EventLog } from "../queue/event_log.ts";
import { type FinetuneDeps, runFinetune } from "../kinds/finetune.ts";
import { runPretraining } from "../kinds/pretrain.ts";
import type { InferenceService } from "../kinds/inference_service.ts";
import type { JobFiles } from "../queue/files.ts";
import { type ClaimedJob, claimJob, finishJob, type Outcome, requeueJob } from "../queue/rows.ts";
import { Reporter } from "./reporter.ts";
import { domainErrorOf } from "./task_process.ts";
import { isTraining } from "../types.ts";

export interface RunnerDeps {
  readonly database: Database;
  readonly events: EventLog;
  readonly files: JobFiles;
  readonly training: FinetuneDeps;
  readonly inference: InferenceService;
}

/** Starts of a job that ended in a crash within a minute each, after which it is given up. */
const MAX_ATTEMPTS = 3;

type StopReason = "cancel" | "stop" | "lost";

interface Run {
  readonly controller: AbortController;
  readonly ended: Promise<void>;
}

export class Runner {
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
    const job = await claimJob(this.#deps.database, id, this.#id);
    if (!job) return; // it ended meanwhile
    const controller = new AbortController();
    const stop = (reason: StopReason) => controller.abort(reason);
    const { promise: ended, resolve } = Promise.withResolvers<void>();
    this.#runs.set(id, { controller, ended });
    const onClaimLost = () => stop("stop");
    claim.addEventListener("abort", onClaimLost, { once: true });
    const reporter = new Reporter({ ...this.#deps, job: id, runner: this.#id, onStop: stop });
    try {
      const outcome = await this.#work(job, reporter, controller.signal).finally(() => reporter.close());
      await this.#finish(job, outcome);
    } catch (error) {
      await this.#handle(job, domainErrorOf(error, "the job"), controller.signal.reason as StopReason | undefined);
    } finally {
      claim.removeEventListener("abort", onClaimLost);
      this.#runs.delete(id);
      resolve();
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

  /** Writes that a job whose runner is gone waits again. */
  async putBack(tx: Queryable, id: string, why: string): Promise<void> {
    await requeueJob(tx, id);
    await this.#deps.events.append(tx, id, resumeNote(why));
  }

  async #work(job: ClaimedJob, reporter: Reporter, signal: AbortSignal): Promise<Outcome> {
    if (job.attempts > MAX_ATTEMPTS) {
      throw new DomainError("worker-crashed", `The job was given up after ${MAX_ATTEMPTS} crashes`);
    }
    const { training, inference, files } = this.#deps;
    const options = { signal, onEvent: reporter.report.bind(reporter) };
    if (job.kind === "finetune") return { state: "succeeded", ...await runFinetune(job, training, options) };
    if (job.kind === "pretrain") return { state: "succeeded", ...await runPretraining(job, training, options) };
    const { images, ...input } = job.input;
    const follow = {
      signal,
      unbounded: true,
      onProgress: (step: number, steps: number) => reporter.report({ type: "progress", step, steps }),
    };
    const { result, ...used } = job.kind === "segment"
      ? await inference.segment({ ...input, images }, files.result(job.id), follow)
      : await inference.classify({ ...input, images }, follow);
    return { state: "succeeded", result: { ...used, provider: result.provider, output: result } };
  }

  /** What becomes of a job whose work threw. */
  async #handle(job: ClaimedJob, error: DomainError<WorkErrorCode>, reason: StopReason | undefined): Promise<void> {
    if (reason === "lost") return;
    if (reason === "cancel") return await this.#finish(job, { state: "cancelled" });
    const isCrash = error.code === "crashed" && job.attempts < MAX_ATTEMPTS;
    if (reason !== "stop" && !isCrash) {
      const { code, message } = error;
      return await this.#finish(job, { state: "failed", error: { code, message } });
    }
    const { database, events } = this.#deps;
    await database.transaction(async (tx) => {
      if (!await requeueJob(tx, job.id, { runner: this.#id, forgive: reason === "stop" })) return;
      await events.append(tx, job.id, resumeNote(reason === "stop" ? "The server stopped" : error.message));
    });
    events.wake(job.id);
    throw error;
  }

  async #finish({ id, kind }: ClaimedJob, outcome: Outcome): Promise<void> {
    const { database, events, files } = this.#deps;
    const finished = await database.transaction(async (tx) => {
      const isOurs = await finishJob(tx, id, this.#id, outcome);
      if (isOurs) await events.append(tx, id, { type: "done", data: { ...outcome } });
      return isOurs;
    });
    if (!finished) return;
    events.wake(id);
    // A training that did not succeed keeps its checkpoint; images of patients are not kept.
    if (outcome.state === "succeeded" || !isTraining(kind)) await files.removeWorkshop(id);
  }
}

function resumeNote(why: string) {
  return { type: "log", data: { message: `${why}; the job goes on from its last checkpoint` } } as const;
}
