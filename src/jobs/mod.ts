/**
 * Work that outlives a request: data sets, the job queue, progress events, worker processes, cancel and resume. It
 * knows nothing of HTTP.
 */
export { type DatasetFolder, readDatasetFolder, readDatasetZip } from "./dataset_folder.ts";
export { caseNameSchema, datasetLabelSchema, datasetSpecSchema } from "./dataset_spec.ts";
export { Datasets, type DatasetsOptions } from "./datasets.ts";
export { candidateDraft, checkNamesake, checkTasks } from "./finetune_job.ts";
export { findCheckingModel } from "./inference_service.ts";
export type { JobFilter } from "./job_rows.ts";
export { Jobs, type JobsOptions } from "./jobs.ts";
export type { CheckFailure } from "./task_types.ts";
export { inputFromName } from "./modalities.ts";
export { pretrainingDraft } from "./pretraining_job.ts";
export { type PretrainingSource, readPretrainingSources } from "./pretraining_source.ts";
export {
  type CaseCheck,
  type CheckCode,
  type ClassifyOutcome,
  DATASET_LAYOUTS,
  type DatasetCase,
  type DatasetDetail,
  type DatasetLabel,
  type DatasetLayout,
  type DatasetSpec,
  type DatasetSummary,
  type DatasetTask,
  type FinetuneInput,
  type ImportedDataset,
  type InferenceInput,
  type InferenceOptions,
  isTraining,
  JOB_KINDS,
  JOB_STATES,
  type JobEvent,
  type JobKind,
  type JobProgress,
  type JobRecord,
  type JobResult,
  type JobState,
  type PretrainingInput,
  type SegmentOutcome,
} from "./types.ts";
