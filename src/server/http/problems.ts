/**
 * The one place where errors become RFC 9457 problems: each stable code has its status and title. An unforeseen error
 * becomes `internal`, without its message.
 */
import { EngineError } from "../../engine/mod.ts";
import type { WorkErrorCode } from "../../jobs/mod.ts";
import { InferenceError } from "../../inference/mod.ts";
import { QuotaError } from "../../identity/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import { TrainingError } from "../../train/mod.ts";
import { VolumeError } from "../../volume/mod.ts";

type Status = readonly [status: number, title: string];

/** Refusals of HTTP itself. */
const HTTP_CODES = {
  "unknown-route": [404, "No such route"],
  "method-not-allowed": [405, "Method not allowed"],
  "malformed-request": [400, "The request is malformed"],
  "header-too-large": [431, "The header is too large"],
  "request-timeout": [408, "The request took too long to arrive"],
  "not-acceptable": [406, "Not acceptable"],
  "unsupported-media-type": [415, "Unsupported media type"],
  "invalid-json": [400, "The body is no JSON"],
  "invalid-multipart": [400, "The body is no multipart form"],
  "length-mismatch": [400, "The body is shorter than announced"],
  "upload-stalled": [408, "The upload stalled"],
  "cross-origin": [403, "Refused from another site"],
  "unknown-host": [421, "This server does not answer under that name"],
  "starting": [503, "The server is starting"],
  "storage-full": [507, "The storage is full"],
  "storage-unavailable": [503, "The storage is away"],
} as const satisfies Record<string, Status>;

const DOMAIN_STATUS: Readonly<Record<WorkErrorCode, Status>> = {
  "not-found": [404, "Not found"],
  "gone": [410, "No longer kept"],
  "conflict": [409, "Conflict"],
  "version-exists": [409, "The version exists"],
  "invalid-transition": [409, "The version is in another state"],
  "no-former-version": [409, "There is no former version"],
  "dataset-in-use": [409, "The data set is in use"],
  "job-finished": [409, "The job has ended"],
  "locked": [409, "In use by somebody else"],
  "busy": [503, "Too much is waiting"],
  "too-much-work": [422, "Too much work"],
  "invalid-request": [400, "Invalid request"],
  "invalid-name": [400, "Invalid name"],
  "invalid-manifest": [422, "Invalid manifest"],
  "invalid-package": [422, "Invalid model package"],
  "invalid-weights": [422, "Invalid weights"],
  "package-tampered": [500, "The model package was changed"],
  "invalid-archive": [422, "Invalid archive"],
  "too-large": [413, "Too large"],
  "invalid-dataset": [422, "Invalid data set"],
  "incomplete-dataset": [422, "Incomplete data set"],
  "wrong-task": [422, "Wrong task"],
  "model-not-served": [409, "No version is served"],
  "worker-crashed": [503, "The worker crashed"],
  "login-required": [401, "A login is required"],
  "not-permitted": [403, "Not permitted"],
  "login-failed": [403, "The login failed"],
  "login-unavailable": [503, "The login provider does not answer"],
  "too-many-requests": [429, "Too many requests"],
  "quota-used-up": [429, "The quota is used up"],
  "project-full": [409, "The project is full"],
  "stopping": [503, "The server is stopping"],
  "database-unavailable": [503, "The database is unavailable"],
  "database-too-new": [503, "The database is too new"],
  "internal": [500, "Internal error"],
  "missing-modality": [422, "A modality is missing"],
  "unknown-modality": [422, "Unknown modality"],
  "no-overlap": [422, "The volumes do not overlap"],
  "no-position": [422, "A volume says no position"],
  "invalid-volume": [422, "Invalid volume"],
  "template-missing": [422, "The model has no such template"],
  "invalid-output": [422, "The network's output is not usable"],
  "cancelled": [503, "Cancelled"],
  "crashed": [503, "The device process crashed"],
  "out-of-memory": [503, "Out of memory"],
  "timeout": [504, "Took too long"],
  "unsupported": [422, "Not supported by the device"],
  "failed": [500, "The device failed"],
  "closed": [503, "The device was closed"],
  "invalid-data": [422, "Invalid training data"],
  "invalid-recipe": [422, "Invalid recipe"],
  "diverged": [500, "The training diverged"],
};

