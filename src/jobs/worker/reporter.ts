/**
 * Writes the events of a running job into its record and its event log, in order and at most once a second, and notices
 * when the job is to stop or runs elsewhere. A failed write does not disturb the job.
 */
import type { Database } from "../../storage/mod.ts";
import type { EventLog } from "../queue/event_log.ts";
import { touchJob } from "../queue/rows.ts";
import type { JobEvent, JobProgress, TaskEvent } from "../types.ts";

export interface ReporterOptions {
  readonly database: Database;
  readonly events: EventLog;
  readonly job: string;
  readonly runner: string;
  /** Called when the job is to be cancelled or runs elsewhere. */
  readonly onStop: (why: "cancel" | "lost") => void;
  /** Shortest time between two progress entries, ms. Default 1 s. */
  readonly intervalMs?: number;
}

/** A job that has run for this long did not crash at its start. */
const STEADY_MS = 60_000;
/** How often a runner on a shared server looks whether another process cancelled its job. */
const LOOK_MS = 2000;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #startedAt = Date.now();
  readonly #timer: ReturnType<typeof setInterval> | undefined;
  #writes: Promise<unknown> = Promise.resolve();
  #pending: JobProgress | undefined;
  #lastWrite = 0;
  #delayed: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    if (options.database.kind === "postgres") {
      this.#timer = setInterval(() => this.#enqueue(() => this.#touch()), LOOK_MS);
    }
  }

  report(event: Exclude<TaskEvent, { type: "check-failed" }>): void {
    const { type, ...data } = event;
    if (type !== "progress") {
      this.#writePending();
      this.#enqueue(() => this.#append({ type, data }));
      return;
    }
    this.#pending = data as JobProgress;
    const waitMs = this.#lastWrite + (this.#options.intervalMs ?? 1000) - Date.now();
    if (waitMs <= 0) this.#writePending();
    else this.#delayed ??= setTimeout(() => this.#writePending(), waitMs);
  }

  /** Writes the pending progress and stops. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#writePending();
    await this.#writes;
  }

  #writePending(): void {
    clearTimeout(this.#delayed);
    this.#delayed = undefined;
    const progress = this.#pending;
    this.#pending = undefined;
    if (!progress) return;
    this.#lastWrite = Date.now();
    this.#enqueue(async () => {
      if (await this.#touch(progress)) await this.#append({ type: "progress", data: { ...progress } });
    });
  }

  async #touch(progress?: JobProgress): Promise<boolean> {
    const { database, job, runner, onStop } = this.#options;
    const steady = Date.now() - this.#startedAt > STEADY_MS;
    const found = await touchJob(database, job, { runner, progress, steady });
    if (found !== "kept") onStop(found);
    return found !== "lost";
  }

  async #append(event: Omit<JobEvent, "id">): Promise<void> {
    const { database, events, job } = this.#options;
    await database.transaction((tx) => events.append(tx, job, event));
    events.wake(job);
  }

  #enqueue(write: () => Promise<unknown>): void {
    this.#writes = this.#writes.then(write).catch(() => {});
  }
}
