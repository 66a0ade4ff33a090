/** Notes of a report about its data: where the patients come from, and the cases that were not trained on. */
import type { LeftOut, PatientCounts } from "../types.ts";

/** Cases that were left out and have a note of their own. */
const NOTED_CASES = 20;

export interface ReportedData {
  readonly patients?: PatientCounts;
  readonly leftOut?: readonly LeftOut[];
}

export function dataNotes({ patients, leftOut = [] }: ReportedData): string[] {
  const more = leftOut.length - NOTED_CASES;
  return [
    ...patients === undefined ? [] : [patientWords(patients)],
    ...leftOut.slice(0, NOTED_CASES).map(({ case: id, reason }) => `Left out: ${id} (${reason}).`),
    ...more > 0 ? [`Left out: ${more} more cases, which report.json lists.`] : [],
  ];
}

/** `5 patients: of 8 cases named, of 2 cases by the case's name.` */
export function patientWords({ count, named, rule, caseName }: PatientCounts): string {
  const sources = [
    [named, "named"],
    [rule, "by the rule that was given"],
    [caseName, "by the case's name"],
  ] as const;
  const words = sources.flatMap(([cases, how]) =>
    cases > 0 ? [`of ${cases} case${cases === 1 ? "" : "s"} ${how}`] : []
  );
  return `${count} patient${count === 1 ? "" : "s"}: ${words.join(", ")}.`;
}
