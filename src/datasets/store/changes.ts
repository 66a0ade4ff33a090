/** Changes of stored cases: patient, class, exclusion, deletion, and a whole case in place of another. Rows only. */
import { DomainError, type Queryable } from "../../storage/mod.ts";
import { fitsNone, type GivenPatients, readPatients } from "../patients/patients.ts";
import { invalidDataset } from "../spec.ts";
import type { CaseChange, DatasetSummary } from "../types.ts";
import { deleteCase, findCase, selectCaseNames, type StoredFile, updateCase, upsertCase, upsertFile } from "./rows.ts";

/**
 * Makes every change, or none where one is refused.
 * @returns the files that no row names any more
 * @throws {DomainError} `not-found`, `invalid-request`
 */
export async function changeCases(
  tx: Queryable,
  { id, classes }: DatasetSummary,
  changes: readonly CaseChange[],
): Promise<string[]> {
  const superfluous: string[] = [];
  const changed = new Set<string>();
  for (const change of changes) {
    const row = await findCase(tx, id, change.case);
    if (row === null) throw new DomainError("not-found", "Cannot change the data set: it has no such case");
    if (changed.has(row)) throw new DomainError("invalid-request", "Cannot change the data set: a case is named twice");
    changed.add(row);
    if (change.delete === true) {
      superfluous.push(...await deleteCase(tx, row));
      continue;
    }
    if (change.class !== undefined) checkClass(change.class, classes);
    const { patient } = change;
    await updateCase(tx, row, {
      className: change.class,
      excluded: change.excluded,
      named: patient == null ? patient : { patient: patient.normalize("NFC"), from: "named" },
    });
  }
  return superfluous;
}

/** @throws {DomainError} `invalid-request` */
export function checkClass(value: string, classes: readonly string[]): void {
  if (classes.includes(value)) return;
  throw new DomainError("invalid-request", "Cannot store a class: it is not one of the data set's classes");
}

/**
 * Gives the cases there are the patients, and classes, of a rule or a table; cases of which it says nothing stay.
 * @throws {DomainError} `invalid-request`, `invalid-dataset` where it says nothing about any case
 */
export async function givePatients(
  tx: Queryable,
  { id, classes }: DatasetSummary,
  given: GivenPatients,
): Promise<void> {
  const { patientOf } = readPatients(given);
  let fits = 0;
  const cases = await selectCaseNames(tx, id);
  for (const { id: row, name } of cases) {
    const found = patientOf(name);
    if (found === null) continue;
    const { patient, patientFrom: from, className } = found;
    if (className !== undefined && classes.length > 0) checkClass(className, classes);
    await updateCase(tx, row, { named: { patient, from }, ...classes.length > 0 && { className } });
    fits++;
  }
  if (fits === 0) throw invalidDataset(fitsNone("rule" in given ? "rule" : "table", cases.length));
}

/** Puts files in the place of all that a case has; returns the files that no row names any more. */
export async function replaceFiles(
  tx: Queryable,
  { dataset, name, files }: { dataset: string; name: string; files: readonly StoredFile[] },
): Promise<string[]> {
  const row = await upsertCase(tx, dataset, name);
  const { rows } = await tx.query<{ file: string }>(
    "DELETE FROM sulcus.dataset_files WHERE case_id = $1 RETURNING file",
    [row],
  );
  for (const file of files) await upsertFile(tx, row, file);
  return rows.map(({ file }) => file);
}
