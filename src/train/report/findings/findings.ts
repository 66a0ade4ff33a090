/** All that held-out scores say beyond their means: patients, expectation, learning curve, calibration. */
import type { CaseScore } from "../scores.ts";
import { type Calibration, classCalibrations, voxelCalibrations } from "./calibration.ts";
import { accuracyExpectation, diceExpectation, type Expectation } from "./expectation.ts";
import { type LearningCurve, learningCurve, type LearningPoint, unknownCurve } from "./learning_curve.ts";
import { type PatientScore, patientScores } from "./patients.ts";

export interface Findings {
  readonly patients: readonly PatientScore[];
  readonly expectation: Expectation;
  readonly learningCurve: LearningCurve;
  readonly calibration: readonly Calibration[];
}

export interface FindingsOptions {
  readonly task: "segmentation" | "classification";
  readonly patientOf: (i: number) => string;
  /** Patients that the final network was trained on. */
  readonly trainPatients: number;
  /** Scores by networks that were trained on different numbers of patients. */
  readonly learning: readonly LearningPoint[];
}

export function findingsOf(
  scores: readonly CaseScore[],
  { task, patientOf, trainPatients, learning }: FindingsOptions,
): Findings {
  const patients = patientScores(scores, patientOf);
  if (task === "classification") {
    const expectation = accuracyExpectation(scores, patientOf);
    const learningCurve = unknownCurve("it is measured of segmentations only");
    return { patients, expectation, learningCurve, calibration: classCalibrations(scores) };
  }
  return {
    patients,
    expectation: diceExpectation(patients),
    learningCurve: learningCurve(learning, { patients: trainPatients }),
    calibration: voxelCalibrations(scores),
  };
}
