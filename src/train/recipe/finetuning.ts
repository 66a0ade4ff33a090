/** Fine-tuning presets (docs/method B.3, F.1) and how a user's wishes complete them. */
import type { Architecture } from "../../inference/mod.ts";
import { familyOf, SIZE_MULTIPLE } from "../../nets/mod.ts";
import { ADAM_DEFAULTS, type AdamConfig } from "../step/optimizers.ts";
import { type FinetuneRequest, type Preset, type Recipe, TrainingError } from "../types.ts";

/** A recipe with every default filled in; goes into the manifest and the report as it is. */
export interface ResolvedRecipe {
  readonly preset: Preset;
  /** Optimizer updates of the final network. */
  readonly steps: number;
  /** Optimizer updates of each validation fold. */
  readonly foldSteps: number;
  readonly roi: readonly [number, number, number];
  /** Crops per update. */
  readonly batchSize: number;
  /**
   * Whether they go through the network one by one, their gradients added (`accumulated`), or all at once (`joint`): then
   * BatchNormalization keeps what tells them apart.
   */
  readonly batch: "accumulated" | "joint";
  readonly learningRate: number;
  readonly optimizer: AdamConfig;
  /** An encoder's first kernel, which knows one modality: fresh, or repeated for every modality and divided by their number. */
  readonly firstKernel: "fresh" | "inflate";
  /** Whether modalities are replaced by the base's templates in two views of each crop. */
  readonly templates: boolean;
  /** `centred`: mapped to [0, 1] and centred on the image (docs/method B.5); `raw`: as the file has it, corner on corner. */
  readonly templateFit: "centred" | "raw";
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
  /**
   * Changes of intensity: x ← (x^γ + U(±shift))·(1 + U(±scale)), γ up to 1 + gamma or down to its inverse. One draw for
   * all channels (docs/method B.3 row 9), or one for each.
   */
  readonly intensity: {
    readonly shift: number;
    readonly scale: number;
    readonly gamma: number;
    readonly perChannel: boolean;
  };
  /** Classification by a UniFormer: whether the head sees every stage's means or only those of the deepest features. */
  readonly allStages: boolean;
  /** Start of a fresh segmentation head's bias: the logit of a label's usual share of voxels; null: as docs/method A says. */
  readonly headBias: number | null;
  /** Share of crops that are centred near a labelled voxel; 0: uniform crops. */
  readonly lesionShare: number;
  /** Classification: a crop's class is drawn first, then one of its cases, so that rare classes count as much as others. */
  readonly balancedClasses: boolean;
  readonly seed: number;
  readonly validation: "auto" | "none" | { readonly folds: number };
  readonly earlyStopSteps: number | null;
  readonly compareFromScratch: boolean;
  readonly checkpointEverySteps: number;
}

type PresetValues =
  & Pick<
    ResolvedRecipe,
    | "roi"
    | "batchSize"
    | "batch"
    | "learningRate"
    | "optimizer"
    | "firstKernel"
    | "templateFit"
    | "views"
    | "consistency"
    | "supervision"
    | "flips"
    | "maxReplaced"
    | "intensity"
    | "allStages"
    | "headBias"
    | "lesionShare"
    | "balancedClasses"
    | "checkpointEverySteps"
  >
  & {
    /** A fold's share of the final network's steps. */
    readonly foldShare: number;
    /** Share of the steps that is done when each trains two views. */
    readonly twoViewShare: number;
  };

