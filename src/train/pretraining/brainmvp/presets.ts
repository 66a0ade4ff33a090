/**
 * The presets of BrainMVP's pre-training (docs/method B.2, F.1), and how they complete a user's wishes.
 * `docs/method/README.md` says where they differ and why.
 */
import { EDGE, UNIFORMER_SMALL } from "../../../nets/mod.ts";
import { ADAM_DEFAULTS } from "../../recipe/optimizer.ts";
import { completePretraining, type PresetValues } from "../../recipe/pretraining.ts";
import { refuseSetting } from "../../recipe/settings.ts";
import { type BrainmvpRecipe, type ResolvedBrainmvp, resolvedBrainmvpSchema } from "./settings.ts";

type Values = PresetValues<ResolvedBrainmvp>;

const PAPER: Values = {
  network: { kind: "uniformer-pretraining", config: { ...UNIFORMER_SMALL } },
  epochs: 1500,
  roi: [96, 96, 96],
  spacingMm: [1, 1, 1],
  percentiles: { lower: 1, upper: 99 },
  percentilesOver: "foreground",
  align: "middle",
  batch: { size: 3, replicas: 8, accumulation: 1, updates: "whole" },
  learningRate: 3e-4,
  schedulerStep: "optimizer",
  optimizer: { kind: "adamw", weightDecay: 1e-5, ...ADAM_DEFAULTS },
  weights: { md: 1, cmr: 1, contrast: 1 },
  temperature: 1,
  crossModalFromEpoch: 0,
  contrastFromEpoch: 900,
  mask: { rate: 0.875, blockVox: 8 },
  modalitySampling: "perSample",
  modalitiesPerCase: null,
  maxCases: null,
  templates: {
    sizeVox: [240, 240, 155],
    spacingMm: [1, 1, 1],
    start: "zero",
    epsilon: 1e-9,
    others: "zeroGradient",
    rate: 1,
  },
  checkpointEverySteps: 100,
};

const OFFICIAL: Values = {
  ...PAPER,
  percentiles: { lower: 5, upper: 95 },
  batch: { size: 3, replicas: 4, accumulation: 2, updates: "early" },
  weights: { md: 10, cmr: 1, contrast: 1 },
  crossModalFromEpoch: 301,
  contrastFromEpoch: 1000,
  mask: { rate: 0.8, blockVox: 8 },
  modalitySampling: "perBatchIndex",
  modalitiesPerCase: 4,
  maxCases: 500,
};

const { outChannels: _o, multiScale: _m, ...EDGE_ENCODER } = EDGE;

export const BRAINMVP_PRESETS: Readonly<Record<BrainmvpRecipe["preset"], Values>> = {
  paper: PAPER,
  official: OFFICIAL,
  "official-olab": { ...OFFICIAL, contrastFromEpoch: 0, schedulerStep: "micro" },
  // hours of two CPU cores instead of weeks of eight GPUs: a small encoder, coarse templates that start with anatomy
  edge: {
    ...PAPER,
    network: { kind: "uniformer-pretraining", config: { ...EDGE_ENCODER, inChannels: 1 } },
    epochs: 400,
    align: "anatomy",
    roi: [48, 48, 48],
    learningRate: 1e-3,
    // BatchNormalization takes away what all samples share: with two, the brightness that is to be reconstructed
    batch: { size: 4, replicas: 1, accumulation: 1, updates: "whole" },
    // at weight 1 the contrast of a few samples outweighs the reconstruction
    weights: { md: 1, cmr: 1, contrast: 0.1 },
    contrastFromEpoch: 0,
    templates: {
      sizeVox: [96, 112, 96],
      spacingMm: [2, 2, 2],
      // at zero the first update is a pattern of signs, whose second moment fades in 20 000 updates (B.2.1)
      start: "mean",
      epsilon: 1e-9,
      others: "untouched",
      rate: 0.3,
    },
  },
};

/**
 * Completes a recipe for a number of cases.
 * @throws {TrainingError} `invalid-recipe`, naming the setting, its value and what was expected
 */
export function resolveBrainmvp(wished: BrainmvpRecipe, cases: number): ResolvedBrainmvp {
  const recipe = completePretraining<ResolvedBrainmvp>(wished, {
    schema: resolvedBrainmvpSchema,
    presets: BRAINMVP_PRESETS,
    cases,
  });
  const { network, roi, mask: { blockVox }, batch, templates } = recipe;
  const refuse = (path: string, expected: string, got: unknown) =>
    refuseSetting("pre-train", path.split("."), { expected, got });
  if (network.config.inChannels !== 1) refuse("network.config.inChannels", "1", network.config.inChannels);
  if (roi.some((n) => n % blockVox !== 0)) {
    refuse("mask.blockVox", `a divisor of the patch's edges ${roi.join(", ")}`, blockVox);
  }
  if (templates.others !== "zeroGradient" && batch.replicas * batch.accumulation > 1) {
    refuse("templates.others", "zeroGradient, because an update has several micro-batches", templates.others);
  }
  return recipe;
}
