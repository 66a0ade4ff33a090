/** The presets of fine-tuning (docs/method B.3, B.4, F.1): whom each is for, and the values that it gives. */
import { STRONG_AUGMENTATION } from "./augmentation.ts";
import { ADAM_DEFAULTS } from "./optimizer.ts";
import type { PresetSummary } from "./settings.ts";
import type { FinetuningPresetName, ResolvedRecipe } from "./finetuning_settings.ts";

type PresetValues =
  & Omit<
    ResolvedRecipe,
    "preset" | "steps" | "budgetMinutes" | "foldSteps" | "templates" | "base" | "learningRate" | "exclusive"
  >
  & {
    /** Default: as the base has them. */
    readonly templates?: boolean;
    /** Of the networks that are made here; the most that a found rate may be. */
    readonly learningRate: number;
    readonly exclusive: boolean | "auto";
    /** Updates of the final network when each trains one view. */
    readonly steps: (cases: number) => number;
    /** The share of these updates when each trains two views. */
    readonly twoViewShare: number;
    /** A fold's share of the final network's updates. */
    readonly foldShare: number;
  };

export interface FinetuningPreset extends PresetSummary {
  readonly values: PresetValues;
  /** Values that differ where it classifies. */
  readonly classification: Partial<PresetValues>;
}

const PAPER: PresetValues = {
  roi: [96, 96, 96],
  batchSize: 3,
  batch: "accumulated",
  learningRate: 3e-4,
  warmupSteps: 0,
  clipNorm: null,
  batchNorm: "batch",
  norm: "batch",
  ema: null,
  deepSupervision: true,
  headWeights: "equal",
  exclusive: false,
  batchDice: false,
  encoderRate: 1,
  frozenSteps: 0,
  keepDecoder: true,
  finalStart: "base",
  keepHead: false,
  // the published rule is "volume": its 95th percentile falls with the empty space around the head
  percentilesOver: "foreground",
  optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
  firstKernel: "fresh",
  templateFit: "centred",
  views: "copies",
  consistency: { on: "x4", weight: 0.1 },
  supervision: "sum",
  flips: "axes",
  maxReplaced: null,
  mask: { rate: 0.5, blockVox: 8 },
  intensity: { shift: 0.1, scale: 0.1, gamma: 0, perChannel: false },
  augmentation: null,
  allStages: false,
  headBias: null,
  lesionShare: 0,
  labelBalance: false,
  balancedClasses: false,
  seed: 0,
  validation: "auto",
  ensemble: "final",
  outputs: "fixed",
  mirroredWindows: false,
  earlyStopSteps: null,
  earlyStop: "never",
  hardCrops: 0,
  compareFromScratch: false,
  checkpointEverySteps: 5,
  foldsRun: null,
  halfFolds: 0,
  spacingMm: null,
  steps: (cases) => 500 * Math.ceil(cases / 3),
  twoViewShare: 1,
  foldShare: 1,
};

const PAPER_CLASSIFICATION: Partial<PresetValues> = {
  roi: [96, 96, 64],
  batchSize: 64,
  flips: "axes",
  steps: (cases) => 200 * Math.ceil(cases / 64),
};

/** Values of `edge`, which `auto` starts from. */
const EDGE: PresetValues = {
  ...PAPER,
  // at 64³ an update takes twice as long and teaches hardly more
  roi: [48, 48, 48],
  batchSize: 1,
  learningRate: 4e-3,
  // with more, minutes do not suffice to fit the images that no template replaces
  maxReplaced: 1,
  // a handful of patients shows too few contrasts: vary every modality by itself
  intensity: { shift: 0.1, scale: 0.1, gamma: 0.2, perChannel: true },
  // from 0, the first hundred updates only learn that most voxels have no label
  headBias: -4,
  lesionShare: 0.5,
  balancedClasses: true,
  checkpointEverySteps: 25,
  steps: (cases) => Math.max(1000, 50 * cases),
  // an update of two views takes twice the time, and teaches more than one of one view
  twoViewShare: 0.52,
  // folds give a lower bound; the time goes into the network that is used
  foldShare: 0.225,
};

const EDGE_CLASSIFICATION: Partial<PresetValues> = {
  roi: [64, 64, 64],
  // by the statistics of a single crop, BatchNormalization takes away what distinguishes crops
  batchSize: 8,
  batch: "joint",
  learningRate: 2e-3,
  // the means of every stage of the pre-trained encoder are a start from which few updates suffice
  firstKernel: "inflate",
  allStages: true,
  // contrasts of scanners differ by more than in a segmentation
  intensity: { shift: 0.1, scale: 0.4, gamma: 0.5, perChannel: true },
  steps: (cases) => Math.max(100, 5 * cases),
  twoViewShare: 0.62,
  // of so few updates, a fold that takes a part says nothing about the final network
  foldShare: 1,
};

export const FINETUNING_PRESETS: Readonly<Record<FinetuningPresetName, FinetuningPreset>> = {
  auto: {
    for: "any device, a given time",
    does: "planned from the data, the device and the time: window, crops, folds and updates",
    values: {
      ...EDGE,
      learningRate: 3e-3,
      clipNorm: 1,
      // no voxel has two labels where none can; the scores are alike
      exclusive: "auto",
      augmentation: STRONG_AUGMENTATION,
      outputs: "chosen",
      earlyStop: "held-out",
      templateFit: "registered",
      // the updates of a fold are not lost
      finalStart: "fold",
      // a fold that has less than half of the updates says little about the final network
      foldShare: 0.5,
      twoViewShare: 1,
    },
    classification: { ...EDGE_CLASSIFICATION, clipNorm: 1, templateFit: "registered" },
  },
  edge: {
    for: "two CPU cores, minutes",
    does: "small crops, half of them around labelled voxels, each modality's contrast varied",
    values: EDGE,
    classification: EDGE_CLASSIFICATION,
  },
  paper: {
    for: "a GPU, hours",
    does:
      "as published for BrainMVP (§ 3.4), but for percentiles (as published with percentilesOver volume): two views " +
      "with modalities replaced by templates",
    values: PAPER,
    classification: PAPER_CLASSIFICATION,
  },
  official: {
    for: "comparison",
    does:
      "as in BrainMVP's code, its quirks included, but for percentiles (as in the code with percentilesOver volume)",
    values: {
      ...PAPER,
      batchSize: 2,
      optimizer: { kind: "adam-l2", weightDecay: 1e-4, ...ADAM_DEFAULTS },
      templateFit: "raw",
      views: "interleaved",
      consistency: { on: "out4", weight: 0.1 },
      supervision: "concat",
      flips: "joint",
      maxReplaced: 3,
      steps: (cases) => 300 * Math.max(1, Math.floor(cases / 2)),
    },
    classification: PAPER_CLASSIFICATION,
  },
};
