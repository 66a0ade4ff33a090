/** The training step that a recipe asks of a network. */
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import type { Trainable } from "../network/trainable.ts";
import type { TrainerOptions } from "./trainer.ts";

export function stepConfigOf(
  network: Trainable,
  { task, recipe }: { readonly task: "segmentation" | "classification"; readonly recipe: ResolvedRecipe },
): TrainerOptions["step"] {
  const views = recipe.templates ? 2 : 1;
  return {
    task,
    criterion: network.criterion,
    heads: network.heads,
    headWeights: recipe.headWeights,
    consistency: views === 2 ? consistencyOf(recipe, network) : null,
    views,
    supervision: recipe.supervision,
    optimizer: recipe.optimizer,
    clipNorm: recipe.clipNorm,
    ema: recipe.ema,
    baseRate: baseRateOf(recipe, network),
    isTrainable: network.isTrainable,
    isFrozen: network.isFrozen,
  };
}

/** The rate of weights from the base; absent: that of all. */
function baseRateOf({ encoderRate: factor, frozenSteps }: ResolvedRecipe, { isFromBase }: Trainable) {
  return factor === 1 && frozenSteps === 0 ? undefined : { isFromBase, factor, frozenSteps };
}

/**
 * The output that the recipe compares; networks without deep supervision have no `out4`, so x4 stands in. A whole network
 * from a file has neither: null.
 */
function consistencyOf({ consistency }: ResolvedRecipe, { network }: Trainable) {
  const on = [consistency.on, "x4"].find((name) => network.outputs.includes(name));
  return on === undefined ? null : { ...consistency, on };
}
