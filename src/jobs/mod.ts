/**
 * Work that outlives a request: the job queue, progress events, worker processes, cancel and resume. It
 * knows nothing of HTTP.
 */
export { candidateDraft, checkNamesake, checkTasks } from "./kinds/finetune.ts";
export { findCheckingModel } from "./kinds/inference_service.ts";
export type { JobFilter } from "./queue/rows.ts";
export { Jobs, type JobsOptions } from "./jobs.ts";
export type { CheckFailure } from "./worker/task_types.ts";
export { pretrainingDraft } from "./kinds/pretrain.ts";
export {
  type ClassifyOutcome,
  type FinetuneInput,
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
  type WorkErrorCode,
} from "./types.ts";
