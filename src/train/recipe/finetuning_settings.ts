/** The settings of a fine-tune. A setting is added here, gets its values in the presets, and is used; the rest follows. */
import { z } from "zod";
import {
  choice,
  cropSize,
  descriptionOf,
  type Frozen,
  number,
  orNull,
  triple,
  whole,
  windowSize,
  worded,
  wordingOf,
  yesOrNo,
} from "./settings.ts";
import { augmentationSettings, flipSettings } from "./augmentation.ts";
import { optimizerSettings } from "./optimizer.ts";

export const FINETUNING_PRESET_NAMES = ["auto", "edge", "paper", "official"] as const;
export type FinetuningPresetName = (typeof FINETUNING_PRESET_NAMES)[number];

/** A rate, or the word for one that is found. */
function rate() {
  const given = number({ above: 0, to: 1 });
  const { expected, flag } = wordingOf(given)!;
  return worded(z.union([given, z.literal("auto")]), {
    expected: `${expected} or auto`,
    flag: { value: "X", read: (word) => word === "auto" ? word : flag!.read(word) },
  });
}

/** A choice that is found, unless it is given. */
function yesNoOrAuto() {
  const given = yesOrNo(), { flag } = wordingOf(given)!;
  return worded(z.union([given, z.literal("auto")]), {
    expected: "true, false or auto",
    flag: { value: "auto|true|false", read: flag!.read },
  });
}

const MINUTES: Readonly<Record<string, number>> = { s: 1 / 60, m: 1, h: 60 };

/** A time in minutes; a flag gives it as `90s`, `5m` or `1h`. */
function minutes() {
  const given = number({ from: 0.1, to: 10_080 });
  const read = (word: string) => {
    const [, digits, unit = "m"] = /^(\d+(?:\.\d+)?)([smh])?$/.exec(word) ?? [];
    return digits === undefined ? word : Number(digits) * MINUTES[unit];
  };
  return worded(given, {
    expected: wordingOf(given)!.expected,
    flag: { name: "budget", value: "TIME", expected: "a time from 6s to 168h, such as 90s, 5m or 1h", read },
  });
}

const MOST_FOLDS = 1000;
const FOLDS_WORD = /^\d{1,4}$/;

