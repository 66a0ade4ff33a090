/**
 * The job table. Every change of state is one guarded statement, so that only one of two processes makes it: the row names
 * its `runner`, and a runner that was superseded changes nothing more.
 */
import type { Actor } from "../../audit/mod.ts";
import { LOCAL } from "../../identity/mod.ts";
import { traceparent } from "../../process/mod.ts";
import { DomainError, isUuid, type Queryable } from "../../storage/mod.ts";
import type { LeftOut, Metrics } from "../../train/mod.ts";
import type { JobKind, OutputOf } from "../kinds/table.ts";
import type { Ending, JobError, JobOutcome, JobProgress, JobResult, JobState, WorkErrorCode } from "../types.ts";
import { recordEnds } from "./end_event.ts";

/** A job, as `GET /v1/jobs/{id}` shows it. */
export interface JobRecord {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly progress?: JobProgress;
  readonly validation?: Metrics;
  /** Cases of the data set that a training leaves out. */
  readonly leftOut?: readonly LeftOut[];
  readonly result?: JobResult<OutputOf<JobKind>>;
  readonly error?: JobError;
}

export interface ClaimedJob {
  readonly id: string;
  readonly kind: JobKind;
  /** As the kind's plan stored it. */
  readonly input: unknown;
  readonly attempts: number;
  readonly transient: boolean;
  /** The span of the request for it; null: it was not traced. */
  readonly traceparent: string | null;
  /** Its end was asked for before it began. */
  readonly cancelled: boolean;
}

/** How a job ends. */
export type Outcome =
  | ({ readonly state: "succeeded" } & JobOutcome)
  | { readonly state: "failed"; readonly error: JobError }
  | { readonly state: "cancelled" };

interface JobRow {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly finished_at: Date | null;
  readonly progress: JobProgress | null;
  readonly validation: Metrics | null;
  readonly left_out: readonly LeftOut[] | null;
  readonly result: JobRecord["result"] | null;
  readonly error: JobError | null;
}
const COLUMNS =
  "id, kind, state, created_at, started_at, finished_at, progress, validation, input->'leftOut' AS left_out, result, error";

export interface NewJob {
  readonly id: string;
  readonly kind: JobKind;
  readonly input: unknown;
  readonly dataset?: string;
  /** A request waits for it. */
  readonly awaited: boolean;
  /** Row and files go with the request; no list shows it. */
  readonly transient: boolean;
  /** Id of the identity that asked for it; null: it belongs to everybody with the role. */
  readonly owner: string | null;
  /** Whose policy it follows where neither its data set nor its model has a project. Default: that of the installation. */
  readonly project?: string | null;
  /** For the audit trail. Default: whoever reaches a server without logins. */
  readonly askedBy?: Actor;
  /** The most jobs of the owner that may be open with this one. Default: no bound. */
  readonly mostOpen?: number;
}

/** Queues a job, in a transaction that has a place for it: see `takePlace()`. */
export async function insertJob(
  tx: Queryable,
  { id, kind, input, dataset, awaited, transient, owner, project = null, askedBy = LOCAL }: NewJob,
): Promise<void> {
  const { id: who, name, via } = askedBy;
  await tx.query(
    `INSERT INTO sulcus.jobs (id, kind, state, input, dataset, awaited, transient, owner, asked_by, traceparent, project)
     VALUES ($1::uuid, $2, 'queued', $3::jsonb, $4::uuid, $5::boolean, $6::boolean, $7::text, $8::jsonb, $9::text,
       coalesce((SELECT project FROM sulcus.datasets WHERE id = $4::uuid),
                (SELECT project FROM sulcus.model_owners WHERE name = $3::jsonb->>'model'), $10::text))`,
    [
      id,
      kind,
      JSON.stringify(input),
      dataset ?? null,
      awaited,
      transient,
      owner,
      JSON.stringify({ id: who, name, via }),
      traceparent() ?? null,
      project,
    ],
  );
}

interface DeletedRow {
  readonly id: string;
  readonly state: JobState;
  readonly asked_by: Actor;
}

/** Removes a job with its events. */
export async function deleteJob(tx: Queryable, id: string): Promise<void> {
  const { rows } = await tx.query<DeletedRow>("DELETE FROM sulcus.jobs WHERE id = $1 RETURNING id, state, asked_by", [
    id,
  ]);
  await recordAbandoned(tx, rows);
}

/** Removes the transient jobs made before a time, and returns their ids: the processes that waited have died. */
export async function deleteTransient(tx: Queryable, before: Date): Promise<string[]> {
  const { rows } = await tx.query<DeletedRow>(
    "DELETE FROM sulcus.jobs WHERE transient AND created_at < $1 RETURNING id, state, asked_by",
    [before],
  );
  await recordAbandoned(tx, rows);
  return rows.map(({ id }) => id);
}

