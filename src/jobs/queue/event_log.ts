/**
 * The log of each job's events: its runner appends, readers start at any entry and follow while it grows. Not the training
 * curve: only the latest entries of progress are kept.
 */
import type { Database, Queryable } from "../../storage/mod.ts";
import type { JobEvent } from "../types.ts";

/** Progress entries that a job keeps. */
const KEPT_PROGRESS = 200;
/** Log lines that a job keeps. */
const KEPT_LOG = 1000;
const PAGE = 500;

/** The log entry of a job that will run again. */
export function resumeNote(why: string): Omit<JobEvent, "id"> {
  return { type: "log", data: { message: `${why}; the job resumes from its last checkpoint` } };
}

export class EventLog {
  readonly #database: Database;
  readonly #pollMs: number;
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(database: Database) {
    this.#database = database;
    // On a shared server another process may write the events; an embedded database has no other process.
    this.#pollMs = database.kind === "postgres" ? 1000 : 10_000;
  }

  /** Appends an event; call {@link EventLog.wake} once the transaction is committed. */
  async append(tx: Queryable, job: string, { type, data }: Omit<JobEvent, "id">): Promise<void> {
    await tx.query("INSERT INTO sulcus.job_events (job, type, data) VALUES ($1, $2, $3)", [
      job,
      type,
      JSON.stringify(data),
    ]);
    const kept = { progress: KEPT_PROGRESS, log: KEPT_LOG, validation: null, done: null }[type];
    if (kept !== null) {
      await tx.query(
        `DELETE FROM sulcus.job_events WHERE job = $1 AND type = $2 AND id <=
           (SELECT id FROM sulcus.job_events WHERE job = $1 AND type = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)`,
        [job, type, kept],
      );
    }
  }

  /** Wakes the followers in this process after a commit. */
  wake(job: string): void {
    for (const listener of this.#listeners.get(job) ?? []) listener();
  }

  /** Events after `after` (an event's id), then new ones as they come; ends after `done` or when `signal` aborts. */
  async *follow(
    job: string,
    { after, signal }: { after?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<JobEvent> {
    let last = after && /^\d{1,18}$/.test(after) ? after : "0";
    while (!signal?.aborted) {
      const news = this.#nextWake(job, signal); // listens before it reads, so that no event is missed
      try {
        const { rows } = await this.#database.query<JobEvent>(
          `SELECT id::text AS id, type, data FROM sulcus.job_events WHERE job = $1 AND id > $2::bigint
           ORDER BY job_events.id LIMIT ${PAGE}`,
          [job, last],
        );
        for (const event of rows) {
          last = event.id;
          yield event;
          if (event.type === "done" || signal?.aborted) return;
        }
        if (rows.length === 0 && await this.#hasEnded(job)) return;
        if (rows.length < PAGE) await news.promise;
      } finally {
        news.stop();
      }
    }
  }

  /** Ends the follower that resumed after the last event of a job that is over. */
  async #hasEnded(job: string): Promise<boolean> {
    const { rows } = await this.#database.query(
      "SELECT 1 FROM sulcus.jobs WHERE id = $1 AND state IN ('queued', 'running')",
      [job],
    );
    return rows.length === 0;
  }

  #nextWake(job: string, signal?: AbortSignal): { promise: Promise<void>; stop: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const listeners = this.#listeners.get(job) ?? new Set();
    this.#listeners.set(job, listeners.add(resolve));
    const timer = setTimeout(resolve, this.#pollMs);
    const onAbort = () => resolve();
    signal?.addEventListener("abort", onAbort, { once: true });
    const stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", onAbort);
      listeners.delete(resolve);
      if (listeners.size === 0 && this.#listeners.get(job) === listeners) this.#listeners.delete(job);
    };
    return { promise, stop };
  }
}
