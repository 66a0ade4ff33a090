/**
 * Inference: a case's files → network input → sliding windows → blended logits → a mask on the source grid, or
 * probabilities of classes. Knows no HTTP.
 */
export * from "./modalities.ts";
export * from "./preprocessing.ts";
export * from "./quality_types.ts";
export * from "./spec.ts";
export * from "./types.ts";
export { budgetVariables, DEFAULT_BUDGET, inBytes, type WorkBudget, wrongBudgetVariable } from "./budget.ts";
export { caseExcess, type CaseWork } from "./work/case_work.ts";
export { requestExcess, type RequestWork } from "./work/request_work.ts";
export { fileExcess, sizeExcess } from "./work/volume_work.ts";
export { segment } from "./tasks/segment.ts";
export { classify } from "./tasks/classify.ts";
export { cutOf, softmax } from "./activation/functions.ts";
export {
  CLASSIFICATION_RECORDS,
  type ClassificationRecord,
  classificationRecord,
} from "./activation/classification.ts";
export {
  SEGMENTATION_RECORDS,
  type SegmentationRecord,
  segmentationRecord,
  slidingSettings,
  type VoxelReader,
} from "./activation/segmentation.ts";
export { postprocess } from "./tasks/postprocess.ts";
export { Regions } from "./tasks/regions.ts";
export { wrongInference } from "./activation/check.ts";
export { centreOf, resizedChannels } from "./prepare/classifier_input.ts";
export { checkOverlap, foregroundOf, prepare, type Prepared, readLabel, TEMPLATES_WISH } from "./prepare/preprocess.ts";
export { type LabelOnGrid, labelOnGrid } from "./prepare/label.ts";
export { logitsOnto } from "./windows/onto_grid.ts";
export { type RunWindow, windowRunner } from "./windows/run_window.ts";
export { slidingLogits } from "./windows/sliding.ts";
export { isCheckingModel, likeliestLook, SURE } from "./tasks/modality_check.ts";
export { type NamedHeader, placedBeside, snapped } from "./prepare/position.ts";
export { checkNetwork } from "./windows/check_network.ts";
export { loadGraph } from "./windows/loaded_network.ts";
export { readInput, readLabelMap } from "./prepare/read_input.ts";
export {
  readTemplate,
  templateFile,
  type TemplateFit,
  templateFor,
  templatePath,
  writeTemplate,
} from "./prepare/templates.ts";
export {
  fitWords,
  LEAST_FIT,
  meanSimilarity,
  placedTemplate,
  type TemplatePlacement,
  templatePlacement,
} from "./prepare/template_placement.ts";
export { quickTissue } from "./checks/quick_tissue.ts";
export { factsOf, type VolumeFacts } from "./checks/facts.ts";
export { volumeDoubts, volumeRefusal } from "./checks/volume_checks.ts";
export { caseDoubts, type CaseFacts } from "./checks/case_checks.ts";
export { type CaseDoubt, type CaseOfSet, datasetDoubts } from "./checks/dataset_checks.ts";
export { Border, type BorderSide } from "./checks/border.ts";
export { Plausibility } from "./checks/plausibility.ts";
export { type LabelFacts, resultDoubts } from "./checks/result_checks.ts";
export { labelDoubts, labelFactsOf, type LabelValueFacts } from "./checks/label_checks.ts";
export { DATASET_WARNINGS, loudFirst, WARNINGS } from "./checks/table.ts";
export { answerReader } from "./tasks/answer.ts";
export { likeness } from "./quality/likeness.ts";
export { caseScore, labelScore } from "./quality/score.ts";
export { trainingImages } from "./quality/unlike.ts";
export { type ImageFacts, imageFacts } from "./quality/image_facts.ts";
export { fitDice, type HeldOut } from "./quality/expected.ts";
export { normalise } from "./channels/normalise.ts";
