import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import { patientOf } from "./case_name.ts";

/** Names of cases by their patient, as published data sets and hospitals write them. */
const SESSIONS: Record<string, readonly string[]> = {
  "sub-01": ["sub-01_ses-1", "sub-01_ses-2", "sub-01_ses-2_run-1_T1w", "sub-01/ses-2/anat", "sub-01"],
  "sub-strokecase0001": ["sub-strokecase0001_ses-0001"],
  "siteA/sub-01": ["siteA/sub-01/ses-1", "siteA/sub-01_ses-2"],
  P14: ["P14_T3", "P14_t3", "P14_tp2", "P14_visit2", "P14-T10", "P14 V2", "P14_ses1", "P14_baseline", "P14_followup"],
  P15: ["P15_preop", "P15_post-op", "P15_timepoint_02", "P15_visit2_run1", "P15_2019-03-02", "P15_20190302"],
  patient01: ["patient01_study1", "patient01_study2", "patient01/study2"],
  "BraTS-GLI-00005": ["BraTS-GLI-00005-000", "BraTS-GLI-00005-001", "BraTS-GLI-00005-101"],
  "BraTS-MET-00005": ["BraTS-MET-00005-000"],
  "UPENN-GBM-00006": ["UPENN-GBM-00006_11", "UPENN-GBM-00006_21"],
  "UCSF-PDGM-0409": ["UCSF-PDGM-0409_nifti", "UCSF-PDGM-0409_FU007d_nifti", "UCSF-PDGM-0409_FU007d"],
  "002_S_0295": ["002_S_0295_m12", "ADNI_002_S_0295_MR_MPRAGE", "002_S_0295-bl", "002_S_0295_2006-04-18"],
  TCGA_CS_4941: ["TCGA_CS_4941_19960909"],
  OAS1_0061: ["OAS1_0061_MR1", "OAS1_0061_MR2"],
  OAS30001: ["OAS30001_MR_d0129", "OAS30001_MR_d0757"],
  PatientID_0003: ["PatientID_0003_Timepoint_1", "PatientID_0003_Timepoint_5"],
  "Patient-001": ["Patient-001_week-000-1", "Patient-001_week-044"],
  Müller: ["Müller_visit1", "Müller_visit2"],
};

/** Names that differ in what they number, and are of as many patients. */
const PATIENTS: readonly (readonly string[])[] = [
  ["case_1", "case_2"],
  ["hippocampus_001", "hippocampus_002"],
  ["MS_01", "MS_02"],
  ["BraTS2021_00000", "BraTS2021_00002", "BraTS20_Training_001", "BraTS20_Training_002"],
  ["Brats17_2013_10_1", "Brats17_TCIA_105_1", "Brats18_CBICA_AAB_1"],
  ["01016SACH", "01038PAGU", "07001MOEL"],
  ["Center_01_Patient_02", "Center_01_Patient_03"],
  ["brain_scan_001", "brain_scan_002"],
  ["study_1", "study_2", "scan12", "visit_1", "T1", "T2"],
  ["site1_scan_01", "site1_scan_02", "center2_visit_1", "Task01_study_1", "Dataset001_scan_2"],
  ["UNC_train_Case01", "UNC_train_Case02", "la_003", "lung_001", "amos_0001"],
  ["subject1", "subject2", "sub-01", "sub-011", "patient01", "patient19"],
  ["IXI002-Guys-0828", "IXI012-HH-1211"],
  ["training01_01", "training02_01"],
  ["P14", "P15", "", "T3", "_T3"],
];

Deno.test("patientOf() finds the patient of a session, and a patient's name is its own", () => {
  for (const [patient, names] of Object.entries(SESSIONS)) {
    for (const name of names) assert.equal(patientOf(name), patient, name);
    assert.equal(patientOf(patient), patient);
  }
});

Deno.test("patientOf() leaves names that number patients as they are", () => {
  for (const name of PATIENTS.flat()) assert.equal(patientOf(name), name);
});

Deno.test("patientOf() never takes a number of a patient for one of a session (property)", () => {
  const random = new Random(16);
  const pick = <T>(list: readonly T[]) => list[random.integer(list.length)];
  for (let i = 0; i < 500; i++) {
    const [a, b] = [0, 0].map(() => random.integer(500));
    const [word, mark, digits] = [
      pick(["case", "MS", "P", "patient", "subj", "lesion", "x"]),
      pick(["", "_", "-"]),
      pick([1, 2, 3]),
    ];
    const [session, session2] = [
      pick(["_ses-1", "_T1", "_tp2", "_visit3", "/study2", "_2021-01-01"]),
      pick(["", "_T12"]),
    ];
    const [one, two] = [a, b].map((n) => `${word}${mark}${String(n).padStart(digits, "0")}`);
    assert.equal(patientOf(one), one);
    assert.equal(patientOf(one + session), one, one + session);
    assert.equal(patientOf(one + session2) === patientOf(two + session), one === two, `${one} ${two}`);
  }
});

Deno.test("patientOf() is quick on any name (property)", () => {
  const start = performance.now();
  for (const part of ["_1", "-", "a1_", "sub-", "t1_t1", "1_2019", " ", "_MR_d1"]) patientOf(part.repeat(200));
  assert.ok(performance.now() - start < 1000);
});
