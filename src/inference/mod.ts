/** Inference: a case's files → network input → sliding windows → blended logits → a mask on the source grid. */
export * from "./spec.ts";
export * from "./types.ts";
export { segment } from "./segment.ts";
export { classify } from "./classify.ts";
export { softmax } from "./probabilities.ts";
export { centreOf, classifierInput, prepare, type Prepared, prepareLabel } from "./preprocess.ts";
export { type RunWindow, slidingLogits, windowRunner } from "./sliding.ts";
export { type CheckingModel, isCheckingModel, likeliestLook, lookOf, ModalityCheck, SURE } from "./modality_check.ts";
export { checkNetwork, type NetworkSpec } from "./check_network.ts";
export { importNetwork, loadGraph } from "./network.ts";
export { readVolume } from "./read_volume.ts";
export { readTemplate, type TemplateFit, templateFor, templatePath, writeTemplate } from "./templates.ts";
