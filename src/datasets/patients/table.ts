/**
 * A table of patients: a line for a case (`case,patient[,class]`), or the `participants.tsv` of a BIDS folder, whose
 * `participant_id` stands at the beginning of the names of its cases.
 */
import { parseCsv } from "../../storage/mod.ts";
import { invalidDataset } from "../spec.ts";

/** Names of the tables that are read where they lie at the top of a data set, the first before the others. */
export const PATIENT_TABLES = ["patients.csv", "patients.tsv", "participants.tsv"] as const;

/** True for a table with the columns of one; others with such a name are somebody's own. */
export function isPatientTable(text: string): boolean {
  const columns = text.split(/[\r\n]/, 1)[0].split(/[",;\t\uFEFF ]+/);
  return columns.includes("participant_id") || (columns.includes("case") && columns.includes("patient"));
}

export interface PatientRow {
  readonly patient: string;
  readonly className?: string;
}

export interface PatientTable {
  /** A case's row, or null where it has none. */
  readonly rowOf: (caseName: string) => PatientRow | null;
  /** Rows that `rowOf` has not given yet. */
  readonly unused: () => number;
}

/** @throws {DomainError} `invalid-dataset` */
export function readPatientTable(text: string): PatientTable {
  if (text.includes("\uFFFD")) throw invalidDataset("the table of patients is not UTF-8; save it as CSV UTF-8");
  let rows: Record<string, string>[];
  try {
    rows = parseCsv(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidDataset(`the table of patients: ${error.message}`);
  }
  const [first = {}] = rows;
  const isByCase = "case" in first && "patient" in first;
  if (!isByCase && !("participant_id" in first)) {
    throw invalidDataset(
      'the table of patients needs the columns "case" and "patient", or "participant_id", and a row',
    );
  }
  const found = new Map<string, PatientRow>();
  for (const [i, row] of rows.entries()) {
    const patient = (isByCase ? row.patient : row.participant_id).normalize("NFC");
    const key = (isByCase ? row.case : row.participant_id).normalize("NFC");
    if (key === "" || patient === "") throw invalidDataset(`the table of patients: row ${i + 1} lacks a name`);
    if (found.has(key)) throw invalidDataset(`the table of patients: row ${i + 1} names what an earlier row names too`);
    found.set(key, { patient, ...(row.class && { className: row.class }) });
  }
  const used = new Set<PatientRow>();
  return {
    rowOf: (name) => {
      const row = (isByCase ? found.get(name) : byBeginning(found, name)) ?? null;
      if (row !== null) used.add(row);
      return row;
    },
    unused: () => found.size - used.size,
  };
}

/** `sub-01` for `sub-01_ses-2`, never for `sub-011`; identifiers are also written without `sub-`. */
function byBeginning(found: ReadonlyMap<string, PatientRow>, name: string): PatientRow | null {
  for (let end = name.length; end > 0; end--) {
    if (end < name.length && !/[-_ ./]/.test(name[end])) continue;
    const beginning = name.slice(0, end);
    const row = found.get(beginning) ?? found.get(`sub-${beginning}`) ?? found.get(beginning.replace(/^sub-/, ""));
    if (row !== undefined) return row;
  }
  return null;
}
