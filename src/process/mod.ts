/**
 * Supervised child processes: start, talk by JSON lines, watch, restart, end. Knows nothing of what they do.
 */
export { isOutOfMemory, ProcessError, type ProcessErrorCode } from "./failures.ts";
export { giveBackMemory } from "./memory.ts";
export { emit, type Handler, type ParentWatch, serve } from "./serve.ts";
export { type Call, type CallOptions, Supervisor, type SupervisorOptions } from "./supervisor.ts";
export { RemoteError } from "./wire.ts";
