/** Jobs as they come and go: record, queue entry, events and files change together here. Runs nothing. */
import { lockDataset } from "../../datasets/mod.ts";
import { type Database, DomainError, type Witness } from "../../storage/mod.ts";
import type { Projects } from "../../identity/mod.ts";
import type { House } from "../kinds/kind.ts";
import { type JobKind, KINDS, type WishOf } from "../kinds/table.ts";
import type { Endings } from "./endings.ts";
import { type EventLog, resumeNote } from "./event_log.ts";
import type { JobFiles } from "./files.ts";
import { type JobBounds, takePlace } from "./places.ts";
import type { JobQueue } from "./queue.ts";
import {
  deleteJob,
  deleteTransient,
  finishJob,
  insertJob,
  type NewJob,
  requestCancel,
  requeueJob,
  selectOpenJobs,
} from "./rows.ts";
import { deleteOutdatedJobs, outdatedUploads, sweepFiles } from "./retention.ts";

export interface JobStoreParts {
  readonly database: Database;
  readonly queue: JobQueue;
  readonly events: EventLog;
  readonly endings: Endings;
  readonly files: JobFiles;
  readonly house: House;
  readonly bounds: JobBounds;
  readonly projects: Pick<Projects, "policies">;
  readonly dataDirectory: string;
}

export class JobStore {
  readonly #parts: JobStoreParts;

  constructor(parts: JobStoreParts) {
    this.#parts = parts;
  }

  /** Plans a wish and queues it; call {@link JobQueue.wake} afterwards. @throws {DomainError} `busy`, and as the kind's plan does */
  async add<K extends JobKind>(
    kind: K,
    wish: WishOf<K>,
    job: Pick<NewJob, "id" | "awaited" | "transient" | "owner" | "askedBy" | "mostOpen" | "project"> & {
      readonly witness?: Witness;
    },
  ): Promise<void> {
    const { database, queue, files, house, bounds } = this.#parts;
    const record = KINDS[kind];
    const takeImages = files.takeImages.bind(files, job.id);
    try {
      const { input, dataset } = await record.plan(wish, { ...house, awaited: job.awaited, takeImages });
      await database.transaction(async (tx) => {
        if (dataset) await lockDataset(tx, dataset);
        await takePlace(tx, { ...job, kind }, bounds);
        await insertJob(tx, { ...job, kind, input, dataset });
        await queue.send(tx, record.queue, job.id, { first: job.awaited });
        await job.witness?.(tx, job.id);
      });
    } catch (error) {
      await files.removeFolder(job.id);
      throw error;
    }
  }

  /** Ends a queued job; asks for the end of a running one. @throws {DomainError} `not-found`, `job-finished` */
  async cancel(id: string, witness?: Witness): Promise<void> {
    const { database, queue, events, endings, files } = this.#parts;
    const { kind, state } = await database.transaction(async (tx) => {
      const { kind, state } = await requestCancel(tx, id);
      if (state === "queued") {
        await finishJob(tx, id, null, { state: "cancelled" });
        await events.append(tx, id, { type: "done", data: { state: "cancelled" } });
        await queue.remove(tx, KINDS[kind].queue, id);
      }
      await witness?.(tx);
      return { kind, state };
    });
    if (state !== "queued") return;
    try {
      if (!KINDS[kind].trains) await files.removeFolder(id);
    } finally {
      events.wake(id);
      endings.announce(id, { state: "cancelled" });
    }
  }

  /** Removes a transient job that has ended. */
  async forget(id: string): Promise<void> {
    const { database, files } = this.#parts;
    await Promise.all([database.transaction((tx) => deleteJob(tx, id)), files.removeFolder(id)]);
  }

  /** Removes transient jobs that were made before a time and that no process waits for any more. */
  async purge(before: Date): Promise<void> {
    const { database, files } = this.#parts;
    const removed = await database.transaction((tx) => deleteTransient(tx, before));
    for (const id of removed) await files.removeFolder(id);
  }

  /** Removes records and files whose time is over at `now`, and cancels jobs whose images waited too long. */
  async sweep(now: number): Promise<void> {
    const { database, files, dataDirectory } = this.#parts;
    const policies = await this.#parts.projects.policies();
    for (const id of await outdatedUploads(database, policies, now)) await this.cancel(id).catch(unlessOver);
    await deleteOutdatedJobs(database, { policies, dataDirectory, now });
    const open = new Set((await selectOpenJobs(database)).map((job) => job.id));
    await sweepFiles({ database, files }, { policies, open, now });
  }

  /** Queues every open job again that the queue does not hold, because its process died. */
  async recover(): Promise<void> {
    const { database, queue, events } = this.#parts;
    for (const { id, kind, state } of await selectOpenJobs(database)) {
      const name = KINDS[kind].queue;
      if (await queue.holds(name, id)) continue;
      await database.transaction(async (tx) => {
        if (state === "running") {
          await requeueJob(tx, id);
          await events.append(tx, id, resumeNote("The server was restarted"));
        }
        await queue.remove(tx, name, id);
        await queue.send(tx, name, id);
      });
    }
  }
}

/** It began or ended meanwhile. */
function unlessOver(error: unknown): void {
  if (!(error instanceof DomainError && (error.code === "job-finished" || error.code === "not-found"))) throw error;
}
