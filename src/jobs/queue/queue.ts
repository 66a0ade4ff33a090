/**
 * The queue of job ids, kept by pg-boss in the same database as everything else. Not the job records: those are rows of
 * ours, and they alone hold a job's state.
 */
import { type Db, PgBoss } from "pg-boss";
import type { Database, Queryable } from "../../storage/mod.ts";
import { type QueueName, QUEUES } from "../types.ts";

/** Longest claim on a job that pg-boss allows; a longer training continues with a new claim. */
const CLAIM_SECONDS = 24 * 3600;
/** Silence after which a runner on a shared server counts as dead. */
const HEARTBEAT_SECONDS = 60;
/** Longest delay until a job is found that another process sent, or that was put back. */
const POLL_SECONDS = 1;
const YEAR_SECONDS = 365 * 24 * 3600;

export class JobQueue {
  readonly #database: Database;
  readonly #boss: PgBoss;
  readonly #workers = new Map<QueueName, string>();

  private constructor(database: Database) {
    this.#database = database;
    this.#boss = new PgBoss({
      db: bossDb(database),
      backend: database.kind,
      schedule: false,
      registerInstance: false,
      monitorVacuum: false,
      openTelemetry: { enabled: false },
    });
    this.#boss.on("error", () => {}); // a failed poll is repeated; a broken database shows in every request
  }

  static async open(database: Database): Promise<JobQueue> {
    const queue = new JobQueue(database);
    await queue.#boss.start();
    for (const name of QUEUES) {
      await queue.#boss.createQueue(name, {
        policy: "standard",
        retryLimit: 1_000_000, // our own records decide when to give up
        retentionSeconds: YEAR_SECONDS,
        deleteAfterSeconds: 3600,
        expireInSeconds: CLAIM_SECONDS,
        // The only process that can use an embedded database need not prove that it lives.
        ...(database.kind === "postgres" && { heartbeatSeconds: HEARTBEAT_SECONDS }),
      });
    }
    return queue;
  }

  /**
   * Puts a job into the queue as part of a transaction; call {@link JobQueue.wake} after its commit. `first` places it
   * before the jobs that nobody waits for.
   */
  async send(tx: Queryable, name: QueueName, job: string, { first = false } = {}): Promise<void> {
    await this.#boss.send(name, {}, { id: job, priority: first ? 1 : 0, db: bossDb(tx) });
  }

  /** Takes a job out of the queue as part of a transaction, in any state. */
  async remove(tx: Queryable, name: QueueName, job: string): Promise<void> {
    await this.#boss.deleteJob(name, job, { db: bossDb(tx) });
  }

  /** True when the queue will hand the job out, or has handed it to a process that may still live. */
  async holds(name: QueueName, job: string): Promise<boolean> {
    const [found] = await this.#boss.findJobs(name, { id: job });
    if (!found) return false;
    const waiting = found.state === "created" || found.state === "retry";
    return waiting || (found.state === "active" && this.#database.kind === "postgres");
  }

  /**
   * Hands jobs out one at a time. A handler that throws puts its job back; `signal` aborts when the claim is lost.
   */
  async work(name: QueueName, handler: (job: string, signal: AbortSignal) => Promise<void>): Promise<void> {
    const worker = await this.#boss.work(
      name,
      { batchSize: 1, pollingIntervalSeconds: POLL_SECONDS },
      async ([job]) => {
        await handler(job.id, job.signal);
        this.wake(name); // pg-boss would wait for the rest of its poll interval before it takes the next job
      },
    );
    this.#workers.set(name, worker);
  }

  /** Lets this process look into the queue now. */
  wake(name: QueueName): void {
    const worker = this.#workers.get(name);
    if (worker) this.#boss.notifyWorker(worker);
  }

  /** Waits for running handlers, at most `timeoutMs`. */
  async stop(timeoutMs: number): Promise<void> {
    await this.#boss.stop({ graceful: true, timeout: timeoutMs, close: false });
  }
}

function bossDb(on: Queryable): Db {
  return {
    executeSql: (text, values) => values?.length ? on.query(text, values) : on.script(text),
  };
}
