/** Training: losses, optimizers, augmentation and the fine-tuning loop, from labelled files to a network and its report. */
export * from "./types.ts";
export { finetune } from "./finetune.ts";
export { type Fitted, fitted, memoryBudget } from "./fit.ts";
export { pretrain } from "./pretrain.ts";
export type { PretrainRequest, PretrainResult } from "./pretrain_types.ts";
export {
  PRETRAINING_PRESETS,
  type PretrainingPreset,
  type PretrainingRecipe,
  type ResolvedPretraining,
  resolvePretraining,
} from "./pretraining_recipes.ts";
export { PRETRAINING_LOSSES, pretrainingStep, type PretrainingStepConfig } from "./pretraining_step.ts";
export { type StepConfig, type TrainingStep, trainingStep } from "./step.ts";
export { passesAtOnce } from "./trainer.ts";
export { ADAM_DEFAULTS, type AdamConfig } from "./optimizers.ts";
export { cosineRate, type ResolvedRecipe, resolveRecipe } from "./recipes.ts";