const PRESETS: Readonly<Record<Preset, PresetValues & { steps: (cases: number) => number }>> = {
  paper: {
    roi: [96, 96, 96],
    batchSize: 3,
    batch: "accumulated",
    learningRate: 3e-4,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    firstKernel: "fresh",
    templateFit: "centred",
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    maxReplaced: null,
    intensity: { shift: 0.1, scale: 0.1, gamma: 0, perChannel: false },
    allStages: false,
    headBias: null,
    lesionShare: 0,
    balancedClasses: false,
    checkpointEverySteps: 5,
    foldShare: 1,
    twoViewShare: 1,
    steps: (cases) => 500 * Math.ceil(cases / 3),
  },
  official: {
    roi: [96, 96, 96],
    batchSize: 2,
    batch: "accumulated",
    learningRate: 3e-4,
    optimizer: { kind: "adam-l2", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    firstKernel: "fresh",
    templateFit: "raw",
    views: "interleaved",
    consistency: { on: "out4", weight: 0.1 },
    supervision: "concat",
    flips: "joint",
    maxReplaced: 3,
    intensity: { shift: 0.1, scale: 0.1, gamma: 0, perChannel: false },
    allStages: false,
    headBias: null,
    lesionShare: 0,
    balancedClasses: false,
    checkpointEverySteps: 5,
    foldShare: 1,
    twoViewShare: 1,
    steps: (cases) => 300 * Math.max(1, Math.floor(cases / 2)),
  },
  edge: {
    // at 64³ an update takes twice as long and teaches hardly more
    roi: [48, 48, 48],
    batchSize: 1,
    batch: "accumulated",
    learningRate: 4e-3,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    firstKernel: "fresh",
    templateFit: "centred",
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    // with more, minutes do not suffice to fit the images as they are
    maxReplaced: 1,
    // a handful of patients shows too few contrasts: vary every modality by itself
    intensity: { shift: 0.1, scale: 0.1, gamma: 0.2, perChannel: true },
    allStages: false,
    // from 0, the first hundred updates only learn that most voxels have no label
    headBias: -4,
    lesionShare: 0.5,
    balancedClasses: true,
    checkpointEverySteps: 25,
    // minutes, not hours: the folds tell a lower bound, the time goes into the network that is used
    foldShare: 0.225,
    // two views take twice the time, and teach more than one
    twoViewShare: 0.52,
    steps: (cases) => Math.max(1000, 50 * cases),
  },
};

/** What the paper and the official code do otherwise when they classify (docs/method B.4). */
const CLASSIFICATION = {
  roi: [96, 96, 64],
  batchSize: 64,
  flips: "axes",
  steps: (cases: number) => 200 * Math.ceil(cases / 64),
} as const;

/**
 * One crop's class is a coarse lesson. Eight crops at once show BatchNorm what tells them apart, and the means of every
 * stage of the pre-trained encoder, its first kernel included, are a start from which few updates suffice. Scanners differ
 * in contrast by more than what tells patients apart in a segmentation. After a part of so few updates a fold would tell
 * nothing of the final network.
 */
const EDGE_CLASSIFICATION = {
  roi: [64, 64, 64],
  batchSize: 8,
  batch: "joint",
  learningRate: 2e-3,
  firstKernel: "inflate",
  allStages: true,
  intensity: { shift: 0.1, scale: 0.4, gamma: 0.5, perChannel: true },
  steps: (cases: number) => Math.max(100, 5 * cases),
  foldShare: 1,
  twoViewShare: 0.62,
} as const;

export interface RecipeContext {
  readonly cases: number;
  readonly baseHasTemplates: boolean;
  readonly task: FinetuneRequest["task"];
  /** The base's kind. */
  readonly network: Architecture["kind"];
}

/**
 * Completes `recipe` for a task, a number of cases and a base.
 * @throws {TrainingError} `invalid-recipe`, naming the field, its value and what was expected
 */
export function resolveRecipe(recipe: Recipe, context: RecipeContext): ResolvedRecipe {
  const { steps: defaultSteps, foldShare, twoViewShare, ...preset } = presetOf(recipe.preset, context);
  const family = familyOf(context.network);
  const templates = recipe.templates ?? context.baseHasTemplates;
  const batchSize = recipe.batchSize ?? preset.batchSize;
  const steps = recipe.steps ?? Math.ceil(defaultSteps(context.cases) * (templates ? twoViewShare : 1));
  const resolved: ResolvedRecipe = {
    ...preset,
    preset: recipe.preset,
    steps,
    foldSteps: Math.ceil(steps * foldShare),
    roi: recipe.roi ?? preset.roi,
    batchSize,
    // a graph from a file may take one crop only
    batch: family.graph === "file" ? "accumulated" : preset.batch,
    // the means of a single crop have no spread that a BatchNorm could measure
    allStages: preset.allStages && batchSize > 1 && family.finetuning.allStages,
    learningRate: recipe.learningRate ?? preset.learningRate,
    templates,
    mask: { rate: 0.5, blockVox: 8 },
    seed: recipe.seed ?? 0,
    validation: recipe.validation ?? "auto",
    earlyStopSteps: recipe.earlyStopSteps ?? null,
    compareFromScratch: recipe.compareFromScratch ?? false,
  };
  checkRecipe(resolved, context);
  return resolved;
}

function presetOf(name: Preset, { task, network }: RecipeContext): (typeof PRESETS)[Preset] {
  if (!Object.hasOwn(PRESETS, name)) invalid("preset", "edge, paper or official", name);
  const preset = PRESETS[name];
  const { paperWeightDecay } = familyOf(network).finetuning;
  const weightDecay = name === "paper" ? paperWeightDecay : preset.optimizer.weightDecay;
  return {
    ...preset,
    ...(task === "classification" && (name === "edge" ? EDGE_CLASSIFICATION : CLASSIFICATION)),
    optimizer: { ...preset.optimizer, weightDecay },
  };
}

const isWhole = (v: unknown, from: number, to: number) => Number.isInteger(v) && Number(v) >= from && Number(v) <= to;

function checkRecipe(recipe: ResolvedRecipe, { baseHasTemplates, network }: RecipeContext): void {
  const { steps, batchSize, roi, learningRate, seed, validation, earlyStopSteps, templates, compareFromScratch } =
    recipe;
  const check = (field: keyof Recipe, fits: boolean, expected: string) => {
    if (!fits) invalid(field, expected, recipe[field]);
  };
  check("steps", isWhole(steps, 1, 1e6), "a whole number from 1 to 1000000");
  check("batchSize", isWhole(batchSize, 1, 64), "a whole number from 1 to 64");
  check(
    "roi",
    Array.isArray(roi) && roi.length === 3 &&
      roi.every((n) => isWhole(n, SIZE_MULTIPLE, 256) && n % SIZE_MULTIPLE === 0),
    `three multiples of ${SIZE_MULTIPLE} up to 256`,
  );
  check("learningRate", learningRate > 0 && learningRate <= 1, "a number above 0 up to 1");
  check("seed", isWhole(seed, 0, Number.MAX_SAFE_INTEGER), "a whole number ≥ 0");
  check(
    "validation",
    validation === "auto" || validation === "none" || isWhole(validation?.folds, 2, 1e6),
    "auto, none or at least 2 folds",
  );
  check("earlyStopSteps", earlyStopSteps === null || isWhole(earlyStopSteps, 1, 1e6), "a whole number ≥ 1");
  check("templates", typeof templates === "boolean", "true or false");
  check("templates", !templates || baseHasTemplates, "false, because the base model has no templates");
  check("compareFromScratch", typeof compareFromScratch === "boolean", "true or false");
  check(
    "compareFromScratch",
    !compareFromScratch || familyOf(network).graph === "function",
    "false, because nothing tells how to initialise the base's network",
  );
}

function invalid(field: keyof Recipe, expected: string, got: unknown): never {
  throw new TrainingError(
    "invalid-recipe",
    `Cannot fine-tune: expected recipe.${field} to be ${expected}, got ${JSON.stringify(got)}`,
  );
}

/** η(t) = η₀(1 + cos(πt/T))/2 (docs/method A.0, CosineAnnealingLR with η_min 0). */
export function cosineRate(start: number, step: number, steps: number): number {
  return start * (1 + Math.cos(Math.PI * step / steps)) / 2;
}
