/**
 * The patient of a case: as somebody named it, by a rule that the user gives, or by the case's name. Sessions of one
 * patient must be on one side of every split, and different patients must not become one.
 */
import type { PatientSource } from "../types.ts";

/** `sub-01_ses-2`, also below other words: the subject of the Brain Imaging Data Structure, whatever follows it. */
const SUBJECT = /^((?:.*[-_ ./])?sub-[a-z0-9]+)[-_ ./].*$/i;
/** Sessions of published data sets: BraTS since 2023, UPENN-GBM, UCSF-PDGM, ADNI. */
const PUBLISHED = [
  /^(brats-[a-z]+-\d+)-\d{3}$/i,
  /^(upenn-gbm-\d{5})_[12]1$/i,
  /^(ucsf-pdgm-\d{4})_(?:fu\d+d)?(?:_?nifti)?$/i,
  /^(?:adni[-_])?(\d{3}_s_\d{4})[-_ ./].*$/i,
];
/** Words that number nothing but sessions. */
const SESSION =
  /^(.+)[-_ ./](?:ses|sess|session|visit|time|timepoint|time-point|tp|fu|follow-?up)[-_ ]?\d{1,4}[a-z]?$/i;
/** Words that number sessions after an identifier with a digit, and who knows what otherwise: `brain_scan_12`. */
const LIKELY = /^(.*\d.*)[-_ ./](?:t|v|study|scan|exam|run|mr|week|month|year)[-_ ]?(?:d?\d{1,4})(?:-\d{1,2})?$/i;
const NAMED = /^(.*\d.*)[-_ ./](?:baseline|bl|follow-?up|pre|post|pre-?op|post-?op)$/i;
/** `TCGA_CS_4941_19960909`, `P14_2019-03-02`. */
const DATED = /^(.*\d.*)[-_ ./](?:19|20)\d\d([-_ ]?)(?:0[1-9]|1[0-2])\2(?:0[1-9]|[12]\d|3[01])$/;
/** What such a name stands for is no patient: `site2_scan_07`. */
const NOBODY =
  /(?:^|[-_ ./])(?:site|cent(?:er|re)|clinic|hospital|scanner|data-?set|fold|batch|group|cohort|task)[-_ ]?\d*$/i;

/**
 * The patient that a case's name points to; the name itself where it points to none.
 * @example patientOf("sub-01_ses-2") // "sub-01"
 * @example patientOf("P14_T3") // "P14"
 * @example patientOf("hippocampus_002") // "hippocampus_002"
 */
export function patientOf(caseName: string): string {
  for (const pattern of PUBLISHED) {
    const [, patient] = pattern.exec(caseName) ?? [];
    if (patient !== undefined) return patient;
  }
  const [, subject] = SUBJECT.exec(caseName) ?? [];
  if (subject !== undefined) return subject;
  for (const pattern of [SESSION, LIKELY, NAMED, DATED]) {
    const [, before] = pattern.exec(caseName) ?? [];
    if (before !== undefined && !NOBODY.test(before)) return patientOf(before);
  }
  return caseName;
}

/** A case's patient, and how it was found. */
export interface FoundPatient {
  readonly patient: string;
  readonly patientFrom: PatientSource;
}

/** A patient whom somebody named, or a rule gave. */
export interface NamedPatient {
  readonly patient: string;
  readonly from: Exclude<PatientSource, "case-name">;
}

/** The patient that is named for a case, or else the one that its name points to. */
export function patientFor(caseName: string, named: NamedPatient | null): FoundPatient {
  return named === null
    ? { patient: patientOf(caseName), patientFrom: "case-name" }
    : { patient: named.patient, patientFrom: named.from };
}
