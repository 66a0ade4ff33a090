/**
 * Reports for packages, which leave the house: cases and patients by number, no pictures, and no words that a person wrote
 * about a case. The whole report stays beside the job; `registry/reports.ts` keeps it.
 */
import { join } from "node:path";
import { writeWhole } from "../../storage/mod.ts";
import type { Report } from "./finetuning.ts";
import type { PretrainingReport } from "./pretraining.ts";

/** How a report names cases: as the data set does, with pictures, or by number and without any. */
export type Identities = "shown" | "pseudonyms";

/** Folder of the whole report inside the folder that becomes the package, which takes no such folder in. */
const PRIVATE = "private";

const PSEUDONYMS_NOTE =
  "Cases and patients are numbered and pictures are left out, because packages are handed on; the training's own report " +
  "has both.";

/** A fine-tune's report without names, pictures and reasons of people. */
export function withoutPatients(report: Report): Report {
  const { request } = report, { cases, leftOut = [] } = request;
  const [caseNumber, patientNumber] = [numbers(cases.map(({ id }) => id)), numbers(cases.map((c) => c.patient))];
  return {
    ...report,
    request: {
      ...request,
      cases: cases.map(({ id, patient }) => ({
        id: `case ${caseNumber.get(id)}`,
        patient: `patient ${patientNumber.get(patient)}`,
      })),
      leftOut: leftOut.map((_, i) => ({ case: `left-out case ${i + 1}`, reason: "the training's own report has it" })),
    },
    templateFits: report.templateFits.map((fit) => ({ ...fit, case: `case ${caseNumber.get(fit.case) ?? "unknown"}` })),
    phases: report.phases.map((phase) => ({
      ...phase,
      scores: phase.scores.map(({ previewPng: _, ...score }) => score),
    })),
    remarks: [...report.remarks, PSEUDONYMS_NOTE],
  };
}

/** A pre-training's report without pictures, which show heads of patients. */
export function withoutPictures(report: PretrainingReport): PretrainingReport {
  return { ...report, snapshots: [] };
}

/** Each name's number, in the order of its first appearance. */
function numbers(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map([...new Set(names)].map((name, i) => [name, i + 1]));
}

/** A report in both of its forms. */
export interface Written {
  readonly json: Record<string, unknown>;
  readonly html: string;
}

/** Writes the report for the package, and the whole one into a folder that no package takes in. */
export async function writeReports(
  outputDirectory: string,
  { own, packaged }: { readonly own: Written; readonly packaged: Written },
): Promise<void> {
  const write = async (folder: string, identities: Identities, { json, html }: Written) => {
    await writeWhole(join(folder, "report.json"), JSON.stringify({ identities, ...json }, null, 2));
    await writeWhole(join(folder, "report.html"), html);
  };
  await write(join(outputDirectory, PRIVATE), "shown", own);
  await write(outputDirectory, "pseudonyms", packaged);
}
