/** Folds of validation: by patient, never by case. */
import { Random } from "../../tensor/mod.ts";
import type { TrainingCase } from "../types.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

/** Indices of the cases that a fold is trained on and validated on. */
export interface Fold {
  readonly train: readonly number[];
  readonly held: readonly number[];
}

/** Up to this many patients are left out one by one; above, `auto` makes five folds. */
const LEAVE_ONE_OUT = 10;
const AUTO_FOLDS = 5;

/**
 * The folds of a run: leave-one-patient-out for 2–10 patients, five folds above, none for one patient or on request.
 * Every patient is held out exactly once.
 */
export function makeFolds(
  cases: readonly TrainingCase[],
  { validation, seed }: Pick<ResolvedRecipe, "validation" | "seed">,
): Fold[] {
  const patients = [...new Set(cases.map((c) => c.patient))];
  if (validation === "none" || patients.length < 2) return [];
  const asked = validation === "auto"
    ? (patients.length <= LEAVE_ONE_OUT ? patients.length : AUTO_FOLDS)
    : validation.folds;
  const count = Math.min(asked, patients.length);
  const order = count === patients.length ? patients : new Random(seed).fork("folds").shuffle([...patients]);
  const foldOf = new Map(order.map((p, i) => [p, i % count]));
  return Array.from({ length: count }, (_, f) => {
    const held = cases.flatMap((c, i) => (foldOf.get(c.patient) === f ? [i] : []));
    return { held, train: cases.map((_, i) => i).filter((i) => !held.includes(i)) };
  });
}
