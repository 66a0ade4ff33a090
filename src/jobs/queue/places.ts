/** How many jobs may be open, in all and of one identity. Counted in the transaction that adds the job, under a lock. */
import { DomainError, type Queryable } from "../../storage/mod.ts";
import { tooManyJobs } from "../../identity/mod.ts";
import { JOB_KINDS, KINDS } from "../kinds/table.ts";
import type { QueueName } from "../types.ts";
import type { NewJob } from "./rows.ts";

export interface JobBounds {
  /** Requests that may wait beside the one that is answered, in all and of one identity. */
  readonly waiting: number;
  readonly waitingEach: number;
  /** Jobs that nobody waits for, open in one queue. */
  readonly queued: number;
}

export const DEFAULT_JOB_BOUNDS: JobBounds = { waiting: 8, waitingEach: 4, queued: 100 };

/** Serialises the bounded inserts of all processes; any constant that no other lock of the database has. */
const ADVISORY_LOCK = 7_263_187;

interface Open {
  readonly waiting: number;
  readonly waiting_own: number;
  readonly queued: number;
  readonly own: number;
}

/**
 * Makes sure that there is a place for one more job until the transaction ends: nobody else takes it meanwhile.
 * @throws {DomainError} `busy`, `quota-used-up`
 */
export async function takePlace(
  tx: Queryable,
  { kind, awaited, owner, mostOpen }: Pick<NewJob, "kind" | "awaited" | "owner" | "mostOpen">,
  bounds: JobBounds,
): Promise<void> {
  await tx.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
  const { queue } = KINDS[kind];
  const { rows: [open] } = await tx.query<Open>(
    `SELECT (count(*) FILTER (WHERE awaited AND state = 'queued')
              + least(count(*) FILTER (WHERE awaited AND state = 'running'), 1))::integer AS waiting,
            (count(*) FILTER (WHERE awaited AND owner = $1))::integer AS waiting_own,
            (count(*) FILTER (WHERE NOT awaited AND ${isIn(queue)}))::integer AS queued,
            (count(*) FILTER (WHERE owner = $1))::integer AS own
     FROM sulcus.jobs WHERE state IN ('queued', 'running')`,
    [owner],
  );
  if (mostOpen !== undefined && open.own >= mostOpen) throw tooManyJobs(mostOpen);
  if (awaited) {
    refuseAt(open.waiting > bounds.waiting, `${bounds.waiting} others are waiting`);
    refuseAt(open.waiting_own >= bounds.waitingEach, `${open.waiting_own} of yours are waiting`);
  } else {
    refuseAt(open.queued >= bounds.queued, `${open.queued} jobs wait or run in the queue`);
  }
}

/** The kinds of a queue, as SQL: names of our own. */
function isIn(queue: QueueName): string {
  const kinds = JOB_KINDS.filter((kind) => KINDS[kind].queue === queue);
  return `kind IN (${kinds.map((kind) => `'${kind}'`).join(", ")})`;
}

function refuseAt(isFull: boolean, why: string): void {
  if (isFull) throw new DomainError("busy", `Cannot take the request now: ${why}`);
}
