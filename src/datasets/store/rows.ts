/** The rows of the data-set tables, written and read. Knows no files. */
import type { Holders } from "../../identity/mod.ts";
import { DomainError, isUuid, type Queryable } from "../../storage/mod.ts";
import type { Label, Modality } from "../../inference/mod.ts";
import type { FileInfo } from "../checks/inspect.ts";
import type { Verdict } from "../checks/judge.ts";
import type { NamedPatient } from "../patients/case_name.ts";
import { labelsOf } from "../spec.ts";
import type { DatasetSpec, DatasetSummary, DatasetTask, Role } from "../types.ts";

/** A case file on its way into the database. */
export interface StoredFile {
  readonly role: Role;
  /** Path below the data set's folder. */
  readonly file: string;
  readonly sha256: string;
  readonly bytes: number;
  readonly info: FileInfo;
}

/** A whole case on its way into the database. */
export interface StoredCase {
  readonly name: string;
  /** null: nobody named the patient, and the case's name tells. */
  readonly named: NamedPatient | null;
  readonly className: string | null;
  /** Why trainings leave it out; null: they do not. */
  readonly excluded: string | null;
  readonly files: readonly StoredFile[];
}

/** A case with its files. What was recorded of their content is left out: it is large, and the checks alone need it. */
export interface CaseRow {
  readonly id: string;
  readonly name: string;
  readonly patient: string | null;
  readonly patient_from: NamedPatient["from"] | null;
  readonly class: string | null;
  readonly excluded: string | null;
  readonly files: readonly (readonly [role: Role, file: string, sha256: string])[];
}

