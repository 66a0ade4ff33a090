/**
 * Labelled and unlabelled cases: data sets kept here, folders and archives read where they lie, the layouts that they come
 * in, and what must hold before they are trained on. Knows neither HTTP nor networks.
 */
export { type DatasetFolder, readDatasetFolder, readDatasetZip } from "./store/folder.ts";
export {
  caseNameSchema,
  datasetDetailSchema,
  datasetLabelSchema,
  datasetSpecSchema,
  datasetSummarySchema,
} from "./spec.ts";
export { Datasets, type DatasetsOptions } from "./store/datasets.ts";
export { isUuid, lockDataset } from "./store/rows.ts";
export { DATASET_LAYOUTS, type DatasetLayout, LAYOUT_TITLES, LAYOUTS } from "./layouts/layouts.ts";
export { type PretrainingSource, readPretrainingSources } from "./store/pretraining_source.ts";
export * from "./types.ts";
