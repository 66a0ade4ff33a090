/**
 * BrainMVP's pre-training (CVPR 2025; docs/method B.1, B.2): cross-modal reconstruction, distillation of each modality
 * into a learnt template, contrast between two masked copies.
 */
import { readRecipe } from "../../recipe/settings.ts";
import type { PretrainingMethod } from "../method.ts";
import { brainmvpRecipeSchema } from "./settings.ts";
import { resolveBrainmvp } from "./presets.ts";
import { PRETRAINING_LOSSES } from "./step.ts";
import { BrainmvpRun } from "./run.ts";

export const BRAINMVP: PretrainingMethod = {
  losses: PRETRAINING_LOSSES,
  report: {
    titles: {
      md: "MD: error of reconstruction from the template",
      cmr: "CMR: error of reconstruction from another modality",
      contrast: "contrast between the two copies",
      loss: "loss",
      meanPredictor: "for comparison: error of predicting every patch's mean",
    },
    figures: ["md", "cmr", "contrast", "meanPredictor"],
    // cases with one modality have no cross-modal copy
    shares: { cmr: "cmrShare" },
    pictures: { name: "templates", title: "Templates" },
    explanation: "The error of predicting every patch's own mean is what a reconstruction has to be below.",
    notes: (cases) => {
      const single = cases.filter((modalities) => modalities.length === 1).length;
      return single === 0 ? [] : [`Cases with one modality, reconstructed from the template only: ${single}.`];
    },
  },
  plan(wishes, cases) {
    const recipe = resolveBrainmvp(readRecipe(brainmvpRecipeSchema, wishes, "pre-train"), cases);
    const { network, templates: { sizeVox: templateSizeVox } } = recipe;
    return { recipe, network, templateSizeVox, begin: (context) => new BrainmvpRun(recipe, context) };
  },
};