/** A job that is removed before its end has ended too: nobody waits for it any more. */
async function recordAbandoned(tx: Queryable, rows: readonly DeletedRow[]): Promise<void> {
  const open = rows.filter(({ state }) => state === "queued" || state === "running");
  await recordEnds(tx, open.map(({ id, asked_by: askedBy }) => ({ id, askedBy, code: "stopping" })));
}

/** How a job ended, also a transient one; null while it is open. @throws {DomainError} `not-found` */
export async function selectEnding(on: Queryable, id: string): Promise<Ending | null> {
  const { rows } = await on.query<JobRow>(`SELECT ${COLUMNS} FROM sulcus.jobs WHERE id = $1`, [id]);
  if (!rows[0]) throw notFound();
  const { state, result, validation, error } = recordOf(rows[0]);
  if (state === "succeeded" && result) return { state, result, validation };
  if (state === "failed" && error) {
    return { state, error: new DomainError(error.code as WorkErrorCode, error.message) };
  }
  return state === "cancelled" ? { state } : null;
}

/** A job that users may see. @throws {DomainError} `not-found` */
export async function selectJob(on: Queryable, id: string): Promise<JobRecord> {
  const { rows } = isUuid(id)
    ? await on.query<JobRow>(`SELECT ${COLUMNS} FROM sulcus.jobs WHERE id = $1 AND NOT transient`, [id])
    : { rows: [] };
  if (!rows[0]) throw notFound();
  return recordOf(rows[0]);
}

export interface JobFilter {
  readonly kind?: JobKind;
  readonly state?: JobState;
  /** Default 100, at most 1000. */
  readonly limit?: number;
  /** Id of the last job of the former page. */
  readonly before?: string;
  /** Only jobs that belong to this identity or to everybody. */
  readonly visibleTo?: string;
}

/** Newest first. */
export async function selectJobs(
  on: Queryable,
  { kind, state, limit = 100, before, visibleTo }: JobFilter,
): Promise<JobRecord[]> {
  const { rows } = await on.query<JobRow>(
    `SELECT ${COLUMNS} FROM sulcus.jobs
     WHERE NOT transient AND ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR state = $2)
       AND ($3::uuid IS NULL OR seq < (SELECT seq FROM sulcus.jobs WHERE id = $3::uuid))
       AND ($5::text IS NULL OR owner IS NULL OR owner = $5)
     ORDER BY seq DESC LIMIT $4`,
    [kind ?? null, state ?? null, before && isUuid(before) ? before : null, Math.min(limit, 1000), visibleTo ?? null],
  );
  return rows.map(recordOf);
}

/** Jobs that wait or run, oldest first. */
export async function selectOpenJobs(on: Queryable): Promise<{ id: string; kind: JobKind; state: JobState }[]> {
  const { rows } = await on.query<{ id: string; kind: JobKind; state: JobState }>(
    "SELECT id, kind, state FROM sulcus.jobs WHERE state IN ('queued', 'running') ORDER BY seq",
  );
  return rows;
}

/** Makes `runner` the runner of an open job; null when the job has ended. */
export async function claimJob(on: Queryable, id: string, runner: string): Promise<ClaimedJob | null> {
  const { rows } = await on.query<ClaimedJob>(
    `UPDATE sulcus.jobs
     SET state = 'running', runner = $2, attempts = attempts + 1, started_at = coalesce(started_at, now())
     WHERE id = $1 AND state IN ('queued', 'running')
     RETURNING id, kind, input, attempts, transient, traceparent, cancel_requested AS cancelled`,
    [id, runner],
  );
  return rows[0] ?? null;
}

/** Puts a running job back, by default whoever ran it. `forgive` does not count the attempt. */
export async function requeueJob(
  on: Queryable,
  id: string,
  { runner, forgive = false }: { runner?: string; forgive?: boolean } = {},
): Promise<boolean> {
  const { affected } = await on.query(
    `UPDATE sulcus.jobs SET state = 'queued', runner = NULL, attempts = attempts - $3::integer
     WHERE id = $1 AND state = 'running' AND ($2::uuid IS NULL OR runner = $2::uuid)`,
    [id, runner ?? null, forgive ? 1 : 0],
  );
  return affected > 0;
}

