/**
 * Supervised child processes: starts them, calls them by JSON lines, watches and restarts them; and threads for long work
 * on files. Knows nothing of their work.
 */
export { askerLeft, workFor } from "./asker.ts";
export { isOutOfMemory, ProcessError, type ProcessErrorCode } from "./failures.ts";
export { Readers, type ReadersOptions } from "./readers.ts";
export { forgetPeakOf, giveBackMemory, peakBytesOf } from "./memory.ts";
export { ask, emit, type Handler, type ParentWatch, serve } from "./serve.ts";
export { type Call, type CallOptions, Supervisor, type SupervisorOptions } from "./supervisor.ts";
export {
  answerLimited,
  type Bounds,
  DEFAULT_BOUNDS,
  nobodyWaits,
  notStarted,
  refusalOf,
  RUN,
  runLimited,
  START_MS,
} from "./limited.ts";
export { answerTasks, inThread, wordsOf } from "./thread.ts";
export { inSpan, isTracing, type OpenSpan, type SpanOptions, traceparent } from "./trace.ts";
export { encodeError, RemoteError } from "./wire.ts";
export { Turns } from "./turns.ts";
export type { Confinement } from "./command.ts";
