/** The entry that the end of a job leaves in the audit trail, in the transaction that ends it. */
import { type Actor, appendEvents, type AuditEvent } from "../../audit/mod.ts";
import type { Queryable } from "../../storage/mod.ts";

/** A job that has ended; without `code`: with a result. */
export interface EndedJob {
  readonly id: string;
  readonly askedBy: Actor;
  /** Of the error, or "cancelled". */
  readonly code?: string;
}

/** Adds the entries of jobs that end in this transaction. */
export async function recordEnds(tx: Queryable, jobs: readonly EndedJob[]): Promise<void> {
  if (jobs.length > 0) await appendEvents(tx, jobs.map(eventOf));
}

function eventOf({ id, askedBy, code }: EndedJob): AuditEvent {
  return {
    who: askedBy,
    action: "job.end",
    object: { kind: "job", id },
    outcome: code === undefined ? "success" : code === "cancelled" ? "refused" : "failed",
    ...(code !== undefined && { code }),
  };
}
