/** Scores by patient: a patient with several cases counts once. */
import { nanMean } from "../../../metrics/mod.ts";
import type { CaseScore, LabelScore } from "../scores.ts";

export interface PatientScore {
  readonly patient: string;
  /** Mean over cases and labels that count; null: none has a figure. */
  readonly dice: number | null;
  /** Indexes of the cases among the request's. */
  readonly cases: readonly number[];
}

/** The mean Dice of each patient, in the order of their first case. */
export function patientScores(scores: readonly CaseScore[], patientOf: (i: number) => string): PatientScore[] {
  return [...Map.groupBy(scores, (score) => patientOf(score.case))].map(([patient, own]) => {
    const dice = nanMean(own.flatMap(({ labels = [] }) => labels.map((l) => l.dice ?? NaN)));
    return { patient, dice: Number.isNaN(dice) ? null : dice, cases: own.map((score) => score.case) };
  });
}

/** The Dice of those that have one. */
export const diceOf = (patients: readonly PatientScore[]): number[] =>
  patients.flatMap(({ dice }) => dice === null ? [] : [dice]);

/** The labels that count, in the order of the first case. */
export function labelNames(scores: readonly CaseScore[]): string[] {
  return [...new Set(scores.flatMap(({ labels = [] }) => labels.map((l) => l.label)))];
}

/** One label's scores that count. */
export function ofLabel(scores: readonly CaseScore[], label: string): LabelScore[] {
  return scores.flatMap(({ labels = [] }) => labels.filter((l) => l.label === label && !l.unlearnt));
}
