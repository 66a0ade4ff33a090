/** Jobs whose time is over: records with all that belongs to them, masks, checkpoints, and images that nobody took up. */
import { appendEvents, SYSTEM } from "../../audit/mod.ts";
import type { Policies } from "../../identity/mod.ts";
import { type Database, noteRemovals, type Queryable, removeNoted } from "../../storage/mod.ts";
import { WRITTEN_ENDING } from "../../volume/mod.ts";
import { JOB_KINDS, KINDS } from "../kinds/table.ts";
import type { FileEnds, JobFiles } from "./files.ts";

interface Aged {
  readonly id: string;
  readonly project: string | null;
  /** When it ended; of an open one when it was made. */
  readonly since: Date;
}

/** Removes masks and checkpoints whose time is over. */
export async function sweepFiles(
  { database, files }: { readonly database: Database; readonly files: JobFiles },
  { policies, open, now }: { readonly policies: Policies; readonly open: ReadonlySet<string>; readonly now: number },
): Promise<void> {
  const projects = await projectsOf(database, await files.list());
  const endOf = (time: "resultHours" | "checkpointDays") => (job: string) =>
    policies.endOf(time, projects.get(job) ?? null, now);
  const ends: FileEnds = { result: endOf("resultHours"), work: endOf("checkpointDays") };
  await files.sweep(open, ends, now);
}

async function projectsOf(on: Queryable, jobs: ReadonlySet<string>): Promise<ReadonlyMap<string, string | null>> {
  const { rows } = await on.query<{ id: string; project: string | null }>(
    "SELECT id, project FROM sulcus.jobs WHERE id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)",
    [JSON.stringify([...jobs])],
  );
  return new Map(rows.map(({ id, project }) => [id, project]));
}

/** Records that have ended and whose time is over at `now`. */
async function outdatedJobs(on: Queryable, policies: Policies, now: number): Promise<string[]> {
  const { rows } = await on.query<Aged>(
    "SELECT id, project, finished_at AS since FROM sulcus.jobs WHERE finished_at IS NOT NULL",
  );
  return rows.filter(({ project, since }) => since.getTime() <= policies.endOf("jobDays", project, now))
    .map(({ id }) => id);
}

/** Removes records whose time is over, with their events, masks, checkpoints and reports. */
export async function deleteOutdatedJobs(
  database: Database,
  { policies, dataDirectory, now }: {
    readonly policies: Policies;
    readonly dataDirectory: string;
    readonly now: number;
  },
): Promise<void> {
  const jobs = await outdatedJobs(database, policies, now);
  if (jobs.length === 0) return;
  await database.transaction(async (tx) => {
    await tx.query(
      "DELETE FROM sulcus.jobs WHERE finished_at IS NOT NULL AND id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)",
      [JSON.stringify(jobs)],
    );
    await noteRemovals(
      tx,
      jobs.flatMap((id) => [`results/${id}${WRITTEN_ENDING}`, `jobs/${id}`, `reports/${id}`]),
    );
    const by = { who: SYSTEM, action: "retention", outcome: "success" } as const;
    await appendEvents(tx, jobs.map((id) => ({ ...by, object: { kind: "job", id } as const })));
  });
  await removeNoted(database, dataDirectory);
  await database.purge(["sulcus.jobs", "sulcus.job_events"]);
}

const WITH_IMAGES = JOB_KINDS.filter((kind) => !KINDS[kind].trains).map((kind) => `'${kind}'`).join(", ");

/** Jobs that have not begun and whose images were sent too long ago. */
export async function outdatedUploads(on: Queryable, policies: Policies, now: number): Promise<string[]> {
  const { rows } = await on.query<Aged>(
    `SELECT id, project, created_at AS since FROM sulcus.jobs WHERE state = 'queued' AND kind IN (${WITH_IMAGES})`,
  );
  return rows.filter(({ project, since }) => since.getTime() <= policies.endOf("uploadHours", project, now))
    .map(({ id }) => id);
}
