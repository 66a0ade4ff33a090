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
 * lies in the data set.
 * @throws {DomainError} `invalid-dataset`, `invalid-request` where rule or table say nothing about any case
 */
export function patientsOf<C extends NamedCase>(
  cases: readonly C[],
  given: GivenPatients | undefined,
): (C & FoundPatient)[] {
  const byUser = given === undefined ? () => null : readPatients(given);
  const isLast = given !== undefined && "table" in given && given.isFound === true;
  let fits = 0;
  const found = cases.map((c) => {
    const own = byUser(c.id);
    if (own !== null) fits++;
    const { className = c.className, ...patient }: FoundPatient & { className?: string } =
      isLast && c.patient !== undefined || own === null
        ? patientFor(c.id, c.patient === undefined ? null : { patient: c.patient, from: "named" })
        : own;
    if (!caseNameSchema.safeParse(patient.patient).success) {
      throw invalidDataset("the name of a patient cannot be used: expected one line of 1 to 200 characters");
    }
    return { ...c, ...patient, ...(className !== undefined && { className }) };
  });
  if (given !== undefined && !isLast && fits === 0) {
    throw invalidDataset(
      `the ${"rule" in given ? "rule" : "table"} for patients fits none of its ${cases.length} cases`,
    );
  }
  return found;
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

/** The patient that a rule or table gives a case, or null. */
export function readPatients(given: GivenPatients): (caseName: string) => GivenPatient | null {
  if ("rule" in given) {
    const patientOf = readPatientRule(given.rule);
    return (name) => {
      const patient = patientOf(name);
      return patient === null ? null : { patient, patientFrom: "rule" };
    };
  }
  const rowOf = readPatientTable(given.table);
  return (name) => {
    const row = rowOf(name);
    return row === null ? null : { ...row, patientFrom: "named" };
  };
}
