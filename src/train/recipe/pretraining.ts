/**
 * Pre-training presets (docs/method B.2, F.1), every switch of B.2 a named setting, and how a user's wishes complete them.
 * `docs/method/README.md` says where the presets differ and why.
 */
import { EDGE, type NetworkSpec, PRETRAINING_KINDS, SIZE_MULTIPLE, UNIFORMER_SMALL } from "../../nets/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import { ADAM_DEFAULTS, type AdamConfig } from "../step/optimizers.ts";
import { TrainingError } from "../types.ts";

export const PRETRAINING_PRESETS = ["edge", "paper", "official", "official-olab"] as const;
export type PretrainingPreset = (typeof PRETRAINING_PRESETS)[number];

/** A pre-training with every default filled in; goes into the manifest and the report as it is. */
export interface ResolvedPretraining {
  readonly preset: PretrainingPreset;
  readonly network: NetworkSpec;
  /** Passes over the cases that the preset means; `steps` overrules it. */
  readonly epochs: number;
  /** Optimizer updates. */
  readonly steps: number;
  readonly seed: number;
  readonly roi: Triple;
  readonly spacingMm: Triple;
  /** Intensities: these percentiles of the cropped volume to 0 and 1, clipped (B.2 row 16). */
  readonly percentiles: { readonly lower: number; readonly upper: number };
  readonly batch: {
    /** Samples of a micro-batch: statistics and negatives come from these (rows 6, 19). */
    readonly size: number;
    /** Micro-batches in the place of devices: their mean gradient is one of theirs. */
    readonly replicas: number;
    /** Steps of all replicas that an update adds up. */
    readonly accumulation: number;
    /** `whole`: after every `accumulation` steps; `early`: when the step's number in the epoch divides (B.2.2). */
    readonly updates: "whole" | "early";
  };
  readonly learningRate: number;
  /** Whether the cosine counts updates, or steps against a period of updates (B.2.2). */
  readonly schedulerStep: "optimizer" | "micro";
  readonly optimizer: AdamConfig;
  /** Row 1. */
  readonly weights: { readonly md: number; readonly cmr: number; readonly contrast: number };
  /** Row 5. */
  readonly temperature: number;
  /** First epoch in which the second copy shows another modality; before, the template (row 3). */
  readonly crossModalFromEpoch: number;
  /** First epoch with contrast (row 4). */
  readonly contrastFromEpoch: number;
  /** Rows 7 to 9. */
  readonly mask: { readonly rate: number; readonly blockVox: number };
  /** One modality for each sample, or one place in the cases' shuffled lists for a micro-batch (row 11). */
  readonly modalitySampling: "perSample" | "perBatchIndex";
  /** How many modalities a case is brought to, by leaving out and by repeating; null: as many as it has (row 21). */
  readonly modalitiesPerCase: number | null;
  /** Row 20. */
  readonly maxCases: number | null;
  readonly templates: {
    /** Rows 13 to 15. Voxels of the learnt volumes; their middle lies on the middle of the images. */
    readonly sizeVox: Triple;
    readonly spacingMm: Triple;
    /** Zeros, or the mean of the modality's scans, middle on middle. */
    readonly start: "zero" | "mean";
    /** Added to the range in (t − min)/(max − min + ε). */
    readonly epsilon: number;
    /** Templates that no sample selected: a step with zero gradient, so with momentum and decay, or none. */
    readonly others: "zeroGradient" | "untouched";
    /** Their learning rate over the network's. */
    readonly rate: number;
  };
  readonly checkpointEverySteps: number;
}

const NESTED = ["network", "percentiles", "batch", "optimizer", "weights", "mask", "templates"] as const;
type Nested = (typeof NESTED)[number];

/** A user's wishes; what is absent comes from the preset. */
export type PretrainingRecipe =
  & { readonly preset: PretrainingPreset }
  & Partial<Omit<ResolvedPretraining, "preset" | Nested>>
  & { readonly [K in Nested]?: Partial<ResolvedPretraining[K]> };

