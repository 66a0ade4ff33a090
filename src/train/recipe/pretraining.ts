/**
 * The settings that every pre-training method has. A method adds its own settings and presets in `pretraining/`; a setting
 * is added to one of the two, gets its values in the presets, and is used; the rest follows.
 */
import { z } from "zod";
import { optimizerSettings } from "./optimizer.ts";
import { Schedule } from "./schedule.ts";
import {
  choice,
  completed,
  cropSize,
  type Frozen,
  number,
  orNull,
  readRecipe,
  refuseSetting,
  triple,
  whole,
} from "./settings.ts";

/** Voxel sizes of a grid. */
export function spacing() {
  return triple(z.number().min(0.2).max(20), "three sizes from 0.2 to 20 mm");
}

export const PRETRAINING_SETTINGS = {
  epochs: whole(1, 1_000_000).describe("Passes over the cases. Default: from the preset."),
  steps: whole(1, 10_000_000).describe("Optimizer updates. Default: those of the epochs."),
  seed: whole(0).describe("Start of the random numbers: the same seed and data give the same patches. Default: 0."),
  roi: cropSize().describe("Size of a patch, voxels. Default: from the preset."),
  spacingMm: spacing().describe("Voxel size that every case is brought to."),
  percentiles: z.strictObject({ lower: number({ from: 0, to: 100 }), upper: number({ from: 0, to: 100 }) }).describe(
    "Percentiles that become 0 and 1, clipped (B.2 row 16).",
  ),
  percentilesOver: choice(["foreground", "volume"]).describe(
    "`foreground`: percentiles of the tissue in each file, whose background becomes 0. `volume`: the published rule, " +
      "percentiles of the cropped volume, zeros included. Default: foreground.",
  ),
  align: choice(["middle", "anatomy"]).describe(
    "Where cases lie in the templates. `middle`: the middle of the image on the middle of the templates, as published (B.2 " +
      "row 15). `anatomy`: heads are turned upright and registered to their common mean, so that a place in a template is " +
      "one place of all heads; a case that does not fit, such as a crop, has no templates.",
  ),
  batch: z.strictObject({
    size: whole(1, 64).describe("Samples of a micro-batch: statistics and negatives come from these (B.2 rows 6, 19)."),
    replicas: whole(1, 1024).describe("Micro-batches in the place of devices: an update takes their mean gradient."),
    accumulation: whole(1, 1024).describe("Steps of all replicas whose gradients an update adds."),
    updates: choice(["whole", "early"]).describe(
      "`whole`: an update after every `accumulation` steps. `early`: when the step's number in the epoch divides (B.2.2).",
    ),
  }).describe("How samples make an update: size × replicas × accumulation."),
  learningRate: number({ above: 0, to: 1 }).describe(
    "Rate of the first update; it falls as a cosine. Default: from the preset.",
  ),
  schedulerStep: choice(["optimizer", "micro"]).describe(
    "What the cosine counts: updates, or steps against a period of updates (B.2.2).",
  ),
  optimizer: optimizerSettings(),
  maxCases: orNull(whole(1, 1_000_000_000)).describe("Cases beyond this number are left out; null: none (B.2 row 20)."),
  checkpointEverySteps: whole(1, 1_000_000).describe("Updates between two checkpoints."),
};

/** The completed settings of every method. */
export type PretrainingBase =
  & Frozen<{ [K in keyof typeof PRETRAINING_SETTINGS]: z.output<(typeof PRETRAINING_SETTINGS)[K]> }>
  & { readonly method: string; readonly preset: string };

/** The wishes that every method understands. */
export interface PretrainingWishes {
  readonly preset: string;
  readonly steps?: number | undefined;
}

/** Values that a preset gives: everything but what depends on the cases or the user. */
export type PresetValues<R extends PretrainingBase> = Omit<R, "method" | "preset" | "steps" | "seed">;

/**
 * Completes a recipe for a number of cases: the preset decides what is absent, also the absent parts of a setting.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected
 */
export function completePretraining<R extends PretrainingBase>(
  wished: PretrainingWishes,
  { schema, presets, cases }: {
    schema: z.ZodType<R>;
    presets: Readonly<Record<string, PresetValues<R>>>;
    cases: number;
  },
): R {
  const preset = new Map(Object.entries(presets)).get(wished.preset) ?? {};
  const merged = completed({ ...preset, seed: 0, steps: 1 }, wished);
  const recipe = readRecipe(schema, merged, "pre-train");
  const { lower, upper } = recipe.percentiles;
  if (lower >= upper) {
    refuseSetting("pre-train", ["percentiles"], { expected: "the lower one below the upper", got: recipe.percentiles });
  }
  if (wished.steps !== undefined) return recipe;
  const steps = new Schedule(recipe, cases).updatesOf(recipe.epochs);
  return readRecipe(schema, { ...recipe, steps }, "pre-train");
}
