/** The settings of BrainMVP's pre-training beside those of every method (docs/method B.2). */
import { z } from "zod";
import { PRETRAINING_KINDS } from "../../../nets/mod.ts";
import { PRETRAINING_SETTINGS, spacing } from "../../recipe/pretraining.ts";
import {
  choice,
  type Frozen,
  number,
  orNull,
  presetChoice,
  triple,
  whole,
  wishes,
  worded,
} from "../../recipe/settings.ts";

const BRAINMVP_SETTINGS = {
  network: z.strictObject({
    kind: choice(PRETRAINING_KINDS),
    config: worded(
      z.record(z.string(), z.union([z.number(), z.boolean(), z.array(z.number()).max(4)])),
      { expected: "an object of numbers" },
    ),
  }).describe("The encoder's kind, widths, depths and so on; one channel."),
  weights: z.strictObject({
    md: number({ from: 0, to: 1_000_000 }),
    cmr: number({ from: 0, to: 1_000_000 }),
    contrast: number({ from: 0, to: 1_000_000 }),
  }).describe("Weights of distillation, cross-modal reconstruction and contrast in the loss (B.2 row 1)."),
  temperature: number({ above: 0 }).describe("Temperature of the contrast (B.2 row 5)."),
  crossModalFromEpoch: whole(0, 1_000_000_000).describe(
    "First epoch in which the second copy shows another modality; before, it shows the template (B.2 row 3).",
  ),
  contrastFromEpoch: whole(0, 1_000_000_000).describe("First epoch with contrast (B.2 row 4)."),
  mask: z.strictObject({
    rate: number({ above: 0, below: 1 }).describe("Share of the blocks that are hidden."),
    blockVox: whole(1, 64).describe("Edge of a block; divides the patch's edges."),
  }).describe("Blocks of a patch that a copy hides (B.2 rows 7 to 9)."),
  modalitySampling: choice(["perSample", "perBatchIndex"]).describe(
    "One modality for each sample, or one place in the cases' shuffled lists for a micro-batch (B.2 row 11).",
  ),
  modalitiesPerCase: orNull(whole(1, 64)).describe(
    "Number of modalities that a case is brought to, by leaving out and by repeating; null: as many as it has (B.2 row 21).",
  ),
  templates: z.strictObject({
    sizeVox: triple(z.int().min(16).max(512), "three whole numbers from 16 to 512").describe(
      "Voxels of the learnt volumes; their middle lies on the middle of the images (B.2 rows 13, 15).",
    ),
    spacingMm: spacing().describe("Their voxel size (B.2 row 13)."),
    start: choice(["zero", "mean"]).describe("Zeros, or the mean of the modality's scans, middle on middle."),
    epsilon: number({ above: 0, to: 1 }).describe("Added to the range in (t − min)/(max − min + ε) (B.2 row 14)."),
    others: choice(["zeroGradient", "untouched"]).describe(
      "Templates that no sample selected: a step with zero gradient, so with momentum and decay, or none (B.2 row 19).",
    ),
    rate: number({ from: 0, to: 1000 }).describe("Their learning rate over the network's."),
  }).describe("The learnt templates."),
};

const ALL_SETTINGS = { ...PRETRAINING_SETTINGS, ...BRAINMVP_SETTINGS };

const PRESETS = {
  edge: { for: "two CPU cores, hours", does: "a small encoder and coarse templates" },
  paper: { for: "GPUs, days", does: "as published for BrainMVP" },
  official: { for: "comparison", does: "as in BrainMVP's code, its quirks included" },
  "official-olab": { for: "comparison", does: "as in the earlier copy of that code" },
};
const method = choice(["brainmvp"]);
const preset = presetChoice(PRESETS, "edge");

/** A user's wishes; the preset decides what is absent. */
export const brainmvpRecipeSchema = z.strictObject({
  method: method.optional().describe("The method of pre-training. Default: brainmvp."),
  preset,
  ...wishes(ALL_SETTINGS),
});
export type BrainmvpRecipe = Frozen<z.output<typeof brainmvpRecipeSchema>>;

/** A recipe with every setting filled in, as manifests and reports hold it. */
export const resolvedBrainmvpSchema = z.strictObject({
  method: method.default("brainmvp"),
  preset: preset.unwrap(),
  ...ALL_SETTINGS,
});
export type ResolvedBrainmvp = Frozen<z.output<typeof resolvedBrainmvpSchema>>;
