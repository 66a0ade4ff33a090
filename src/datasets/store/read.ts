/** A stored data set as users and trainings see it: its rows with patients, checks and hash. Opens no file. */
import { createHash } from "node:crypto";
import type { Queryable } from "../../storage/mod.ts";
import { INPUTS } from "../../inference/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import { type CaseContent, type CaseFile, hashCases } from "../checks/checks.ts";
import { leaveOut } from "../checks/leave_out.ts";
import { patientFor } from "../patients/case_name.ts";
import { countPatients } from "../patients/patients.ts";
import type { DatasetDetail, DatasetSummary, Role, Skip } from "../types.ts";
import { type CaseRow, selectCases, selectDataset } from "./rows.ts";

export interface ReadDataset {
  /** Lists all cases; its patients, checks and hash are of those that are not left out. */
  readonly detail: DatasetDetail;
  /** Those that are not left out. */
  readonly cases: readonly CaseContent[];
  readonly leftOut: readonly LeftOut[];
}

/**
 * @param options.directory of the data set's files
 * @throws {DomainError} `not-found`, `invalid-request` where `skip` names a case that there is not
 */
export async function readDataset(
  on: Queryable,
  { id, directory, skip, kept }: {
    readonly id: string;
    readonly directory: string;
    readonly skip?: Skip;
    readonly kept: KeptReadings;
  },
): Promise<ReadDataset> {
  const summary = await selectDataset(on, id);
  const rows = await selectCases(on, id);
  return kept.of(keyOf({ summary, rows, skip }), () => read(summary, { all: contentsOf(rows, directory), skip }));
}

/** How many readings are kept: those that a page asks for again and again. */
const KEPT = 4;

/**
 * The last readings, by the rows they were made of: the checks of a thousand cases take seconds, which the thread of the
 * server must not spend on every reply.
 */
export class KeptReadings {
  readonly #last = new Map<string, ReadDataset>();

  /** The reading of this key, made where it is not kept. */
  of(key: string, make: () => ReadDataset): ReadDataset {
    const found = this.#last.get(key) ?? make();
    this.#last.delete(key); // and to the end: the first one is the longest unused
    this.#last.set(key, found);
    if (this.#last.size > KEPT) this.#last.delete(this.#last.keys().next().value!);
    return found;
  }
}

/** The same for the same rows. Facts of a file follow from its hash. */
function keyOf({ summary, rows, skip }: { summary: DatasetSummary; rows: readonly CaseRow[]; skip?: Skip }): string {
  const parts = rows.map(({ info: _, ...row }) => row);
  return createHash("sha256").update(JSON.stringify([summary, skip ?? null, parts])).digest("hex");
}

function read(
  summary: DatasetSummary,
  { all, skip }: { readonly all: readonly CaseContent[]; readonly skip?: Skip },
): ReadDataset {
  const { cases, leftOut, checks } = leaveOut(all, summary, skip);
  const detail: DatasetDetail = {
    ...summary,
    cases: all.map(({ id: name, patient, patientFrom, className, excluded, files }) => ({
      case: name,
      patient,
      patientFrom,
      ...(excluded !== undefined && { excluded }),
      modalities: INPUTS.filter((m) => files.has(m)),
      hasLabel: files.has("label"),
      ...(className !== undefined && { class: className }),
    })),
    patients: countPatients(cases),
    checks,
    hash: hashCases(cases),
    ready: cases.length > 0 && checks.every((c) => c.severity !== "error"),
  };
  return { detail, cases, leftOut };
}

function contentsOf(rows: readonly CaseRow[], directory: string): CaseContent[] {
  const files = new Map<string, Map<Role, CaseFile>>();
  const cases = new Map<string, CaseContent>();
  for (const row of rows) {
    const own = files.get(row.id) ?? new Map<Role, CaseFile>();
    files.set(row.id, own);
    const { role, sha256, info } = row;
    if (role !== null) own.set(role, { path: `${directory}/${row.file}`, sha256, info });
    cases.set(row.id, {
      id: row.name,
      ...patientFor(
        row.name,
        row.patient === null ? null : { patient: row.patient, from: row.patient_from ?? "named" },
      ),
      ...(row.class !== null && { className: row.class }),
      ...(row.excluded !== null && { excluded: row.excluded }),
      files: own,
    });
  }
  return [...cases.values()];
}
