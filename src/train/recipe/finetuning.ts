/** The recipe of a fine-tune: what a user may ask for, and how a preset completes it. */
import { z } from "zod";
import type { Architecture, ModelSpec, Preprocessing } from "../../inference/mod.ts";
import { familyOf } from "../../nets/mod.ts";
import { FINETUNING_PRESETS, type FinetuningPreset } from "./finetuning_presets.ts";
import {
  CHOSEN_SETTINGS,
  type FinetuningPresetName,
  type ResolvedRecipe,
  resolvedRecipeSchema,
} from "./finetuning_settings.ts";
import { completed, type Frozen, presetChoice, readRecipe, refuseSetting, wishes } from "./settings.ts";

/** A user's wishes; the preset decides what is absent. */
export const recipeSchema = z.strictObject({
  preset: presetChoice(FINETUNING_PRESETS, "edge"),
  ...wishes(CHOSEN_SETTINGS),
});
export type Recipe = Frozen<z.output<typeof recipeSchema>>;

/** The recipe of a user without wishes. */
export const DEFAULT_RECIPE: Recipe = recipeSchema.parse({});

export interface RecipeContext {
  readonly cases: number;
  readonly baseHasTemplates: boolean;
  readonly task: "segmentation" | "classification";
  /** The base's kind. */
  readonly network: Architecture["kind"];
  /** As of {@link ownPercentiles}. */
  readonly percentilesOver: PercentilesOver | null;
}

type PercentilesOver = NonNullable<Preprocessing["percentilesOver"]>;

/** Where a trained base expects percentiles to be taken; null: it is an encoder, and the preset decides. */
export function ownPercentiles(
  { task, preprocessing }: Pick<ModelSpec, "task" | "preprocessing">,
): PercentilesOver | null {
  return task === "encoder" ? null : preprocessing.percentilesOver ?? null;
}

/**
 * Completes a recipe for a task, a number of cases and a base.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected
 */
export function resolveRecipe(wished: Recipe, context: RecipeContext): ResolvedRecipe {
  const recipe = readRecipe(recipeSchema, wished, "fine-tune");
  checkAgainstBase(recipe, context);
  const { steps: stepsFor, foldShare, twoViewShare, ...values } = presetFor(recipe.preset, context);
  const { templates = context.baseHasTemplates, batchSize = values.batchSize } = recipe;
  const { steps = Math.ceil(stepsFor(context.cases) * (templates ? twoViewShare : 1)) } = recipe;
  const family = familyOf(context.network);
  const planned = {
    ...values,
    templates,
    steps,
    percentilesOver: context.percentilesOver ?? values.percentilesOver,
    foldSteps: Math.ceil(steps * foldShare),
    // a graph from a file may take one crop only
    batch: family.graph === "file" ? "accumulated" : values.batch,
    // the means of a single crop have no spread that a BatchNormalization could measure
    allStages: values.allStages && batchSize > 1 && family.finetuning.allStages,
  };
  return readRecipe(resolvedRecipeSchema, completed(planned, recipe), "fine-tune");
}

function presetFor(name: FinetuningPresetName, { task, network }: RecipeContext): FinetuningPreset["values"] {
  const { values, classification } = FINETUNING_PRESETS[name];
  const { optimizer } = values;
  const { paperWeightDecay } = familyOf(network).finetuning;
  const weightDecay = name === "paper" ? paperWeightDecay : optimizer.weightDecay;
  return {
    ...values,
    ...(task === "classification" && classification),
    optimizer: { ...optimizer, weightDecay },
  };
}

function checkAgainstBase(
  { templates, compareFromScratch }: Recipe,
  { baseHasTemplates, network }: RecipeContext,
): void {
  const refuse = (setting: keyof Recipe, reason: string) =>
    refuseSetting("fine-tune", [setting], { expected: `false, because ${reason}`, got: true });
  if (templates && !baseHasTemplates) refuse("templates", "the base model has no templates");
  if (compareFromScratch && familyOf(network).graph === "file") {
    refuse("compareFromScratch", "nothing says how to initialise the base's network");
  }
}
