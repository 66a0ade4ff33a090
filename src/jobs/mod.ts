/**
 * Work that outlives a request: kinds of jobs, their queue and records, progress events, worker processes, cancel and
 * resume. It knows nothing of HTTP.
 */
export { Jobs, type JobsOptions, type Performed, type SubmitOptions } from "./jobs.ts";
export {
  candidateDraft,
  checkTasks,
  type FinetuneInput,
  finetunePlan,
  hasTemplates,
  networkRequest,
} from "./kinds/finetune.ts";
export { findCheckingModel, type InferenceInput } from "./kinds/inference.ts";
export { pretrainingDraft, type PretrainingInput } from "./kinds/pretrain.ts";
export type { SegmentInput } from "./kinds/segment.ts";
export { JOB_KINDS, type JobKind, KINDS, type OutputOf, type WishOf } from "./kinds/table.ts";
export { checkNamesake } from "./kinds/training.ts";
export type { JobBounds } from "./queue/places.ts";
export type { JobFilter, JobRecord } from "./queue/rows.ts";
export {
  type CheckFailure,
  JOB_STATES,
  type JobEvent,
  type JobProgress,
  type JobResult,
  type JobState,
  type WorkErrorCode,
} from "./types.ts";
