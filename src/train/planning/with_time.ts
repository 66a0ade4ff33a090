/** Puts the updates that fit into a time into a recipe. */
import { makeFolds } from "../data/folds.ts";
import { budgetOf, type Recipe, warmupFor } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import type { TrainingCase } from "../types.ts";
import { type Allotment, allotted, type Durations } from "./time.ts";

/** The recipe with the updates that fit into its time. */
export function withTime(
  recipe: ResolvedRecipe,
  { wished, cases, durations, seconds }: {
    readonly wished: Recipe;
    readonly cases: readonly Pick<TrainingCase, "patient">[];
    readonly durations: Durations;
    /** Seconds that are left; default: all of the budget. */
    readonly seconds?: number;
  },
): { readonly recipe: ResolvedRecipe; readonly allotment: Allotment; readonly reason: readonly string[] } {
  const held = makeFolds(cases, { ...recipe, traits: cases.map(() => new Set<string>()) }).map((f) => f.held.length);
  const minutes = budgetOf(wished);
  if (minutes === null) {
    const { steps, foldSteps, foldsRun } = recipe, count = Math.min(foldsRun ?? held.length, held.length);
    const { update, start, score } = durations;
    const scores = held.slice(0, count).reduce((a, b) => a + b, 0) + cases.length;
    const taken = (steps + count * foldSteps) * update + (count + 1) * start + scores * score;
    return {
      recipe,
      allotment: { steps, foldSteps, foldsRun: count, scored: cases.length, seconds: taken },
      reason: [],
    };
  }
  const allotment = allotted({ ...durations, seconds: seconds ?? 60 * minutes, held, cases: cases.length });
  const { steps, foldSteps, foldsRun } = allotment;
  return {
    recipe: {
      ...recipe,
      steps,
      foldSteps,
      foldsRun: foldsRun === held.length ? null : foldsRun,
      warmupSteps: Math.min(wished.warmupSteps ?? Infinity, warmupFor(foldSteps)),
    },
    allotment,
    reason: [timeReason(allotment, { held, update: durations.update, minutes })],
  };
}

function timeReason(
  { steps, foldSteps, foldsRun }: Allotment,
  { held, update, minutes }: { held: readonly number[]; update: number; minutes: number },
): string {
  const cases = held.slice(0, foldsRun).reduce((a, b) => a + b, 0), all = held.reduce((a, b) => a + b, 0);
  const validation = held.length === 0
    ? "no folds"
    : foldsRun === 0
    ? "no fold, which would take most of the time"
    : `${foldsRun} of ${held.length} folds of ${foldSteps} updates, which hold out ${cases} of ${all} cases`;
  return `Time ${Number(minutes.toPrecision(3))} min at ${
    update.toPrecision(2)
  } s an update: ${steps} updates of the final ` +
    `network; ${validation}.`;
}
