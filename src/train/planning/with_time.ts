/** Puts the updates that fit into a time into a recipe. */
import { makeFolds } from "../data/folds.ts";
import { usefulHalves } from "../data/half_folds.ts";
import { budgetOf, type Recipe, warmupFor } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { checkEnsembleTime } from "../recipe/folds.ts";
import type { TrainingCase } from "../types.ts";
import { type Allotment, allotted, type Durations } from "./time.ts";

/**
 * The recipe with the updates that fit into its time.
 * @throws {TrainingError} `invalid-recipe`: no fold fits, and folds shall answer
 */
export function withTime(
  recipe: ResolvedRecipe,
  { wished, task, cases, durations, seconds }: {
    readonly wished: Recipe;
    readonly task: "segmentation" | "classification";
    readonly cases: readonly Pick<TrainingCase, "patient">[];
    readonly durations: Durations;
    /** Seconds that are left; default: all of the budget. */
    readonly seconds?: number;
  },
): { readonly recipe: ResolvedRecipe; readonly allotment: Allotment; readonly reason: readonly string[] } {
  const folds = makeFolds(cases, { ...recipe, traits: cases.map(() => new Set<string>()) });
  const held = folds.map((f) => f.held.length);
  const minutes = budgetOf(wished);
  if (minutes === null) {
    const { steps, foldSteps, foldsRun } = recipe, count = Math.min(foldsRun ?? held.length, held.length);
    const { update, start, score } = durations, halves = Math.min(recipe.halfFolds, count), trained = count + halves;
    const heldBy = (folds: number) => held.slice(0, folds).reduce((a, b) => a + b, 0);
    const scores = heldBy(count) + heldBy(halves) + cases.length;
    const taken = (steps + trained * foldSteps) * update + (trained + 1) * start + scores * score;
    return {
      recipe,
      allotment: { steps, foldSteps, foldsRun: count, halves, scored: cases.length, seconds: taken },
      reason: [],
    };
  }
  const halvesWished = wished.halfFolds ?? (task === "segmentation" ? usefulHalves(folds, cases) : 0);
  const allotment = allotted({
    ...durations,
    seconds: seconds ?? 60 * minutes,
    held,
    cases: cases.length,
    halves: Math.min(halvesWished, held.length),
  });
  const { steps, foldSteps, foldsRun, halves } = allotment;
  checkEnsembleTime(recipe, { foldsRun, minutes });
  return {
    recipe: {
      ...recipe,
      steps,
      foldSteps,
      halfFolds: halves,
      foldsRun: foldsRun === held.length ? null : foldsRun,
      warmupSteps: Math.min(wished.warmupSteps ?? Infinity, warmupFor(foldSteps)),
    },
    allotment,
    reason: [timeReason(allotment, { held, update: durations.update, minutes })],
  };
}

function timeReason(
  { steps, foldSteps, foldsRun, halves }: Allotment,
  { held, update, minutes }: { held: readonly number[]; update: number; minutes: number },
): string {
  const cases = held.slice(0, foldsRun).reduce((a, b) => a + b, 0), all = held.reduce((a, b) => a + b, 0);
  const twins = halves === 0
    ? ""
    : `, and ${halves} of them again on half of the patients, which shows what more patients bring`;
  const validation = held.length === 0
    ? "no folds"
    : foldsRun === 0
    ? "no fold, which would take most of the time"
    : `${foldsRun} of ${held.length} folds of ${foldSteps} updates, which hold out ${cases} of ${all} cases` + twins;
  return `Updates by time: of ${Number(minutes.toPrecision(3))} min a twentieth stays free; at ${
    update.toPrecision(2)
  } s an update ` + `that is ${steps} updates of the final network; ${validation}.`;
}
