/**
 * What storage, registry, data sets and jobs refuse, as stable codes. Not HTTP: `server/` alone maps codes to statuses.
 */

/** Codes of the rooms `registry/` and `jobs/`; users may rely on them. */
export const DOMAIN_CODES = [
  /** No such model, version, data set, case, job or result. */
  "not-found",
  /** A result or report existed but was swept, or belongs to a job that made none. */
  "gone",
  /** The state of things forbids it now; the more specific codes below say which. */
  "conflict",
  "version-exists",
  "invalid-transition",
  "no-former-version",
  "dataset-in-use",
  "job-finished",
  /** The same job, or another process, holds it. */
  "locked",
  /** The waiting line of the inference worker is full. */
  "busy",
  /** A value of a request is wrong; the message names it. */
  "invalid-request",
  "invalid-name",
  "invalid-manifest",
  "invalid-package",
  /** A file of weights that cannot be imported: damaged, refused, or of no network here. */
  "invalid-weights",
  /** A file of a package does not have the sha256 of its manifest. */
  "package-tampered",
  /** A zip that is no zip, is unsafe (names, ratio) or exceeds a limit. */
  "invalid-archive",
  "too-large",
  "invalid-dataset",
  "incomplete-dataset",
  "wrong-task",
  "model-not-served",
  /** The worker process ended without an answer. */
  "worker-crashed",
  /** The server stops. */
  "stopping",
  "database-unavailable",
  "database-too-new",
  /** An error that nobody foresaw. */
  "internal",
] as const;

export type DomainErrorCode = (typeof DOMAIN_CODES)[number];

/**
 * A refusal with a stable code; the message is for users and holds no file names or header text. `Code` is wider where
 * codes of other rooms come along.
 */
export class DomainError<Code extends string = DomainErrorCode> extends Error {
  override readonly name = "DomainError";
  constructor(readonly code: Code, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}
