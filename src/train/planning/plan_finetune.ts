/** Plans a fine-tune without training: reads the data's fingerprint, applies the rules, forecasts time and memory. */
import { type Provider } from "../../engine/mod.ts";
import { inThread } from "../../process/mod.ts";
import { makeFolds } from "../data/folds.ts";
import { type FinetuneCheck, planned } from "../finetuning/check_finetune.ts";
import { budgetOf, type Recipe, warmupFor } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { type TrainingCase, TrainingError } from "../types.ts";
import { type Fingerprint, fingerprintOf } from "./fingerprint.ts";
import { forecast } from "./forecast.ts";
import type { FinetunePlan } from "./plan.ts";
import { rulesFor, type Rulings } from "./rules.ts";
import { type Allotment, allotted, type Durations } from "./time.ts";

export interface PlanRequest extends Omit<FinetuneCheck, "cases" | "planned"> {
  readonly cases: readonly TrainingCase[];
  /** The kind of device that the job will run on. */
  readonly provider: Provider;
}

/**
 * The plan of a fine-tune, in seconds: no case is prepared, no update is run.
 * @throws {TrainingError} as a fine-tune
 */
export async function planFinetune(request: PlanRequest): Promise<FinetunePlan> {
  const data = await fingerprintOf({ ...request.request, cases: request.cases });
  const ruled = rulingsFor(data, request);
  const { recipe: first, network, spec } = await planned({
    ...request,
    cases: request.cases.length,
    planned: ruled.values,
  });
  const { peakBytes, ...durations } = forecast(network, { recipe: first, spec, data, provider: request.provider });
  const { recipe, allotment, reason } = withTime(first, { wished: request.recipe, cases: request.cases, durations });
  return {
    fingerprint: data,
    recipe,
    reasons: [...ruled.reasons, ...reason],
    expected: {
      seconds: Math.round(allotment.seconds),
      peakBytes,
      updates: allotment.foldsRun * recipe.foldSteps + recipe.steps,
      secondsPerUpdate: Number(durations.update.toPrecision(3)),
      isMeasured: false,
    },
  };
}

/** The rules' values and reasons; none where the preset counts updates. */
export function rulingsFor(
  data: Fingerprint,
  { recipe, baseHasTemplates, request: { base, labels } }: Pick<PlanRequest, "recipe" | "baseHasTemplates" | "request">,
): Rulings {
  if (recipe.preset !== "auto") return { values: {}, reasons: [`The preset ${recipe.preset} decides.`] };
  return rulesFor(data, {
    budgetMinutes: budgetOf(recipe),
    baseHasTemplates,
    labels,
    baseSpacingMm: base.spec.preprocessing.spacingMm,
  });
}

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
    : `${foldsRun} of ${held.length} folds of ${foldSteps} updates, which hold out ${cases} of ${all} cases`;
  return `Time ${Number(minutes.toPrecision(3))} min at ${
    update.toPrecision(2)
  } s an update: ${steps} updates of the final ` +
    `network; ${validation}.`;
}

/** A plan, or the reason why there is none. */
export type PlanReply = { readonly plan: FinetunePlan } | {
  readonly refused: string;
  readonly code: TrainingError["code"];
};

/** {@link planFinetune} in a thread of its own, so that a server keeps answering. @throws {TrainingError} */
export async function planInThread(request: PlanRequest): Promise<FinetunePlan> {
  const reply = await inThread<PlanRequest, PlanReply>(import.meta.resolve("./_plan_worker.ts"), {
    task: request,
    failed: { refused: "Cannot plan a fine-tune: the planning thread failed", code: "invalid-recipe" },
  });
  if ("refused" in reply) throw new TrainingError(reply.code, reply.refused);
  return reply.plan;
}
