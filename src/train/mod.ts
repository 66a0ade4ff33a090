/** Training: fine-tuning and pre-training, from files of cases to a network and its report. */
export * from "./types.ts";
export { finetune } from "./finetuning/finetune.ts";
export type { FinetuneRequest, FinetuneResult, NetworkRequest } from "./finetuning/types.ts";
export { checkFinetune, type FinetuneCheck } from "./finetuning/check_finetune.ts";
export { type FinetunePlan, planSchema } from "./planning/plan.ts";
export { planFinetune, planInProcess, type PlanRequest } from "./finetuning/plan_finetune.ts";
export { planWords } from "./planning/plan_words.ts";
export { passesAtOnce } from "./finetuning/phases/trainer.ts";
export { drawSample } from "./data/augment.ts";
export type { Croppable } from "./data/labelled_case.ts";
export { type Augmentation, STRONG_AUGMENTATION } from "./recipe/augmentation.ts";
export { type Fitted, fitted, memoryBudget } from "./loop/fit.ts";
export { patientWords } from "./report/data.ts";
export { pretrain, pretrainedSoFar } from "./pretraining/pretrain.ts";
export type { PretrainRequest, PretrainResult } from "./pretraining/types.ts";
export {
  DEFAULT_PRETRAINING,
  type PretrainingRecipe,
  pretrainingRecipeSchema,
  resolvePretraining,
} from "./pretraining/methods.ts";
export { ADAM_DEFAULTS, type AdamConfig } from "./recipe/optimizer.ts";
export { DEFAULT_RECIPE, type Recipe, RECIPE_FLAGS, recipeSchema, resolveRecipe } from "./recipe/finetuning.ts";
export { type ResolvedRecipe, resolvedRecipeSchema } from "./recipe/finetuning_settings.ts";
export { CROP_EDGE, descriptionOf, readRecipe, wordingOf } from "./recipe/settings.ts";
export type { ResolvedBrainmvp } from "./pretraining/brainmvp/settings.ts";
export { PRETRAINING_LOSSES, pretrainingStep, type PretrainingStepConfig } from "./pretraining/brainmvp/step.ts";
export { type StepConfig, type TrainingStep, trainingStep } from "./step/finetuning_step.ts";
export { referenceWork } from "./step/reference_work.ts";