/** Writes a runner's progress and returns whether it may continue. `steady` forgives the attempts so far. */
export async function touchJob(
  on: Queryable,
  id: string,
  { runner, progress, steady = false }: { runner: string; progress?: JobProgress; steady?: boolean },
): Promise<"kept" | "cancel" | "lost"> {
  const { rows } = await on.query<{ cancel_requested: boolean }>(
    `UPDATE sulcus.jobs
     SET progress = coalesce($3::jsonb, progress), attempts = CASE WHEN $4::boolean THEN 1 ELSE attempts END
     WHERE id = $1 AND runner = $2 AND state = 'running' RETURNING cancel_requested`,
    [id, runner, progress ? JSON.stringify(progress) : null, steady],
  );
  return rows.length === 0 ? "lost" : rows[0].cancel_requested ? "cancel" : "kept";
}

/** Asks for a job's end and returns its state; "queued": nobody runs it. @throws {DomainError} `not-found`, `job-finished` */
export async function requestCancel(tx: Queryable, id: string): Promise<{ kind: JobKind; state: JobState }> {
  const { rows } = await tx.query<{ kind: JobKind; state: JobState }>(
    `UPDATE sulcus.jobs SET cancel_requested = true
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING kind, state`,
    [id],
  );
  if (rows[0]) return rows[0];
  const { kind } = await selectJob(tx, id);
  throw new DomainError("job-finished", `Cannot cancel this ${kind} job: it has ended already`);
}

/**
 * Ends a job that `runner` runs (null: one that is queued), with its entry in the audit trail; false when it is no longer
 * so.
 */
export async function finishJob(tx: Queryable, id: string, runner: string | null, outcome: Outcome): Promise<boolean> {
  const json = (value: unknown) => value === undefined ? null : JSON.stringify(value);
  const { rows } = await tx.query<{ asked_by: Actor }>(
    `UPDATE sulcus.jobs SET state = $3, result = $4, validation = $5, error = $6, finished_at = now()
     WHERE id = $1 AND (($2::uuid IS NULL AND state = 'queued') OR (runner = $2::uuid AND state = 'running'))
     RETURNING asked_by`,
    [
      id,
      runner,
      outcome.state,
      json(outcome.state === "succeeded" ? outcome.result : undefined),
      json(outcome.state === "succeeded" ? outcome.validation : undefined),
      json(outcome.state === "failed" ? outcome.error : undefined),
    ],
  );
  if (rows.length === 0) return false;
  const code = outcome.state === "failed"
    ? outcome.error.code
    : outcome.state === "cancelled"
    ? "cancelled"
    : undefined;
  await recordEnds(tx, [{ id, askedBy: rows[0].asked_by, code }]);
  await tx.query(
    `INSERT INTO sulcus.usage (owner, day, device_seconds)
     SELECT owner, (now() AT TIME ZONE 'UTC')::date, extract(epoch FROM finished_at - started_at)
     FROM sulcus.jobs WHERE id = $1 AND owner IS NOT NULL AND started_at IS NOT NULL
     ON CONFLICT (owner, day) DO UPDATE SET device_seconds = usage.device_seconds + excluded.device_seconds`,
    [id],
  );
  return true;
}

export interface JobCounts {
  readonly queued: number;
  readonly running: number;
  /** Requests that wait for their turn. */
  readonly waiting: number;
  /** How long the job that has waited longest has waited, s; 0 where none waits. */
  readonly oldestSeconds: number;
}

export async function countJobs(on: Queryable): Promise<JobCounts> {
  const { rows } = await on.query<JobCounts>(
    `SELECT (count(*) FILTER (WHERE state = 'queued' AND NOT transient))::integer AS queued,
            (count(*) FILTER (WHERE state = 'running' AND NOT transient))::integer AS running,
            (count(*) FILTER (WHERE state = 'queued' AND awaited))::integer AS waiting,
            COALESCE(extract(epoch FROM now() - min(created_at) FILTER (WHERE state = 'queued')), 0)::float8 AS "oldestSeconds"
     FROM sulcus.jobs WHERE state IN ('queued', 'running')`,
  );
  return rows[0];
}

function recordOf(row: JobRow): JobRecord {
  const { id, kind, state, progress, validation, result, error } = row;
  return {
    id,
    kind,
    state,
    createdAt: row.created_at.toISOString(),
    ...(row.started_at && { startedAt: row.started_at.toISOString() }),
    ...(row.finished_at && { finishedAt: row.finished_at.toISOString() }),
    ...(progress && { progress }),
    ...(validation && { validation }),
    ...(row.left_out && { leftOut: row.left_out }),
    ...(result && { result }),
    ...(error && { error }),
  };
}

function notFound(): DomainError {
  return new DomainError("not-found", "Cannot find this job: `GET /v1/jobs` lists those there are");
}
