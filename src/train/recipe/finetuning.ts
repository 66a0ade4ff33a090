/** The recipe of a fine-tune: what a user may ask for, and how a preset completes it. */
import { z } from "zod";
import type { Architecture, ModelSpec, Preprocessing } from "../../inference/mod.ts";
import { familyOf } from "../../nets/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { FINETUNING_PRESETS, type FinetuningPreset } from "./finetuning_presets.ts";
import {
  CHOSEN_SETTINGS,
  DECIDED_SETTINGS,
  type FinetuningPresetName,
  type ResolvedRecipe,
  resolvedRecipeSchema,
} from "./finetuning_settings.ts";
import { type ExclusiveContext, resolveExclusive } from "./exclusive.ts";
import { checkEnsemble } from "./folds.ts";
import { mirrorAxes, mirroredAxes } from "./mirror_axes.ts";
import { AXES } from "./augmentation.ts";
import { completed, type Frozen, presetChoice, readRecipe, refuseSetting, wishes } from "./settings.ts";

/** The settings of a user who writes flags; a document may hold those that are otherwise decided, too. */
export const RECIPE_FLAGS = { preset: presetChoice(FINETUNING_PRESETS, "auto"), ...wishes(CHOSEN_SETTINGS) };

/** A user's wishes; the preset decides what is absent. The recipe of a plan is one, so that it can be given back. */
export const recipeSchema = z.strictObject({ ...RECIPE_FLAGS, ...wishes(DECIDED_SETTINGS) });
export type Recipe = Frozen<z.output<typeof recipeSchema>>;

/** The recipe of a user without wishes. */
export const DEFAULT_RECIPE: Recipe = recipeSchema.parse({});

export interface RecipeContext {
  readonly cases: number;
  /** Default: each case is of another. */
  readonly patients?: number | undefined;
  readonly baseHasTemplates: boolean;
  readonly task: "segmentation" | "classification";
  /** The base's kind. */
  readonly network: Architecture["kind"];
  /** Where a trained base expects percentiles to be taken; null: it is an encoder, and the preset decides. */
  readonly percentilesOver: PercentilesOver | null;
  /** True: the base states its normalisations, which a fine-tune keeps. */
  readonly ownNormalisation?: boolean | undefined;
  /** As of `resolveExclusive()`. */
  readonly labels?: ExclusiveContext["labels"];
  /** Of a base for segmentations: true if it puts out one label a voxel. */
  readonly baseExcludes?: boolean | undefined;
  /** Of a classification. Absent: not known yet. */
  readonly classes?: readonly string[] | undefined;
  /** The window of a base that others trained; absent: the preset's crops fit. */
  readonly window?: BaseWindow | undefined;
  /** Preset auto: what the rules found for the data. */
  readonly planned?: PlannedValues | undefined;
}

/** Values that the rules of planning put in the place of those of the preset auto. */
export type PlannedValues = Partial<Omit<ResolvedRecipe, "preset" | "steps" | "foldSteps">>;

/** The time of a job that names none, minutes. */
export const DEFAULT_BUDGET = 10;

/** The time that decides a recipe's updates, minutes; null: the recipe or its preset counts them. */
export function budgetOf({ preset, steps, budgetMinutes }: Pick<Recipe, "preset" | "steps" | "budgetMinutes">) {
  return preset === "auto" && steps === undefined ? budgetMinutes ?? DEFAULT_BUDGET : null;
}

type PercentilesOver = NonNullable<Preprocessing["percentilesOver"]>;

/** The window that a network was made for. */
export interface BaseWindow {
  readonly size: Triple;
  /** Other windows are multiples of these; null: there are no others. */
  readonly multiple: Triple | null;
}

/** As of {@link RecipeContext}. */
export function ownPercentiles(
  { task, preprocessing }: Pick<ModelSpec, "task" | "preprocessing">,
): RecipeContext["percentilesOver"] {
  return task === "encoder" ? null : preprocessing.percentilesOver ?? null;
}

