/** The methods of pre-training, and the recipes that a user may ask for. To add a method is to add its record here. */
import { MODALITIES } from "../../inference/mod.ts";
import { checkSamples } from "../planning/recipe_work.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import { BRAINMVP } from "./brainmvp/method.ts";
import { type BrainmvpRecipe, brainmvpRecipeSchema } from "./brainmvp/settings.ts";
import type { PretrainingMethod } from "./method.ts";

/** A user's wishes for any method; `method` says which one's schema they follow. */
export type PretrainingRecipe = BrainmvpRecipe;
export const pretrainingRecipeSchema = brainmvpRecipeSchema;

/** The recipe of a user without wishes. */
export const DEFAULT_PRETRAINING: PretrainingRecipe = pretrainingRecipeSchema.parse({});

const METHODS: Readonly<Record<NonNullable<PretrainingRecipe["method"]>, PretrainingMethod>> = { brainmvp: BRAINMVP };

export const methodOf = ({ method = "brainmvp" }: PretrainingRecipe): PretrainingMethod => METHODS[method];

/**
 * Completes a recipe for a number of cases.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected; its samples or templates
 * would take more memory than `memoryBytes`, default that of the default budget
 */
export function resolvePretraining(
  recipe: PretrainingRecipe,
  cases: number,
  memoryBytes?: number,
): PretrainingBase {
  const { recipe: resolved, templateSizeVox } = methodOf(recipe).plan(recipe, cases);
  const { batch, roi } = resolved;
  const templates = templateSizeVox && { count: MODALITIES.length, sizeVox: templateSizeVox };
  checkSamples("pre-train", { samples: batch.size, roi, volumes: VOLUMES, templates }, memoryBytes);
  return resolved;
}

/** A sample is a patch of two modalities, each whole, masked and with its counterpart. */
const VOLUMES = 6;
