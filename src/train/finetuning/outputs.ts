/** How the result's output is read: as its spec says, or by the threshold and least sizes that held-out patients speak for. */
import type { ModelSpec } from "../../inference/mod.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { type ChosenOutputs, chosenOutputs } from "../report/findings/chosen_outputs.ts";
import type { Phase } from "../report/finetuning.ts";
import type { FinetuneRequest } from "./types.ts";

export interface Outputs {
  readonly spec: ModelSpec;
  /** Absent where nothing was to be chosen. */
  readonly chosen?: ChosenOutputs;
}

/** @param held the folds, scored */
export function outputsOf(
  held: readonly Pick<Phase, "scores">[],
  { request, recipe, spec }: {
    request: Pick<FinetuneRequest, "cases" | "task">;
    recipe: Pick<ResolvedRecipe, "outputs">;
    spec: ModelSpec;
  },
): Outputs {
  if (recipe.outputs === "fixed" || request.task !== "segmentation" || held.length === 0) return { spec };
  const patientOf = (i: number) => request.cases[i].patient;
  const chosen = chosenOutputs(held.flatMap(({ scores }) => scores), { spec, patientOf });
  return { spec: { ...spec, inference: { ...spec.inference, ...chosen.inference } }, chosen };
}
