/** Failures of devices and of the work that they were given. */

export const ENGINE_ERROR_CODES = ["crashed", "out-of-memory", "timeout", "unsupported", "failed", "closed"] as const;
export type EngineErrorCode = (typeof ENGINE_ERROR_CODES)[number];

/** Thrown by engines; `code` decides about retry and fallback. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  constructor(readonly code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