/** Settings that a user may choose. */
export const CHOSEN_SETTINGS = {
  budgetMinutes: orNull(minutes()).describe(
    "Preset auto: the time of the whole job on its device, with folds, final network and scoring; the updates are found " +
      "from it. `steps` overrides it. Default: 10 on any device; null without `auto` or with `steps`.",
  ),
  steps: whole(1, 1_000_000).describe(
    "Optimizer updates of the final network; a preset may give the folds fewer. Default: from the time budget, or from " +
      "the preset and the number of cases.",
  ),
  roi: cropSize().describe(
    "Size of a training crop, voxels. Default: from the preset; of a network of others, its window.",
  ),
  batchSize: whole(1, 64).describe("Crops an update. Default: from the preset."),
  learningRate: rate().describe(
    "Rate of the first update after the warm-up; it falls as a cosine. `auto`: found by a test over 40 updates whose rate " +
      "grows from 1e-6 to 0.1, at most the preset's. Default: from the preset; of a network of others, auto.",
  ),
  warmupSteps: whole(0, 100_000).describe(
    "Updates over which the rate rises linearly to its full value. Default: 0; of a network of others a tenth of a " +
      "fold's, at most 50.",
  ),
  clipNorm: orNull(number({ above: 0, to: 1e6 })).describe(
    "Gradients of a larger Euclidean norm over all weights are scaled down to it, and an update whose gradient is not " +
      "finite is skipped. Default: null, neither; of a network of others 1.",
  ),
  batchNorm: choice(["batch", "frozen"]).describe(
    "Statistics of the base's BatchNormalizations. `batch`: of each pass, the running ones follow. `frozen`: the running " +
      "ones of the base, as at inference. Default: batch; of a network from a file, frozen.",
  ),
  norm: choice(["batch", "instance", "re-estimated"]).describe(
    "BatchNormalizations of networks that are made here. `batch`: statistics of each crop in training, running ones in " +
      "use. `instance`: of each crop in training and of each window in use, but for features that a classifier averages; " +
      "a base that is normalised so stays so. `re-estimated`: as batch, and the running ones of the result are computed " +
      "anew over crops by its final weights. Default: batch.",
  ),
  ema: orNull(number({ above: 0, below: 1 })).describe(
    "The result is a running average of the weights after every update; each update keeps this share of the average " +
      "before. Default: null, the result is the last weights.",
  ),
  deepSupervision: yesOrNo().describe(
    "Segmentation: coarser outputs of the network are compared with the labels too. Default: true, where the network has them.",
  ),
  headWeights: choice(["equal", "halved"]).describe(
    "With deep supervision, the weights of the outputs in the loss, from the finest. `equal`: each 1. `halved`: each half " +
      "of the one before, together 1, as in nnU-Net. Default: equal.",
  ),
  exclusive: yesNoOrAuto().describe(
    "Segmentation: each voxel has one label or none, by a softmax over them and a background; otherwise each label is by " +
      "itself, and labels may overlap. `auto`: true for two labels or more that share no value. Default: false; of a head " +
      "that is kept, its own.",
  ),
  batchDice: yesOrNo().describe(
    "Segmentation: the Dice loss is of all crops of an update together, which pass the network as one batch. Default: " +
      "false, of each crop.",
  ),
  encoderRate: number({ from: 0, to: 1 }).describe(
    "Factor on the learning rate of weights that start from the base's. Default: 1.",
  ),
  frozenSteps: whole(0, 1_000_000).describe(
    "Updates at the start in which weights that start from the base's rest. Default: 0.",
  ),
  keepDecoder: yesOrNo().describe(
    "Of an encoder that was pre-trained with a decoder, the decoder's weights start the new one where they fit. Default: true.",
  ),
  finalStart: choice(["base", "fold"]).describe(
    "Where the final network starts. `fold`: from the weights of the first fold, whose updates are then not lost; that " +
      "fold's scores stay those of patients that it did not see. `base`: from the base, as every fold does. Default: base; " +
      "the preset auto: fold.",
  ),
  keepHead: yesOrNo().describe(
    "Continue the base as a whole, its decoder and head too: a segmentation for the same labels, or a classification for " +
      "the same classes. Default: false, what fits is taken and the rest is fresh.",
  ),
  templates: yesNoOrAuto().describe(
    "Replace modalities by the base's templates. Default: auto, if it has them; the preset auto decides by the data.",
  ),
  base: choice(["auto", "use", "scratch"]).describe(
    "Start from the base's weights (`use`) or from fresh ones (`scratch`). Default: auto, which the preset auto decides on " +
      "the first fold where there is time, and is `use` otherwise.",
  ),
  percentilesOver: choice(["foreground", "volume"]).describe(
    "Where the percentiles that become 0 and 1 are taken. `foreground`: tissue, so that empty space around the head " +
      "changes nothing. `volume`: every voxel, the published rule (B.3 row 5). Default: foreground for an encoder, of a " +
      "trained base its own rule. A base that states other normalisations keeps them.",
  ),
  seed: whole(0).describe("Start of the random numbers: the same seed and data give the same crops. Default: 0."),
  validation: worded(
    z.union([z.enum(["auto", "none"]), z.strictObject({ folds: z.int().min(2).max(MOST_FOLDS) })]),
    {
      expected: `auto, none or an object with 2 to ${MOST_FOLDS} folds`,
      flag: {
        value: "auto|none|K",
        expected: `auto, none or a number of folds from 2 to ${MOST_FOLDS}`,
        read: (word) => (FOLDS_WORD.test(word) ? { folds: Number(word) } : word),
      },
    },
  ).describe("By patient: leave-one-out for 2 to 10, folds above. Default: auto."),
  ensemble: choice(["final", "folds"]).describe(
    "The networks that answer. `final`: the final one. `folds`: the mean of its logits and of those of every fold, as " +
      "nnU-Net takes its five folds; each answer, and the package, take as many times the work and space. Default: final.",
  ),
  outputs: choice(["fixed", "chosen"]).describe(
    "Segmentation: threshold of probabilities and least size of a label's parts. `fixed`: as the base or the default has " +
      "them. `chosen`: as held-out patients speak for, where that also helps patients on whom it was not chosen; the report " +
      "has the figures. Default: chosen by the preset auto, fixed by the others.",
  ),
  mirroredWindows: yesOrNo().describe(
    "Segmentation: in use, and where folds are scored, the answer is the mean over windows mirrored along the axes that " +
      "crops were mirrored along in training: 2, 4 or 8 times the work. Default: false; what a base states is kept.",
  ),
  earlyStopSteps: orNull(whole(1, 1_000_000)).describe(
    "End the training when its loss has not fallen for this many updates. Default: null, train to the end.",
  ),
  earlyStop: choice(["never", "held-out"]).describe(
    "`held-out`: a fold ends early when crops of the patients that it holds out no longer gain; the time goes to the " +
      "trainings after it. Folds of few updates are trained to their end. Default: never; the preset auto: held-out.",
  ),
  hardCrops: number({ from: 0, to: 0.9 }).describe(
    "Segmentation: the share of crops near those in which the network errs most. It looks at 32 crops of its training cases " +
      "now and then, which takes up to 4 % of the time; short trainings do without. Default: 0, none.",
  ),
  compareFromScratch: yesOrNo().describe("Also train a twin from fresh weights and report both. Default: false."),
};

