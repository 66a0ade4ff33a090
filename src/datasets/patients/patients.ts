/** The patients of a data set's cases: by what the user gives, by what the data set names, or by the cases' names. */
import { caseNameSchema, invalidDataset } from "../spec.ts";
import { type FoundPatient, type NamedPatient, patientFor } from "./case_name.ts";
import { readPatientRule } from "./rule.ts";
import { readPatientTable } from "./table.ts";
import type { PatientCounts } from "../../train/mod.ts";
import type { PatientSource } from "../types.ts";

/** A case, with the patient that its data set names. */
interface NamedCase {
  readonly id: string;
  readonly patient?: string;
  readonly className?: string;
}

/** A rule, or the text of a table; `isFound`: the table lies in the data set. */
export type GivenPatients = { readonly rule: string } | { readonly table: string; readonly isFound?: boolean };

/**
 * Gives every case its patient. What the user gives goes before what the data set names, and that before a table that
 * lies in the data set. Notes report cases of which rule or table say nothing, and rows of cases that are not there.
 * @throws {DomainError} `invalid-dataset`, `invalid-request` where rule or table say nothing about any case
 */
export function patientsOf<C extends NamedCase>(
  cases: readonly C[],
  given: GivenPatients | undefined,
): { readonly cases: readonly (C & FoundPatient)[]; readonly notes: readonly string[] } {
  const { patientOf, unused } = given === undefined ? NOBODY_KNOWS : readPatients(given);
  const isFound = given !== undefined && "table" in given && given.isFound === true;
  let fits = 0;
  const found = cases.map((c) => {
    const own = patientOf(c.id);
    if (own !== null) fits++;
    const takesOwn = own !== null && !(isFound && c.patient !== undefined);
    const named = c.patient === undefined ? null : { patient: c.patient, from: "named" as const };
    const { className = c.className, ...patient }: FoundPatient & { className?: string } = takesOwn
      ? own
      : patientFor(c.id, named);
    if (!caseNameSchema.safeParse(patient.patient).success) {
      throw invalidDataset("the name of a patient cannot be used: expected one line of 1 to 200 characters");
    }
    return { ...c, ...patient, ...(className !== undefined && { className }) };
  });
  if (given === undefined) return { cases: found, notes: [] };
  const what = "rule" in given ? "rule" : "table";
  if (!isFound && fits === 0) throw invalidDataset(fitsNone(what, cases.length));
  const [without, left] = [cases.length - fits, unused()];
  return {
    cases: found,
    notes: [
      ...without > 0 ? [`cases of which the ${what} for patients says nothing: ${without} of ${cases.length}`] : [],
      ...left > 0 ? [`rows of the table of patients that fit no case: ${left}`] : [],
    ],
  };
}

const NOBODY_KNOWS: ReadPatients = { patientOf: () => null, unused: () => 0 };

/** The words for a rule or table that says nothing about a data set. */
export function fitsNone(what: "rule" | "table", cases: number): string {
  return `the ${what} for patients fits none of its ${cases} cases`;
}

/** Counts patients, and cases by how their patient was found. */
export function countPatients(cases: readonly FoundPatient[]): PatientCounts {
  const from = (source: PatientSource) => cases.filter(({ patientFrom }) => patientFrom === source).length;
  return {
    count: new Set(cases.map(({ patient }) => patient)).size,
    named: from("named"),
    rule: from("rule"),
    caseName: from("case-name"),
  };
}

/** A case's patient, and its class where the table has one. */
type GivenPatient = FoundPatient & { readonly patientFrom: NamedPatient["from"]; readonly className?: string };

export interface ReadPatients {
  /** The patient that the rule or table gives a case, or null. */
  readonly patientOf: (caseName: string) => GivenPatient | null;
  /** Rows of the table that no case has asked for. */
  readonly unused: () => number;
}

/** @throws {DomainError} `invalid-request` of a rule, `invalid-dataset` of a table */
export function readPatients(given: GivenPatients): ReadPatients {
  if ("rule" in given) {
    const patientOf = readPatientRule(given.rule);
    return {
      patientOf: (name) => {
        const patient = patientOf(name);
        return patient === null ? null : { patient, patientFrom: "rule" };
      },
      unused: () => 0,
    };
  }
  const { rowOf, unused } = readPatientTable(given.table);
  return {
    patientOf: (name) => {
      const row = rowOf(name);
      return row === null ? null : { ...row, patientFrom: "named" };
    },
    unused,
  };
}