/** The crop for a base: its window, or the preset's where the network takes others, rounded up to what it takes. */
function cropFor(roi: Triple, { window, task }: Pick<RecipeContext, "window" | "task">): Triple {
  if (window === undefined) return roi;
  const { size, multiple } = window;
  // a classifier of others looks at the whole image, in the size that it knows
  if (multiple === null || task === "classification") return size;
  const [x, y, z] = roi.map((edge, k) => Math.min(Math.ceil(edge / multiple[k]) * multiple[k], size[k]));
  return [x, y, z];
}

/**
 * Completes a recipe for a task, a number of cases and a base.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected
 */
export function resolveRecipe(wished: Recipe, context: RecipeContext): ResolvedRecipe {
  const recipe = readRecipe(recipeSchema, wished, "fine-tune");
  checkAgainstBase(recipe, context);
  const { steps: stepsFor, foldShare, twoViewShare, ...preset } = presetFor(recipe.preset, context);
  const values = { ...preset, ...(recipe.preset === "auto" && context.planned) };
  const { batchSize = values.batchSize } = recipe;
  const mayHelp = context.baseHasTemplates && (values.templates ?? true);
  const templates = recipe.templates === undefined || recipe.templates === "auto" ? mayHelp : recipe.templates;
  const { steps = Math.ceil(stepsFor(context.cases) * (templates ? twoViewShare : 1)) } = recipe;
  const family = familyOf(context.network);
  const isFile = family.graph === "file";
  const foldSteps = Math.ceil(steps * foldShare);
  const { keepHead = values.keepHead, batchDice = values.batchDice } = recipe;
  const { exclusive = keepHead ? "auto" : values.exclusive } = recipe;
  const isJoint = batchDice && batchSize > 1 && context.task === "segmentation";
  const planned = {
    ...values,
    ...(recipe.preset === "auto" && { warmupSteps: warmupFor(foldSteps) }),
    ...(recipe.preset === "edge" && { flips: flipsFor(context) }),
    ...(family.finetuning.isForeign && guards(foldSteps)),
    // updates of a plan come with the time that they were found from
    budgetMinutes: recipe.budgetMinutes ?? budgetOf(recipe),
    ...(isFile && { batchNorm: "frozen", norm: "batch" }),
    roi: cropFor(values.roi, context),
    templates,
    steps,
    percentilesOver: context.percentilesOver ?? values.percentilesOver,
    foldSteps,
    // a graph from a file may take one crop only
    batch: isFile ? "accumulated" : isJoint ? "joint" : values.batch,
    // the means of a single crop have no spread that a BatchNormalization could measure
    allStages: values.allStages && batchSize > 1 && family.finetuning.allStages,
  };
  const base = recipe.base === "scratch" ? "scratch" : "use";
  const decided = {
    templates,
    base,
    exclusive: resolveExclusive(exclusive, { ...context, ...(keepHead && { kept: context.baseExcludes }) }),
  };
  const whole = readRecipe(resolvedRecipeSchema, { ...completed(planned, recipe), ...decided }, "fine-tune");
  // a plan's means over mirrored windows end where a wish leaves no axis mirrored
  const isMirrored = recipe.mirroredWindows ?? (whole.mirroredWindows && mirroredAxes(whole).length > 0);
  const resolved = { ...whole, mirroredWindows: isMirrored };
  checkWarmup(resolved);
  checkMirrored(resolved, context);
  checkEnsemble(resolved, { patients: context.patients ?? context.cases });
  return resolved;
}

/** Axes whose direction no label or class names; the word where these are all. */
function flipsFor({ labels = [], classes = [] }: Pick<RecipeContext, "labels" | "classes">): ResolvedRecipe["flips"] {
  const { axes } = mirrorAxes(labels, classes);
  return axes.length === AXES.length ? "axes" : axes;
}

/** The settings under which weights survive their first updates, of which nobody knows the rate that they bear. */
const guards = (foldSteps: number) => ({
  learningRate: "auto",
  warmupSteps: warmupFor(foldSteps),
  clipNorm: 1,
});