const ADAMW: AdamConfig = { kind: "adamw", weightDecay: 1e-5, ...ADAM_DEFAULTS };

/** What paper and official code share. */
const FULL = {
  network: { kind: "uniformer-pretraining", config: { ...UNIFORMER_SMALL } },
  epochs: 1500,
  roi: [96, 96, 96],
  spacingMm: [1, 1, 1],
  learningRate: 3e-4,
  optimizer: ADAMW,
  temperature: 1,
  templates: {
    sizeVox: [240, 240, 155],
    spacingMm: [1, 1, 1],
    start: "zero",
    epsilon: 1e-9,
    others: "zeroGradient",
    rate: 1,
  },
  checkpointEverySteps: 100,
} as const;

type PresetValues = Omit<ResolvedPretraining, "preset" | "steps" | "seed">;

const OFFICIAL: PresetValues = {
  ...FULL,
  percentiles: { lower: 5, upper: 95 },
  batch: { size: 3, replicas: 4, accumulation: 2, updates: "early" },
  schedulerStep: "optimizer",
  weights: { md: 10, cmr: 1, contrast: 1 },
  crossModalFromEpoch: 301,
  contrastFromEpoch: 1000,
  mask: { rate: 0.8, blockVox: 8 },
  modalitySampling: "perBatchIndex",
  modalitiesPerCase: 4,
  maxCases: 500,
};

const { outChannels: _o, multiScale: _m, ...EDGE_ENCODER } = EDGE;

const PRESETS: Readonly<Record<PretrainingPreset, PresetValues>> = {
  paper: {
    ...FULL,
    percentiles: { lower: 1, upper: 99 },
    batch: { size: 3, replicas: 8, accumulation: 1, updates: "whole" },
    schedulerStep: "optimizer",
    weights: { md: 1, cmr: 1, contrast: 1 },
    crossModalFromEpoch: 0,
    contrastFromEpoch: 900,
    mask: { rate: 0.875, blockVox: 8 },
    modalitySampling: "perSample",
    modalitiesPerCase: null,
    maxCases: null,
  },
  official: OFFICIAL,
  "official-olab": { ...OFFICIAL, contrastFromEpoch: 0, schedulerStep: "micro" },
  // hours of two CPU cores instead of weeks of eight GPUs: a small encoder, coarse templates that start with anatomy
  edge: {
    ...FULL,
    network: { kind: "uniformer-pretraining", config: { ...EDGE_ENCODER, inChannels: 1 } },
    epochs: 400,
    roi: [48, 48, 48],
    learningRate: 1e-3,
    percentiles: { lower: 1, upper: 99 },
    // BatchNorm takes away what all samples share: with two, the brightness that is to be reconstructed
    batch: { size: 4, replicas: 1, accumulation: 1, updates: "whole" },
    schedulerStep: "optimizer",
    // at weight 1 the contrast of a few samples outweighs the reconstruction
    weights: { md: 1, cmr: 1, contrast: 0.1 },
    crossModalFromEpoch: 0,
    contrastFromEpoch: 0,
    mask: { rate: 0.875, blockVox: 8 },
    modalitySampling: "perSample",
    modalitiesPerCase: null,
    maxCases: null,
    templates: {
      sizeVox: [96, 112, 96],
      spacingMm: [2, 2, 2],
      // at zero the first update is a pattern of signs, and what it leaves behind fades in 20 000 updates (B.2.1)
      start: "mean",
      epsilon: 1e-9,
      others: "untouched",
      rate: 0.3,
    },
  },
};

/**
 * Completes `recipe` for a number of cases.
 * @throws {TrainingError} `invalid-recipe`, naming the field, its value and what was expected
 */
