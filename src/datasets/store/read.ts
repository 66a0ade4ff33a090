/** A stored data set as users and trainings see it: its rows with patients, checks and hash. Opens no file. */
import type { Queryable } from "../../storage/mod.ts";
import { INPUTS } from "../../inference/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import { type CaseContent, type CaseFile, hashCases } from "../checks/checks.ts";
import { leaveOut } from "../checks/leave_out.ts";
import { patientFor } from "../patients/case_name.ts";
import { countPatients } from "../patients/patients.ts";
import type { DatasetDetail, Role, Skip } from "../types.ts";
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
  { id, directory, skip }: { readonly id: string; readonly directory: string; readonly skip?: Skip },
): Promise<ReadDataset> {
  const summary = await selectDataset(on, id);
  const all = contentsOf(await selectCases(on, id), directory);
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