export type ProblemCode = WorkErrorCode | keyof typeof HTTP_CODES;

const TABLE: Readonly<Record<ProblemCode, Status>> = { ...DOMAIN_STATUS, ...HTTP_CODES };
export const PROBLEM_CODES = Object.keys(TABLE) as ProblemCode[];

export function statusOf(code: ProblemCode): number {
  return TABLE[code][0];
}
export function titleOf(code: ProblemCode): string {
  return TABLE[code][1];
}

export interface ProblemOptions extends ErrorOptions {
  /** The field of the request that is wrong: `recipe.steps`, `query.limit`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal by the server itself; its message is shown to the user. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;
  constructor(readonly code: ProblemCode, detail: string, { path, headers, ...options }: ProblemOptions = {}) {
    super(detail, options);
    this.path = path;
    this.headers = headers ?? {};
    this.status = statusOf(code);
  }
}

/** The body of every error reply. */
export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly path?: string;
  readonly requestId: string;
}

/** Codes after which a client may try again, and after how many seconds. */
const RETRY_AFTER: Partial<Record<ProblemCode, string>> = {
  busy: "10",
  stopping: "10",
  starting: "2",
  "database-unavailable": "5",
  "storage-unavailable": "10",
  "login-unavailable": "10",
  // another process takes the place of the one that ended
  "crashed": "5",
  "worker-crashed": "5",
};

/** Errors whose messages are written for users. */
const SHOWN = [DomainError, InferenceError, TrainingError, EngineError];

function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(TABLE, code);
}

/** Any error as a {@link Problem}. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof QuotaError) {
    const headers = { "retry-after": String(error.retrySeconds) };
    return new Problem(error.code, error.message, { cause: error, headers });
  }
  if (error instanceof VolumeError) return new Problem("invalid-volume", error.message, { cause: error });
  const known = SHOWN.find((type) => error instanceof type) && error as InstanceType<(typeof SHOWN)[number]>;
  if (known && isProblemCode(known.code) && known.code !== "internal") {
    return new Problem(known.code, known.message, { cause: error });
  }
  if (isFull(error)) {
    const detail = "Cannot store it: the server's disk is full or cannot be written; nothing of it was kept";
    return new Problem("storage-full", detail, { cause: error });
  }
  const short = shortageOf(error);
  if (short !== undefined) {
    return new Problem("busy", `Cannot do it now: the server has ${short}; try again later`, { cause: error });
  }
  return new Problem("internal", "Something unforeseen went wrong; the server's log has it under this requestId", {
    cause: error,
  });
}

/** What the system refuses for the moment, by its codes. */
const SHORTAGES: Readonly<Record<string, string>> = {
  EMFILE: "too many files open",
  ENFILE: "too many files open",
  EAGAIN: "as many processes as it may have",
  ENOMEM: "no memory left",
};

function shortageOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? SHORTAGES[error.code]
    : undefined;
}

/** Codes of the system and of PostgreSQL: no space, no quota, a read-only or failing disk. */
const FULL = new Set(["ENOSPC", "EDQUOT", "EROFS", "EACCES", "EIO", "53100", "58030"]);

/** Reports whether an error, or what caused it, is that nothing can be written. */
function isFull(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && FULL.has(cause.code)) return true;
  }
  return false;
}

/** The reply for a problem. */
export function problemResponse({ code, message, path, headers, status }: Problem, requestId: string): Response {
  const body: ProblemBody = {
    type: `urn:sulcus:problem:${code}`,
    title: titleOf(code),
    status,
    detail: message,
    code,
    ...(path !== undefined && { path }),
    requestId,
  };
  const retry = RETRY_AFTER[code];
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/problem+json",
      ...(retry && { "retry-after": retry }),
      ...(code === "login-required" && { "www-authenticate": 'Bearer realm="sulcus"' }),
      ...headers,
    },
  });
}