export function resolvePretraining(recipe: PretrainingRecipe, cases: number): ResolvedPretraining {
  if (!PRETRAINING_PRESETS.includes(recipe.preset)) invalid("preset", PRETRAINING_PRESETS.join(", "), recipe.preset);
  const preset = PRESETS[recipe.preset];
  const known = { ...preset, preset: recipe.preset, steps: 0, seed: 0 };
  checkNames(recipe, known);
  for (const k of NESTED) if (recipe[k] !== undefined) checkNames(recipe[k], preset[k], `${k}.`);
  const defined = Object.fromEntries(Object.entries(recipe).filter(([, v]) => v !== undefined));
  const merged = Object.fromEntries(NESTED.map((k) => [k, { ...preset[k], ...recipe[k] }]));
  const resolved = { ...preset, ...defined, ...merged, seed: recipe.seed ?? 0, steps: 0 } as ResolvedPretraining;
  check(resolved);
  const steps = recipe.steps ?? new Schedule(resolved, cases).updatesOf(resolved.epochs);
  if (!isWhole(steps, 1, 1e7)) invalid("steps", "a whole number from 1 to 10000000", steps);
  return { ...resolved, steps };
}

/** A setting that nobody knows is a mistake in its name. */
function checkNames(given: unknown, known: object, prefix = ""): void {
  if (typeof given !== "object" || given === null) invalid(prefix.slice(0, -1), "an object", given);
  const strange = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (strange !== undefined) invalid(`${prefix}${strange}`, "absent: there is no such setting", "it");
}

const isWhole = (v: unknown, from: number, to: number) => Number.isInteger(v) && Number(v) >= from && Number(v) <= to;
const isNumber = (v: unknown, from: number, to: number) => typeof v === "number" && v >= from && v <= to;
const isTriple = (v: unknown, fits: (n: unknown) => boolean) => Array.isArray(v) && v.length === 3 && v.every(fits);

function check(r: ResolvedPretraining): void {
  const rules: [field: string, value: unknown, fits: boolean, expected: string][] = [];
  const rule = (field: string, value: unknown, fits: boolean, expected: string) =>
    rules.push([field, value, fits, expected]);
  const whole = (field: string, value: unknown, from: number, to: number) =>
    rule(field, value, isWhole(value, from, to), `a whole number from ${from} to ${to}`);
  const number = (field: string, value: unknown, from: number, to: number) =>
    rule(field, value, isNumber(value, from, to), `a number from ${from} to ${to}`);
  const choice = (field: string, value: unknown, choices: readonly string[]) =>
    rule(field, value, choices.includes(String(value)), choices.join(" or "));
  const { network, roi, mask, batch, templates, percentiles, optimizer } = r;
  choice("network.kind", network.kind, PRETRAINING_KINDS);
  rule("network.config.inChannels", network.config.inChannels, network.config.inChannels === 1, "1");
  whole("epochs", r.epochs, 1, 1e6);
  whole("seed", r.seed, 0, Number.MAX_SAFE_INTEGER);
  rule(
    "roi",
    roi,
    isTriple(roi, (n) => isWhole(n, SIZE_MULTIPLE, 256) && Number(n) % SIZE_MULTIPLE === 0),
    `three multiples of ${SIZE_MULTIPLE} up to 256`,
  );
  whole("mask.blockVox", mask.blockVox, 1, 64);
  rule(
    "mask.blockVox",
    mask.blockVox,
    roi.every((n) => n % mask.blockVox === 0),
    `a divisor of the patch's edges ${roi.join(", ")}`,
  );
  rule("mask.rate", mask.rate, mask.rate > 0 && mask.rate < 1, "a share above 0 and below 1");
  rule("spacingMm", r.spacingMm, isTriple(r.spacingMm, (n) => isNumber(n, 0.2, 20)), "three sizes from 0.2 to 20 mm");
  const { lower, upper } = percentiles;
  rule("percentiles", percentiles, isNumber(lower, 0, 100) && isNumber(upper, 0, 100) && lower < upper, "0 to 100");
  whole("batch.size", batch.size, 1, 64);
  whole("batch.replicas", batch.replicas, 1, 1024);
  whole("batch.accumulation", batch.accumulation, 1, 1024);
  choice("batch.updates", batch.updates, ["whole", "early"]);
  rule("learningRate", r.learningRate, r.learningRate > 0 && r.learningRate <= 1, "a number above 0 up to 1");
  choice("schedulerStep", r.schedulerStep, ["optimizer", "micro"]);
  choice("optimizer.kind", optimizer.kind, ["adamw", "adam-l2"]);
  number("optimizer.weightDecay", optimizer.weightDecay, 0, 1);
  for (const key of ["md", "cmr", "contrast"] as const) number(`weights.${key}`, r.weights[key], 0, 1e6);
  rule("temperature", r.temperature, r.temperature > 0, "a number above 0");
  whole("crossModalFromEpoch", r.crossModalFromEpoch, 0, 1e9);
  whole("contrastFromEpoch", r.contrastFromEpoch, 0, 1e9);
  choice("modalitySampling", r.modalitySampling, ["perSample", "perBatchIndex"]);
  if (r.modalitiesPerCase !== null) whole("modalitiesPerCase", r.modalitiesPerCase, 1, 64);
  if (r.maxCases !== null) whole("maxCases", r.maxCases, 1, 1e9);
  rule(
    "templates.sizeVox",
    templates.sizeVox,
    isTriple(templates.sizeVox, (n) => isWhole(n, 16, 512)),
    "16 to 512 each",
  );
  rule(
    "templates.spacingMm",
    templates.spacingMm,
    isTriple(templates.spacingMm, (n) => isNumber(n, 0.2, 20)),
    "three sizes from 0.2 to 20 mm",
  );
  choice("templates.start", templates.start, ["zero", "mean"]);
  rule("templates.epsilon", templates.epsilon, templates.epsilon > 0 && templates.epsilon <= 1, "above 0 up to 1");
  choice("templates.others", templates.others, ["zeroGradient", "untouched"]);
  rule(
    "templates.others",
    templates.others,
    templates.others === "zeroGradient" || batch.replicas * batch.accumulation === 1,
    "zeroGradient, because an update has several micro-batches",
  );
  number("templates.rate", templates.rate, 0, 1000);
  whole("checkpointEverySteps", r.checkpointEverySteps, 1, 1e6);
  for (const [field, value, fits, expected] of rules) if (!fits) invalid(field, expected, value);
}

