/**
 * The job table. Every change of state is one guarded statement, so that of two processes only one makes it: whoever
 * runs a job is written in it as `runner`, and a runner that was superseded changes nothing more.
 */
import { DomainError, type Queryable } from "../../storage/mod.ts";
import { isUuid } from "../../datasets/mod.ts";
import type { QueueName } from "./queue.ts";
import type { PretrainingRecipe, Recipe } from "../../train/mod.ts";
import type { ImageList } from "../worker/task_types.ts";
import {
  type InferenceInput,
  isTraining,
  type JobKind,
  type JobProgress,
  type JobRecord,
  type JobResult,
  type JobState,
} from "../types.ts";

/** What a job was asked for, with every choice made. */
export interface FinetuneJobInput {
  readonly dataset: string;
  readonly datasetHash: string;
  readonly base: { readonly model: string; readonly version: number };
  readonly name: string;
  readonly recipe: Recipe;
}
export interface InferenceJobInput extends Omit<InferenceInput, "images" | "version"> {
  readonly version: number;
  readonly images: ImageList;
}
export interface PretrainingJobInput {
  readonly dataset: string;
  readonly datasetHash: string;
  readonly name: string;
  readonly recipe: PretrainingRecipe;
}
export type JobInput = FinetuneJobInput | PretrainingJobInput | InferenceJobInput;

export type ClaimedJob =
  | { readonly id: string; readonly attempts: number; readonly kind: "finetune"; readonly input: FinetuneJobInput }
  | { readonly id: string; readonly attempts: number; readonly kind: "pretrain"; readonly input: PretrainingJobInput }
  | {
    readonly id: string;
    readonly attempts: number;
    readonly kind: "segment" | "classify";
    readonly input: InferenceJobInput;
  };

export type JobError = NonNullable<JobRecord["error"]>;

/** How a job ends. */
export type Outcome =
  | { readonly state: "succeeded"; readonly result: JobResult; readonly validation?: JobRecord["validation"] }
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
  readonly validation: JobRecord["validation"] | null;
  readonly result: JobResult | null;
  readonly error: JobError | null;
}
const COLUMNS = "id, kind, state, created_at, started_at, finished_at, progress, validation, result, error";

export function queueOf(kind: JobKind): QueueName {
  return isTraining(kind) ? "training" : "inference";
}

export async function insertJob(
  tx: Queryable,
  job: { id: string; kind: JobKind; input: JobInput; dataset?: string },
): Promise<void> {
  await tx.query("INSERT INTO sulcus.jobs (id, kind, state, input, dataset) VALUES ($1, $2, 'queued', $3, $4)", [
    job.id,
    job.kind,
    JSON.stringify(job.input),
    job.dataset ?? null,
  ]);
}

/** @throws {DomainError} `not-found` */
export async function selectJob(on: Queryable, id: string): Promise<JobRecord> {
  const { rows } = isUuid(id)
    ? await on.query<JobRow>(`SELECT ${COLUMNS} FROM sulcus.jobs WHERE id = $1`, [id])
    : { rows: [] };
  if (!rows[0]) throw new DomainError("not-found", "Cannot find this job");
  return recordOf(rows[0]);
}

export interface JobFilter {
  readonly kind?: JobKind;
  readonly state?: JobState;
  /** Default 100, at most 1000. */
  readonly limit?: number;
  /** Id of the last job of the former page. */
  readonly before?: string;
}

/** Newest first. */
export async function selectJobs(on: Queryable, { kind, state, limit = 100, before }: JobFilter): Promise<JobRecord[]> {
  const { rows } = await on.query<JobRow>(
    `SELECT ${COLUMNS} FROM sulcus.jobs
     WHERE ($1::text IS NULL OR kind = $1) AND ($2::text IS NULL OR state = $2)
       AND ($3::uuid IS NULL OR seq < (SELECT seq FROM sulcus.jobs WHERE id = $3::uuid))
     ORDER BY seq DESC LIMIT $4`,
    [kind ?? null, state ?? null, before && isUuid(before) ? before : null, Math.min(limit, 1000)],
  );
  return rows.map(recordOf);
}

/** Jobs that are to be run or being run, oldest first. */
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
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING id, kind, input, attempts`,
    [id, runner],
  );
  return rows[0] ?? null;
}

/** Puts a running job back; `forgive` takes the attempt off the count. Without `runner`: whoever ran it. */
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

/** A sign of life and progress of a runner. `steady` forgives the attempts so far. */
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

/** Asks for a job's end; "queued" when nobody runs it. @throws {DomainError} `not-found`, `job-finished` */
export async function requestCancel(tx: Queryable, id: string): Promise<{ kind: JobKind; state: JobState }> {
  const { kind } = await selectJob(tx, id);
  const { rows } = await tx.query<{ kind: JobKind; state: JobState }>(
    `UPDATE sulcus.jobs SET cancel_requested = true
     WHERE id = $1 AND state IN ('queued', 'running') RETURNING kind, state`,
    [id],
  );
  if (!rows[0]) throw new DomainError("job-finished", `Cannot cancel this ${kind} job: it has ended already`);
  return rows[0];
}

/** Ends a job; false when it is not `runner`'s any more (null: when it is not queued). */
export async function finishJob(tx: Queryable, id: string, runner: string | null, outcome: Outcome): Promise<boolean> {
  const json = (value: unknown) => value === undefined ? null : JSON.stringify(value);
  const { affected } = await tx.query(
    `UPDATE sulcus.jobs SET state = $3, result = $4, validation = $5, error = $6, finished_at = now()
     WHERE id = $1 AND (($2::uuid IS NULL AND state = 'queued') OR (runner = $2::uuid AND state = 'running'))`,
    [
      id,
      runner,
      outcome.state,
      json(outcome.state === "succeeded" ? outcome.result : undefined),
      json(outcome.state === "succeeded" ? outcome.validation : undefined),
      json(outcome.state === "failed" ? outcome.error : undefined),
    ],
  );
  return affected > 0;
}

export async function countJobs(on: Queryable): Promise<{ queued: number; running: number }> {
  const { rows } = await on.query<{ queued: number; running: number }>(
    `SELECT (count(*) FILTER (WHERE state = 'queued'))::integer AS queued,
            (count(*) FILTER (WHERE state = 'running'))::integer AS running
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
    ...(result && { result }),
    ...(error && { error }),
  };
}
