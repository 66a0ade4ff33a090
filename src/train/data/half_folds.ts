/** Twins of folds that are trained on half of their patients: two sizes of training data show how the score grows. */
import { Random } from "../../tensor/mod.ts";
import type { TrainingCase } from "../types.ts";
import type { Fold } from "./folds.ts";

/** Held-out patients from which the two sizes can be told apart. */
const LEAST_HELD = 4;
/** More twins cost more than they show. */
const MOST_TWINS = 2;
/** Patients that a twin is trained on, at least. */
const LEAST_TRAINED = 2;

type Patients = readonly Pick<TrainingCase, "patient">[];

const patientsOf = (indices: readonly number[], cases: Patients) => [...new Set(indices.map((i) => cases[i].patient))];

/** Of how many folds, the first ones, a twin would show what more patients bring; 0: the patients are too few. */
export function usefulHalves(folds: readonly Pick<Fold, "held" | "train">[], cases: Patients): number {
  for (let count = 1; count <= Math.min(MOST_TWINS, folds.length); count++) {
    const own = folds.slice(0, count);
    if (own.some(({ train }) => patientsOf(train, cases).length < 2 * LEAST_TRAINED)) return 0;
    if (own.reduce((n, { held }) => n + patientsOf(held, cases).length, 0) >= LEAST_HELD) return count;
  }
  return 0;
}

export interface HalfFold extends Fold {
  readonly trainPatients: number;
}

/** The fold with half of its patients to train on, drawn by the seed. */
export function halfOf({ train, held }: Fold, { cases, seed }: { cases: Patients; seed: number }): HalfFold {
  const all = patientsOf(train, cases), random = new Random(seed).fork(`half without ${held.join(" ")}`);
  const kept = new Set(random.shuffle([...all]).slice(0, Math.ceil(all.length / 2)));
  return { held, train: train.filter((i) => kept.has(cases[i].patient)), trainPatients: kept.size };
}
