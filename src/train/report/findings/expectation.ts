/** What to expect of a new patient, from the figures of held-out ones. */
import { nextValueInterval, shareInterval } from "../../../metrics/mod.ts";
import type { CaseScore } from "../scores.ts";
import { diceOf, type PatientScore } from "./patients.ts";

export interface Expectation {
  /** The figure that is expected. */
  readonly of: "dice" | "accuracy";
  /** Held-out patients with a figure. */
  readonly patients: number;
  readonly mean: number | null;
  /** null: the patients are too few. */
  readonly low: number | null;
  /** null: there is a lower limit only. */
  readonly high: number | null;
  /** The chance that a new patient's figure lies in between, or that the interval holds the share. */
  readonly level: number | null;
  readonly method: "order statistics" | "Clopper-Pearson" | null;
  readonly sentence: string;
}

const NONE = { low: null, high: null, level: null, method: null } as const;

/** The Dice of a new patient: an interval between held-out patients, whatever their distribution. */
export function diceExpectation(scored: readonly PatientScore[]): Expectation {
  const values = diceOf(scored), patients = values.length;
  const mean = patients === 0 ? null : values.reduce((a, b) => a + b, 0) / patients;
  const found = nextValueInterval(values);
  if (found === null) {
    const why = patients === 0 ? "no held-out patient has a figure" : "one held-out patient alone has a figure";
    return { of: "dice", patients, mean, ...NONE, sentence: `What to expect of a new patient is not known: ${why}.` };
  }
  const { low, level } = found, high = Number.isFinite(found.high) ? found.high : null;
  const where = high === null ? `of at least ${low.toFixed(2)}` : `between ${low.toFixed(2)} and ${high.toFixed(2)}`;
  const how = high === null
    ? `the least of ${patients} held-out patients; so few give a lower limit only`
    : `between the ranks of ${patients} held-out patients`;
  return {
    of: "dice",
    patients,
    mean,
    low,
    high,
    level,
    method: "order statistics",
    sentence: `Expect a Dice ${where} on a new patient like these, with a chance of at least ${
      percent(level)
    } (${how}).`,
  };
}

/** The share of new patients that are classified right: a patient counts as right where all of their cases are. */
export function accuracyExpectation(scores: readonly CaseScore[], patientOf: (i: number) => string): Expectation {
  const counted = scores.filter(({ unlearnt, probabilities }) => !unlearnt && probabilities !== undefined);
  const right = ({ probabilities = [], classIndex }: CaseScore) =>
    probabilities.indexOf(Math.max(...probabilities)) === classIndex;
  const byPatient = [...Map.groupBy(counted, (score) => patientOf(score.case)).values()];
  const patients = byPatient.length, hits = byPatient.filter((cases) => cases.every(right)).length;
  if (patients === 0) {
    const sentence = "What to expect of a new patient is not known: no held-out patient has a figure.";
    return { of: "accuracy", patients, mean: null, ...NONE, sentence };
  }
  const { low, high, level } = shareInterval(hits, patients);
  return {
    of: "accuracy",
    patients,
    mean: hits / patients,
    low,
    high,
    level,
    method: "Clopper-Pearson",
    sentence:
      `Of new patients like these, expect between ${percent(low)} and ${percent(high)} to be classified right ` +
      `(${hits} of ${patients} held-out ones were; exact interval of ${percent(level)}).`,
  };
}

/** Whole percent, never rounded up. */
const percent = (share: number) => `${Math.floor(100 * share + 1e-9)} %`;
