/** The spec of the package that a fine-tune makes: the base's way of seeing images, and the head's of answering. */
import type { ModelSpec, Preprocessing } from "../../../inference/mod.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import { mirroredAxes } from "../../recipe/mirror_axes.ts";
import { TrainingError } from "../../types.ts";
import { placesOf } from "./by_name.ts";
import { freshSettings, keptSettings } from "./keep_head.ts";
import type { Trainable } from "./trainable.ts";
import type { NetworkRequest } from "../types.ts";

/** @throws {TrainingError} `invalid-recipe`: the base states no normalisation for one of the modalities */
export function resultSpec(
  request: NetworkRequest,
  recipe: ResolvedRecipe,
  { architecture, kept, report: { outputs } }: Pick<Trainable, "architecture" | "kept" | "report">,
): ModelSpec {
  const { task, modalities, labels, classes, base: { spec } } = request;
  const isOwn = kept !== null || (spec.task === task && outputs.fresh.length === 0 && outputs.dropped.length === 0);
  const inference = isOwn ? keptSettings(spec, labels) : freshSettings(spec.inference);
  return {
    task,
    architecture,
    modalities,
    labels,
    classes,
    preprocessing: preprocessingOf(request, recipe),
    inference: {
      ...inference,
      roi: recipe.roi,
      ...(recipe.mirroredWindows && { mirrored: mirroredAxes(recipe) }),
      ...(kept !== null ? { activation: kept.activation } : recipe.exclusive && { activation: "softmax" }),
    },
  };
}

/**
 * The base's pre-processing for the modalities of the data. A base that states its normalisations keeps them: its weights know
 * no other images.
 */
function preprocessingOf(
  { modalities, base: { name, spec } }: NetworkRequest,
  { percentilesOver, spacingMm }: ResolvedRecipe,
): Preprocessing {
  const preprocessing = { ...spec.preprocessing, ...(spacingMm !== null && { spacingMm }) };
  const { normalisation } = preprocessing;
  if (normalisation === undefined) return { ...preprocessing, percentilesOver };
  const [first] = normalisation;
  if (normalisation.every((entry) => JSON.stringify(entry) === JSON.stringify(first))) {
    return { ...preprocessing, normalisation: [first] };
  }
  const own = placesOf(modalities, spec.modalities).map((at, i) => {
    if (at !== null) return normalisation[at];
    throw new TrainingError(
      "invalid-recipe",
      `Cannot train ${name}: it normalises each of ${spec.modalities.join(", ")} in its own way, and none of them is ` +
        `${modalities[i]}; make a data set with its modalities, or choose another base`,
    );
  });
  return { ...preprocessing, normalisation: own };
}