export const warmupFor = (foldSteps: number) => Math.min(MOST_WARMUP, Math.floor(foldSteps / 10));

/** Adam's second moments are known to a tenth after this many updates or so; more would only cost time. */
const MOST_WARMUP = 50;

/** The highest rate that `auto` finds for a recipe. */
export function highestRate({ preset }: Pick<ResolvedRecipe, "preset">, task: RecipeContext["task"]): number {
  const { values, classification } = FINETUNING_PRESETS[preset];
  return (task === "classification" ? classification.learningRate : undefined) ?? values.learningRate;
}

/** @throws {TrainingError} `invalid-recipe`: the rate would never reach its full value */
function checkWarmup({ warmupSteps, steps, foldSteps }: ResolvedRecipe): void {
  const fewest = Math.min(steps, foldSteps);
  if (warmupSteps === 0 || warmupSteps < fewest) return;
  const expected = `less than ${fewest}, the updates of ${foldSteps < steps ? "a fold" : "the training"}`;
  refuseSetting("fine-tune", ["warmupSteps"], { expected, got: warmupSteps });
}

/** @throws {TrainingError} `invalid-recipe`: nothing was mirrored in training, or there are no windows */
function checkMirrored(
  recipe: Pick<ResolvedRecipe, "mirroredWindows" | "flips" | "augmentation">,
  { task }: Pick<RecipeContext, "task">,
): void {
  const why = task === "classification"
    ? "a classifier sees one window"
    : mirroredAxes(recipe).length === 0
    ? "crops are mirrored along no axis by itself, so that the network knows no mirrored images"
    : null;
  if (!recipe.mirroredWindows || why === null) return;
  refuseSetting("fine-tune", ["mirroredWindows"], { expected: `false, because ${why}`, got: true });
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
  {
    preset,
    budgetMinutes = null,
    templates,
    base,
    compareFromScratch,
    percentilesOver,
    norm,
    batchNorm,
    batchDice,
    batchSize,
    hardCrops = 0,
  }: Recipe,
  { task, baseHasTemplates, network, ownNormalisation = false }: RecipeContext,
): void {
  const refuse = (setting: keyof Recipe, reason: string) =>
    refuseSetting("fine-tune", [setting], { expected: `false, because ${reason}`, got: true });
  if (percentilesOver !== undefined && ownNormalisation) {
    const expected = "absent, because the base states its own normalisation, which a fine-tune keeps";
    refuseSetting("fine-tune", ["percentilesOver"], { expected, got: percentilesOver });
  }
  if (budgetMinutes !== null && preset !== "auto") {
    const expected = `absent, because the preset ${preset} counts updates; auto takes a time`;
    refuseSetting("fine-tune", ["budgetMinutes"], { expected, got: budgetMinutes });
  }
  if (hardCrops > 0 && task === "classification") {
    const expected = "0, because a classifier looks at the whole image";
    refuseSetting("fine-tune", ["hardCrops"], { expected, got: hardCrops });
  }
  if (templates === true && !baseHasTemplates) refuse("templates", "the base model has no templates");
  if (norm === "instance" && batchNorm === "frozen") {
    const expected = "batch, because with norm instance there are no running statistics to keep";
    refuseSetting("fine-tune", ["batchNorm"], { expected, got: batchNorm });
  }
  if (familyOf(network).graph !== "file") return;
  if (batchDice && batchSize !== 1) {
    refuse("batchDice", "the base's graph comes from its file and takes one crop a pass");
  }
  if (norm === "instance") {
    const expected = "batch or re-estimated, because the base's graph comes from its file";
    refuseSetting("fine-tune", ["norm"], { expected, got: norm });
  }
  const unknown = "nothing says how to initialise the base's network";
  if (compareFromScratch) refuse("compareFromScratch", unknown);
  if (base === "scratch") {
    refuseSetting("fine-tune", ["base"], { expected: `auto or use, because ${unknown}`, got: base });
  }
}
