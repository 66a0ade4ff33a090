/**
 * Labelled and unlabelled cases: data sets kept here, folders and archives read where they lie, the layouts that they come
 * in, and the checks that they pass before training. Knows neither HTTP nor networks.
 */
export { readChannelMap } from "./layouts/channels.ts";
export type { PlanOptions } from "./layouts/layouts.ts";
export type { GivenPatients } from "./patients/patients.ts";
export { type DatasetFolder, readDatasetFolder, readDatasetZip } from "./store/folder.ts";
export {
  caseChangesSchema,
  caseClassSchema,
  caseNameSchema,
  datasetDetailSchema,
  datasetNameSchema,
  datasetSpecSchema,
  datasetSummarySchema,
  patientsGivenSchema,
  skipSchema,
} from "./spec.ts";
export { Datasets } from "./store/datasets.ts";
export { lockDataset } from "./store/rows.ts";
export { DATASET_LAYOUTS, LAYOUT_TITLES, LAYOUTS } from "./layouts/layouts.ts";
export { readPretrainingSources } from "./store/pretraining_source.ts";
export * from "./types.ts";