function invalid(field: string, expected: string, got: unknown): never {
  throw new TrainingError(
    "invalid-recipe",
    `Cannot pre-train: expected recipe.${field} to be ${expected}, got ${JSON.stringify(got)}`,
  );
}

/**
 * How steps, updates and epochs follow each other. A step is one micro-batch on every replica; an epoch has as many as
 * the cases fill, the rest is left out (B.2.2).
 */
export class Schedule {
  /** Steps of an epoch. */
  readonly perEpoch: number;
  readonly #batch: ResolvedPretraining["batch"];

  constructor({ batch }: Pick<ResolvedPretraining, "batch">, cases: number) {
    this.#batch = batch;
    this.perEpoch = Math.max(1, Math.floor(cases / (batch.size * batch.replicas)));
  }

  /** Updates of so many epochs. */
  updatesOf(epochs: number): number {
    const { accumulation, updates } = this.#batch;
    return updates === "early"
      ? epochs * Math.ceil(this.perEpoch / accumulation)
      : Math.max(1, Math.floor(epochs * this.perEpoch / accumulation));
  }

  /** The steps of update `u`: from the first to the last. */
  stepsOf(u: number): { readonly first: number; readonly last: number } {
    return { first: u === 0 ? 0 : this.#last(u - 1) + 1, last: this.#last(u) };
  }

  epochOf(step: number): number {
    return Math.floor(step / this.perEpoch);
  }

  #last(u: number): number {
    const { accumulation, updates } = this.#batch;
    if (updates === "whole") return (u + 1) * accumulation - 1;
    const perEpoch = Math.ceil(this.perEpoch / accumulation);
    return Math.floor(u / perEpoch) * this.perEpoch + (u % perEpoch) * accumulation;
  }
}
