/** Fine-tuning presets (METHODS.md B.3, F.1) and how a user's wishes complete them. */
import { ADAM_DEFAULTS, type AdamConfig } from "./optimizers.ts";
import { type Preset, type Recipe, TrainingError } from "./types.ts";

/** A recipe with every default filled in; goes into the manifest and the report as it is. */
export interface ResolvedRecipe {
  readonly preset: Preset;
  /** Optimizer updates. */
  readonly steps: number;
  readonly roi: readonly [number, number, number];
  /** Crops per update, by accumulation of single crops. */
  readonly batchSize: number;
  readonly learningRate: number;
  readonly optimizer: AdamConfig;
  /** Whether modalities are replaced by the base's templates in two views of each crop. */
  readonly templates: boolean;
  /** `copies`: both views hold all modalities; `interleaved`: the official code's repeat along channels (B.3 row 11). */
  readonly views: "copies" | "interleaved";
  readonly consistency: { readonly on: "x4" | "out4"; readonly weight: number };
  readonly supervision: "sum" | "concat";
  /** `axes`: an independent coin per axis; `joint`: one coin flips all three. */
  readonly flips: "axes" | "joint";
  /** Most modalities replaced in a view; null: all but one. */
  readonly maxReplaced: number | null;
  /** Single modality: share of blocks of `blockVox`³ that the template hides. */
  readonly mask: { readonly rate: number; readonly blockVox: number };
  /** Largest additive and relative change of intensities. */
  readonly shift: number;
  readonly scale: number;
  /** Share of crops that are centred near a labelled voxel; 0: uniform crops. */
  readonly lesionShare: number;
  readonly seed: number;
  readonly validation: "auto" | "none" | { readonly folds: number };
  readonly earlyStopSteps: number | null;
  readonly compareFromScratch: boolean;
  readonly checkpointEverySteps: number;
}

type PresetValues = Pick<
  ResolvedRecipe,
  | "roi"
  | "batchSize"
  | "learningRate"
  | "optimizer"
  | "views"
  | "consistency"
  | "supervision"
  | "flips"
  | "maxReplaced"
  | "lesionShare"
  | "checkpointEverySteps"
>;

const PRESETS: Readonly<Record<Preset, PresetValues & { steps: (cases: number) => number }>> = {
  paper: {
    roi: [96, 96, 96],
    batchSize: 3,
    learningRate: 3e-4,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    maxReplaced: null,
    lesionShare: 0,
    checkpointEverySteps: 5,
    steps: (cases) => 500 * Math.ceil(cases / 3),
  },
  official: {
    roi: [96, 96, 96],
    batchSize: 2,
    learningRate: 3e-4,
    optimizer: { kind: "adam-l2", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    views: "interleaved",
    consistency: { on: "out4", weight: 0.1 },
    supervision: "concat",
    flips: "joint",
    maxReplaced: 3,
    lesionShare: 0,
    checkpointEverySteps: 5,
    steps: (cases) => 300 * Math.max(1, Math.floor(cases / 2)),
  },
  edge: {
    roi: [64, 64, 64],
    batchSize: 1,
    learningRate: 2e-3,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    maxReplaced: null,
    lesionShare: 0.7,
    checkpointEverySteps: 25,
    steps: () => 400,
  },
};

/** Sizes that every network's strides divide. */
const ROI_MULTIPLE = 16;

/**
 * Completes `recipe` for a data set of `cases` cases and a base with or without templates.
 * @throws {TrainingError} `invalid-recipe`, naming the field, its value and what was expected
 */
export function resolveRecipe(
  recipe: Recipe,
  { cases, baseHasTemplates }: { cases: number; baseHasTemplates: boolean },
): ResolvedRecipe {
  const { steps: defaultSteps, ...preset } = PRESETS[recipe.preset] ??
    invalid("preset", "edge, paper or official", recipe.preset);
  const roi = recipe.roi ?? preset.roi;
  const whole = (n: number) => Number.isInteger(n) && n > 0;
  const check = (field: keyof Recipe, value: unknown, fits: boolean, expected: string) => {
    if (!fits) invalid(field, expected, value);
  };
  const resolved: ResolvedRecipe = {
    ...preset,
    preset: recipe.preset,
    steps: recipe.steps ?? defaultSteps(cases),
    roi,
    batchSize: recipe.batchSize ?? preset.batchSize,
    learningRate: recipe.learningRate ?? preset.learningRate,
    templates: recipe.templates ?? baseHasTemplates,
    mask: { rate: 0.5, blockVox: 8 },
    shift: 0.1,
    scale: 0.1,
    seed: recipe.seed ?? 0,
    validation: recipe.validation ?? "auto",
    earlyStopSteps: recipe.earlyStopSteps ?? null,
    compareFromScratch: recipe.compareFromScratch ?? false,
  };
  check("steps", resolved.steps, whole(resolved.steps) && resolved.steps <= 1e6, "a whole number from 1 to 1000000");
  check(
    "batchSize",
    resolved.batchSize,
    whole(resolved.batchSize) && resolved.batchSize <= 64,
    "a whole number from 1 to 64",
  );
  check("roi", roi, roi.every((n) => whole(n) && n % ROI_MULTIPLE === 0 && n <= 256), "multiples of 16 up to 256");
  check(
    "learningRate",
    resolved.learningRate,
    resolved.learningRate > 0 && resolved.learningRate <= 1,
    "a number above 0 up to 1",
  );
  check("seed", resolved.seed, Number.isSafeInteger(resolved.seed) && resolved.seed >= 0, "a whole number ≥ 0");
  check(
    "templates",
    true,
    !(resolved.templates && !baseHasTemplates),
    "false, because the base model has no templates",
  );
  if (typeof resolved.validation === "object") {
    const { folds } = resolved.validation;
    check("validation", folds, whole(folds) && folds >= 2, "at least 2 folds");
  }
  return resolved;
}

function invalid(field: keyof Recipe, expected: string, got: unknown): never {
  throw new TrainingError(
    "invalid-recipe",
    `Cannot fine-tune: expected recipe.${field} to be ${expected}, got ${JSON.stringify(got)}`,
  );
}

/** η(t) = η₀(1 + cos(πt/T))/2 (METHODS.md A.0, CosineAnnealingLR with η_min 0). */
export function cosineRate(start: number, step: number, steps: number): number {
  return start * (1 + Math.cos(Math.PI * step / steps)) / 2;
}
