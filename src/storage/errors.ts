/** Refusals with stable codes, which the rooms above share. Not HTTP: `server/` alone maps codes to statuses. */

/** Codes of refusals; users may rely on them. */
export const DOMAIN_CODES = [
  /** No such model, version, data set, case, job or result. */
  "not-found",
  /** A result or report existed but was swept, or belongs to a job that made none. */
  "gone",
  /** The present state forbids it; the codes below are the more specific cases. */
  "conflict",
  "version-exists",
  "invalid-transition",
  "no-former-version",
  "dataset-in-use",
  "job-finished",
  /** Another job or process holds it. */
  "locked",
  /** As much waits as may, in all or of one identity; the message has the figure. */
  "busy",
  /** The work is predicted, or found, to take more memory, time or voxels than is allowed; the message has the figures. */
  "too-much-work",
  /** A value of a request is wrong; the message names it. */
  "invalid-request",
  "invalid-name",
  "invalid-manifest",
  "invalid-package",
  /** A file of weights is damaged, refused, or belongs to no network here. */
  "invalid-weights",
  /** A file of a package does not have the sha256 of its manifest. */
  "package-tampered",
  /** An archive is no zip, has unsafe names or ratios, or exceeds a limit. */
  "invalid-archive",
  "too-large",
  "invalid-dataset",
  "incomplete-dataset",
  "wrong-task",
  "model-not-served",
  /** The worker process ended without an answer. */
  "worker-crashed",
  /** Whoever calls has not shown who they are, or what they showed is not valid. */
  "login-required",
  /** Their role does not allow it. */
  "not-permitted",
  /** A login at the provider did not end well. */
  "login-failed",
  /** The login provider does not answer. */
  "login-unavailable",
  /** Too many requests in a short time. */
  "too-many-requests",
  /** As much as one identity may have is used up. */
  "quota-used-up",
  /** The project has as many bytes as it may; the message has the figures. */
  "project-full",
  /** The server stops. */
  "stopping",
  "database-unavailable",
  "database-too-new",
  /** An unforeseen error. */
  "internal",
] as const;

export type DomainErrorCode = (typeof DOMAIN_CODES)[number];

/**
 * A refusal with a stable code; the message is for users and holds no file names or header text. Rooms with codes of their
 * own widen `Code`.
 */
export class DomainError<Code extends string = DomainErrorCode> extends Error {
  override readonly name = "DomainError";
  constructor(readonly code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
