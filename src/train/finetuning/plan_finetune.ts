/** Plans a fine-tune without training: reads the data's fingerprint, applies the rules, forecasts time and memory. */
import { type Provider } from "../../engine/mod.ts";
import { Readers } from "../../process/mod.ts";
import { type FinetuneCheck, planned } from "./check_finetune.ts";
import { type TrainingCase, TrainingError } from "../types.ts";
import { fingerprintOf } from "../planning/fingerprint.ts";
import type { FinetunePlan } from "../planning/plan.ts";
import { settledReasons } from "../planning/settled.ts";
import { rulingsFor } from "../planning/rules.ts";
import { networkCount } from "../recipe/folds.ts";
import { ensembleCost } from "../report/ensemble.ts";
import { withTime } from "../planning/with_time.ts";
import { forecast } from "./forecast.ts";

export interface PlanRequest extends Omit<FinetuneCheck, "cases" | "patients" | "planned"> {
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
    patients: data.patients,
    planned: ruled.values,
  });
  const { peakBytes, ...durations } = forecast(network, { recipe: first, spec, data, provider: request.provider });
  const { task } = request.request, { recipe: wished, cases } = request;
  const { recipe, allotment, reason } = withTime(first, { wished, task, cases, durations });
  return {
    fingerprint: data,
    recipe,
    reasons: [
      ...ruled.reasons,
      ...settledReasons(recipe, spec.preprocessing),
      ...reason,
      ...ensembleCost(network.network, networkCount(recipe, data.patients)),
    ],
    expected: {
      seconds: Math.round(allotment.seconds),
      peakBytes,
      updates: (allotment.foldsRun + allotment.halves) * recipe.foldSteps + recipe.steps,
      secondsPerUpdate: Number(durations.update.toPrecision(3)),
      isMeasured: false,
    },
  };
}

/** A plan, or the reason why there is none. */
export type PlanReply = { readonly plan: FinetunePlan } | {
  readonly refused: string;
  readonly code: TrainingError["code"];
};

/**
 * {@link planFinetune} in a child process with bounds, so that a server keeps answering.
 * @throws {TrainingError} as a fine-tune
 * @throws {DomainError} `too-much-work`, `busy`
 */
export async function planInProcess(request: PlanRequest, readers = new Readers()): Promise<FinetunePlan> {
  const { cases, request: { base: { directory } } } = request;
  const reply = await readers.run<PlanRequest, PlanReply>(import.meta.resolve("./_plan_child.ts"), {
    task: request,
    reads: [directory, ...cases.flatMap(filesOf)],
    writes: [],
    refusal: { code: "invalid-weights", start: "Cannot plan a fine-tune" },
  });
  if ("refused" in reply) throw new TrainingError(reply.code, reply.refused);
  return reply.plan;
}

function filesOf({ images, label }: TrainingCase): string[] {
  return [...Object.values(images), ...(label === undefined ? [] : [label])];
}