export async function insertDataset(
  tx: Queryable,
  id: string,
  spec: DatasetSpec,
  { owner, project }: Holders,
): Promise<void> {
  await tx.query(
    `INSERT INTO sulcus.datasets (id, name, task, modalities, labels, classes, owner, project)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
    [
      id,
      spec.name,
      spec.task,
      JSON.stringify(spec.modalities),
      JSON.stringify(labelsOf(spec.labels ?? [])),
      JSON.stringify(spec.classes ?? []),
      owner,
      project,
    ],
  );
}

export async function insertCase(tx: Queryable, dataset: string, stored: StoredCase): Promise<void> {
  const caseId = await upsertCase(tx, dataset, stored.name);
  await updateCase(tx, caseId, stored);
  for (const file of stored.files) await upsertFile(tx, caseId, file);
}

/** The id of a case, or null. Cases stored by earlier versions may have a name that is not in the composed form. */
export async function findCase(tx: Queryable, dataset: string, name: string): Promise<string | null> {
  const { rows } = await tx.query<{ id: string }>(
    "SELECT id FROM sulcus.dataset_cases WHERE dataset = $1 AND name IN ($2, $3, $4) ORDER BY name = $2 DESC LIMIT 1",
    [dataset, name.normalize("NFC"), name.normalize("NFD"), name],
  );
  return rows[0]?.id ?? null;
}

/** Returns the id of a case, after inserting it where it is new. */
export async function upsertCase(tx: Queryable, dataset: string, name: string): Promise<string> {
  const found = await findCase(tx, dataset, name);
  if (found !== null) return found;
  const { rows } = await tx.query<{ id: string }>(
    `INSERT INTO sulcus.dataset_cases (id, dataset, name) VALUES ($1, $2, $3)
     ON CONFLICT (dataset, name) DO UPDATE SET name = excluded.name RETURNING id`,
    [crypto.randomUUID(), dataset, name.normalize("NFC")],
  );
  return rows[0].id;
}

/** Sets what is recorded of a case beside its files; what is undefined stays. */
export async function updateCase(
  tx: Queryable,
  caseId: string,
  { named, className, excluded }: {
    readonly named?: NamedPatient | null;
    readonly className?: string | null;
    readonly excluded?: string | null;
  },
): Promise<void> {
  await tx.query(
    `UPDATE sulcus.dataset_cases SET
       patient = CASE WHEN $2 THEN $3 ELSE patient END, patient_from = CASE WHEN $2 THEN $4 ELSE patient_from END,
       class = CASE WHEN $5 THEN $6 ELSE class END, excluded = CASE WHEN $7 THEN $8 ELSE excluded END
     WHERE id = $1`,
    [
      caseId,
      named !== undefined,
      named?.patient ?? null,
      named?.from ?? null,
      className !== undefined,
      className ?? null,
      excluded !== undefined,
      excluded ?? null,
    ],
  );
}

/** Removes a case; returns its files. */
export async function deleteCase(tx: Queryable, caseId: string): Promise<string[]> {
  const { rows } = await tx.query<{ file: string }>("SELECT file FROM sulcus.dataset_files WHERE case_id = $1", [
    caseId,
  ]);
  await tx.query("DELETE FROM sulcus.dataset_cases WHERE id = $1", [caseId]);
  return rows.map(({ file }) => file);
}

/** The names of a data set's cases. */
export async function selectCaseNames(on: Queryable, dataset: string): Promise<{ id: string; name: string }[]> {
  const { rows } = await on.query<{ id: string; name: string }>(
    "SELECT id, name FROM sulcus.dataset_cases WHERE dataset = $1 ORDER BY name",
    [dataset],
  );
  return rows;
}

/** Records a case file; returns the file that it replaces, or null. */
export async function upsertFile(tx: Queryable, caseId: string, stored: StoredFile): Promise<string | null> {
  const { rows } = await tx.query<{ file: string }>(
    "SELECT file FROM sulcus.dataset_files WHERE case_id = $1 AND role = $2 FOR UPDATE",
    [caseId, stored.role],
  );
  await tx.query(
    `INSERT INTO sulcus.dataset_files (case_id, role, file, sha256, bytes, info) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (case_id, role) DO UPDATE
     SET file = excluded.file, sha256 = excluded.sha256, bytes = excluded.bytes, info = excluded.info, has_text = false`,
    [caseId, stored.role, stored.file, stored.sha256, stored.bytes, JSON.stringify(stored.info)],
  );
  return rows[0]?.file ?? null;
}

/**
 * Locks a data set until the end of the transaction.
 * @throws {DomainError} `not-found`; `dataset-in-use` when a queued or running job uses it
 */
export async function lockUnused(tx: Queryable, id: string): Promise<void> {
  await lockDataset(tx, id);
  const { rows } = await tx.query(
    "SELECT 1 FROM sulcus.jobs WHERE dataset = $1 AND state IN ('queued', 'running') LIMIT 1",
    [id],
  );
  if (rows.length > 0) {
    throw new DomainError("dataset-in-use", "Cannot change the data set: a job that is queued or running uses it");
  }
}

/** Deletes a data set; returns the jobs whose records were about it, less what they said of its cases. */
export async function deleteDataset(tx: Queryable, id: string): Promise<string[]> {
  await tx.query("DELETE FROM sulcus.datasets WHERE id = $1", [id]);
  return await forgetCases(tx, id);
}

/**
 * Removes what the records of finished jobs say of a data set's cases: names and reasons in their input, and their logs.
 * @returns the jobs
 */
async function forgetCases(tx: Queryable, dataset: string): Promise<string[]> {
  const { rows } = await tx.query<{ id: string }>(
    "UPDATE sulcus.jobs SET input = input - 'leftOut' - 'skip' WHERE dataset = $1 RETURNING id",
    [dataset],
  );
  await tx.query(
    "DELETE FROM sulcus.job_events e USING sulcus.jobs j WHERE e.job = j.id AND j.dataset = $1 AND e.type <> 'done'",
    [dataset],
  );
  return rows.map(({ id }) => id);
}

/** Locks a data set until the end of the transaction. @throws {DomainError} `not-found` */
export async function lockDataset(tx: Queryable, id: string): Promise<void> {
  if (!isUuid(id)) throw noDataset();
  const { rows } = await tx.query("SELECT 1 FROM sulcus.datasets WHERE id = $1 FOR UPDATE", [id]);
  if (rows.length === 0) throw noDataset();
}

/** The project that a data set belongs to, or null. */
export async function projectOf(on: Queryable, id: string): Promise<string | null> {
  const { rows } = await on.query<{ project: string | null }>("SELECT project FROM sulcus.datasets WHERE id = $1", [
    id,
  ]);
  return rows[0]?.project ?? null;
}

/** Every data set with its project and the time when it was made. */
export async function selectAges(
  on: Queryable,
): Promise<{ readonly id: string; readonly project: string | null; readonly created: Date }[]> {
  return (await on.query<{ id: string; project: string | null; created: Date }>(
    "SELECT id, project, created_at AS created FROM sulcus.datasets",
  )).rows;
}

/** Files that earlier versions stored with the free text of their headers. */
export async function selectWithText(on: Queryable): Promise<{ readonly dataset: string; readonly file: string }[]> {
  return (await on.query<{ dataset: string; file: string }>(
    `SELECT c.dataset, f.file FROM sulcus.dataset_files f JOIN sulcus.dataset_cases c ON c.id = f.case_id
     WHERE f.has_text`,
  )).rows;
}

/** Puts a clean file in the place of one with free text; false: that one is no longer there. */
export async function setCleanFile(
  tx: Queryable,
  { dataset, file, clean }: { readonly dataset: string; readonly file: string; readonly clean: string },
): Promise<boolean> {
  const { affected } = await tx.query(
    `UPDATE sulcus.dataset_files f SET file = $3, has_text = false FROM sulcus.dataset_cases c
     WHERE c.id = f.case_id AND c.dataset = $1 AND f.file = $2 AND f.has_text`,
    [dataset, file, clean],
  );
  return affected > 0;
}

interface DatasetRow {
  readonly id: string;
  readonly name: string;
  readonly task: DatasetTask;
  readonly modalities: Modality[];
  readonly labels: Label[];
  readonly classes: string[];
  readonly created_at: Date;
  readonly case_count: number;
}
const DATASETS = `
  SELECT d.id, d.name, d.task, d.modalities, d.labels, d.classes, d.created_at,
         (SELECT count(*)::integer FROM sulcus.dataset_cases c WHERE c.dataset = d.id) AS case_count
  FROM sulcus.datasets d`;

/** Newest first. */
export async function selectDatasets(on: Queryable): Promise<DatasetSummary[]> {
  return (await on.query<DatasetRow>(`${DATASETS} ORDER BY d.created_at DESC, d.id`)).rows.map(summaryOf);
}

/** @throws {DomainError} `not-found` */
export async function selectDataset(on: Queryable, id: string): Promise<DatasetSummary> {
  if (!isUuid(id)) throw noDataset();
  const { rows } = await on.query<DatasetRow>(`${DATASETS} WHERE d.id = $1`, [id]);
  if (rows.length === 0) throw noDataset();
  return summaryOf(rows[0]);
}

/** The files of a data set, by their paths below its folder. */
export async function selectFiles(on: Queryable, dataset: string): Promise<ReadonlySet<string>> {
  const { rows } = await on.query<{ file: string }>(
    "SELECT f.file FROM sulcus.dataset_files f JOIN sulcus.dataset_cases c ON c.id = f.case_id WHERE c.dataset = $1",
    [dataset],
  );
  return new Set(rows.map(({ file }) => file));
}

/** Cases that are read together: the embedded database holds the thread for as long as it answers. */
const PAGE = 100;

/** The cases of a data set, by their names, some at a time. What changes meanwhile may be in it or not. */
export async function selectCases(on: Queryable, dataset: string): Promise<CaseRow[]> {
  const cases: CaseRow[] = [];
  for (;;) {
    const { rows } = await on.query<CaseRow>(
      `SELECT c.id, c.name, c.patient, c.patient_from, c.class, c.excluded,
         (SELECT coalesce(jsonb_agg(jsonb_build_array(f.role, f.file, f.sha256) ORDER BY f.role), '[]')
          FROM sulcus.dataset_files f WHERE f.case_id = c.id) AS files
       FROM sulcus.dataset_cases c WHERE c.dataset = $1 AND c.name > $2 ORDER BY c.name LIMIT $3`,
      [dataset, cases.at(-1)?.name ?? "", PAGE],
    );
    cases.push(...rows);
    if (rows.length < PAGE) return cases;
    await nextTurn();
  }
}

/** Lets the server answer others between two pieces of work on a thousand cases. */
export const nextTurn = () => new Promise<void>((resolve) => setTimeout(resolve));

/** What was recorded of the files of some cases, as JSON texts by the files' paths. */
export async function selectInfos(on: Queryable, cases: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await on.query<{ file: string; info: string }>(
    `SELECT file, info::text AS info FROM sulcus.dataset_files
     WHERE case_id IN (SELECT jsonb_array_elements_text($1::jsonb)::uuid)`,
    [JSON.stringify(cases)],
  );
  return new Map(rows.map(({ file, info }) => [file, info]));
}

/** The verdict that was stored for these rows, or null. */
export async function selectVerdict(on: Queryable, dataset: string, key: string): Promise<Verdict | null> {
  const { rows } = await on.query<{ verdict: Verdict }>(
    "SELECT verdict FROM sulcus.dataset_checks WHERE dataset = $1 AND key = $2",
    [dataset, key],
  );
  return rows[0]?.verdict ?? null;
}

/** Stores a verdict, unless the data set was deleted meanwhile. */
export async function storeVerdict(
  on: Queryable,
  dataset: string,
  { key, verdict }: { readonly key: string; readonly verdict: Verdict },
): Promise<void> {
  await on.query(
    `INSERT INTO sulcus.dataset_checks (dataset, key, verdict) SELECT id, $2, $3 FROM sulcus.datasets WHERE id = $1
     ON CONFLICT (dataset) DO UPDATE SET key = excluded.key, verdict = excluded.verdict`,
    [dataset, key, JSON.stringify(verdict)],
  );
}

/** Removes the verdict of a data set whose rows change, because it names cases; returns whether there was one. */
export async function deleteVerdict(tx: Queryable, dataset: string): Promise<boolean> {
  return (await tx.query("DELETE FROM sulcus.dataset_checks WHERE dataset = $1", [dataset])).affected > 0;
}

function summaryOf({ created_at, case_count, ...rest }: DatasetRow): DatasetSummary {
  return { ...rest, createdAt: created_at.toISOString(), caseCount: case_count };
}

function noDataset(): DomainError {
  return new DomainError("not-found", "Cannot find this data set: `GET /v1/datasets` lists those there are");
}
