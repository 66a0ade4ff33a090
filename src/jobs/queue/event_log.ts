/**
 * The log of each job's events: its runner appends, readers start at any entry and follow while it grows. Not the training
 * curve: only the latest entries of progress are kept.
 */
import type { Database, Queryable } from "../../storage/mod.ts";
import { Turns } from "../../process/mod.ts";
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

/** Events after one, and whether the job is over and there are none. */
interface Page {
  readonly events: readonly JobEvent[];
  readonly hasEnded: boolean;
}

/** A job with followers in this process: a hundred of them that have seen the same read the next page once. */
interface Followed {
  readonly waiting: Set<() => void>;
  /** Pages that are being read since the last wake, by the event before them. */
  readonly pages: Map<string, Promise<Page>>;
  readonly poll: ReturnType<typeof setInterval>;
  followers: number;
}

export class EventLog {
  readonly #database: Database;
  readonly #turns = new Turns();
  readonly #pollMs: number;
  readonly #followed = new Map<string, Followed>();

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
    const followed = this.#followed.get(job);
    if (followed === undefined) return;
    followed.pages.clear(); // one that is being read may lack what was just committed
    const waiting = [...followed.waiting];
    followed.waiting.clear();
    for (const wake of waiting) wake();
  }

  /**
   * Events after `after` (an event's id), then new ones as they come; ends after `done` or when `signal` aborts. Followers
   * of a job get the same objects.
   */
  async *follow(
    job: string,
    { after, signal }: { after?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<JobEvent> {
    let last = after && /^\d{1,18}$/.test(after) ? after : "0";
    const followed = this.#enter(job);
    try {
      while (!signal?.aborted) {
        const news = nextWake(followed, signal); // listens before it reads, so that no event is missed
        try {
          const { events, hasEnded } = await this.#page(followed, { job, after: last });
          for (const event of events) {
            last = event.id;
            await this.#turns.take();
            yield event;
            if (event.type === "done" || signal?.aborted) return;
          }
          if (hasEnded) return;
          if (events.length < PAGE) await news.promise;
        } finally {
          news.stop();
        }
      }
    } finally {
      this.#leave(job, followed);
    }
  }

  #enter(job: string): Followed {
    const followed = this.#followed.get(job) ?? {
      waiting: new Set(),
      pages: new Map(),
      poll: setInterval(() => this.wake(job), this.#pollMs),
      followers: 0,
    };
    followed.followers++;
    this.#followed.set(job, followed);
    return followed;
  }

  #leave(job: string, followed: Followed): void {
    if (--followed.followers > 0) return;
    clearInterval(followed.poll);
    this.#followed.delete(job);
  }

  #page({ pages }: Followed, place: { readonly job: string; readonly after: string }): Promise<Page> {
    const found = pages.get(place.after);
    if (found !== undefined) return found;
    const page = this.#readPage(place).finally(() => {
      if (pages.get(place.after) === page) pages.delete(place.after);
    });
    pages.set(place.after, page);
    return page;
  }

  async #readPage({ job, after }: { readonly job: string; readonly after: string }): Promise<Page> {
    const { rows: events } = await this.#database.query<JobEvent>(
      `SELECT id::text AS id, type, data FROM sulcus.job_events WHERE job = $1 AND id > $2::bigint
       ORDER BY job_events.id LIMIT ${PAGE}`,
      [job, after],
    );
    return { events, hasEnded: events.length === 0 && await this.#hasEnded(job) };
  }

  /** Ends the follower that resumed after the last event of a job that is over. */
  async #hasEnded(job: string): Promise<boolean> {
    const { rows } = await this.#database.query(
      "SELECT 1 FROM sulcus.jobs WHERE id = $1 AND state IN ('queued', 'running')",
      [job],
    );
    return rows.length === 0;
  }
}

function nextWake({ waiting }: Followed, signal?: AbortSignal): { promise: Promise<void>; stop: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  waiting.add(resolve);
  const onAbort = () => resolve();
  signal?.addEventListener("abort", onAbort, { once: true });
  const stop = () => {
    signal?.removeEventListener("abort", onAbort);
    waiting.delete(resolve);
  };
  return { promise, stop };
}
