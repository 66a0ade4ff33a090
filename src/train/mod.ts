/** Training: losses, optimizers, augmentation and the fine-tuning loop, from labelled files to a network and its report. */
export * from "./types.ts";
export { finetune } from "./finetuning/finetune.ts";
export { type Fitted, fitted, memoryBudget } from "./loop/fit.ts";
export { pretrain } from "./pretraining/pretrain.ts";
export type { PretrainRequest, PretrainResult } from "./pretraining/types.ts";
export {
  PRETRAINING_PRESETS,
  type PretrainingPreset,
  type PretrainingRecipe,
  type ResolvedPretraining,
  resolvePretraining,
} from "./recipe/pretraining.ts";
export { PRETRAINING_LOSSES, pretrainingStep, type PretrainingStepConfig } from "./step/pretraining_step.ts";
export { type StepConfig, type TrainingStep, trainingStep } from "./step/finetuning_step.ts";
export { passesAtOnce } from "./finetuning/trainer.ts";
export { ADAM_DEFAULTS, type AdamConfig } from "./step/optimizers.ts";
export { cosineRate, type ResolvedRecipe, resolveRecipe } from "./recipe/finetuning.ts";