/** Settings that the preset and the data decide. */
export const DECIDED_SETTINGS = {
  foldSteps: whole(1, 1_000_000).describe("Optimizer updates of each validation fold."),
  foldsRun: orNull(whole(0, MOST_FOLDS)).describe(
    "Folds that are trained, of those that are planned; null: all. The report says how many patients were held out.",
  ),
  halfFolds: whole(0, MOST_FOLDS).describe(
    "Of so many folds, the first ones, a twin is trained on half of their patients: it shows what more patients bring.",
  ),
  spacingMm: orNull(triple(number({ above: 0, to: 20 }), "three numbers above 0 up to 20")).describe(
    "Spacing that images are brought to, mm; null: the base's.",
  ),
  batch: choice(["accumulated", "joint"]).describe(
    "`accumulated`: crops pass the network one by one and their gradients are added. `joint`: all at once, so that " +
      "BatchNormalization keeps what distinguishes them.",
  ),
  optimizer: optimizerSettings(),
  firstKernel: choice(["fresh", "inflate"]).describe(
    "An encoder's first kernel, which knows one modality: `fresh`, or `inflate`: repeated for every modality and divided by " +
      "their number. A kernel with a channel for each modality is kept, and this is for those that it does not know.",
  ),
  templateFit: choice(["registered", "centred", "raw"]).describe(
    "`registered`: templates are mapped to [0, 1] and laid on the anatomy of each case, and left out of a case that they do not fit. `centred`: templates are mapped to [0, 1] and centred on the image (B.5). `raw`: as the file has them, corner on corner.",
  ),
  views: choice(["copies", "interleaved"]).describe(
    "`copies`: both views hold all modalities. `interleaved`: the official code's repeat along channels, c0 c0 c1 c1 …, cut in half (B.3 row 11).",
  ),
  consistency: z.strictObject({ on: choice(["x4", "out4"]), weight: number({ from: 0, to: 1000 }) }).describe(
    "The output that is compared between the views, and the weight of their difference in the loss.",
  ),
  supervision: choice(["sum", "concat"]).describe(
    "`sum`: the losses of the views are added. `concat`: one loss over both views.",
  ),
  flips: flipSettings(),
  maxReplaced: orNull(whole(0, 64)).describe("Most modalities replaced in a view; null: all but one."),
  mask: z.strictObject({ rate: number({ above: 0, below: 1 }), blockVox: whole(1, 64) }).describe(
    "One modality: the share of blocks of blockVox³ voxels that the template hides.",
  ),
  intensity: z.strictObject({
    shift: number({ from: 0, to: 10 }),
    scale: number({ from: 0, below: 1 }),
    gamma: number({ from: 0, to: 10 }),
    perChannel: yesOrNo(),
  }).describe(
    "Changes of intensity: x ← (x^γ + U(±shift))·(1 + U(±scale)), γ between 1/(1 + gamma) and 1 + gamma; one draw for all channels (B.3 row 9) or one for each.",
  ),
  augmentation: augmentationSettings(),
  allStages: yesOrNo().describe(
    "Classification: the head sees the means of every stage of the encoder, instead of those of the deepest features.",
  ),
  headBias: orNull(number({ from: -100, to: 100 })).describe(
    "Start of a fresh segmentation head's bias, the logit of a label's usual share of voxels; null: as A.2 has it.",
  ),
  lesionShare: number({ from: 0, to: 1 }).describe(
    "Share of crops that lie around a labelled voxel; the others lie anywhere.",
  ),
  labelBalance: yesOrNo().describe(
    "Draw the label of such a voxel first, so that crops lie around rare labels as often as around frequent ones.",
  ),
  balancedClasses: yesOrNo().describe(
    "Classification: draw a crop's class first, then one of its cases, so that rare classes count as much as others.",
  ),
  checkpointEverySteps: whole(1, 1_000_000).describe("Updates between two checkpoints."),
};

/** A recipe with every setting filled in, as manifests and reports hold it. */
export const resolvedRecipeSchema = z.strictObject({
  preset: choice(FINETUNING_PRESET_NAMES),
  ...CHOSEN_SETTINGS,
  templates: yesOrNo(),
  base: choice(["use", "scratch"]),
  exclusive: yesOrNo().describe(descriptionOf(CHOSEN_SETTINGS.exclusive)),
  // a graph from a file may have a window that nobody could ask for
  roi: windowSize(),
  ...DECIDED_SETTINGS,
});
export type ResolvedRecipe = Frozen<z.output<typeof resolvedRecipeSchema>>;
