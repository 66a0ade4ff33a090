/** Failures that no statement is to blame for: the database is away, stops, or broke down. */
import { DomainError } from "../errors.ts";

/** SQLSTATE: connection failures, shutdowns, too many connections, a standby, a login or database that is refused. */
const AWAY = /^(08\d{3}|57P0[1-5]|53300|25006|28\w{3}|3D000)$/;
const AWAY_IN_THE_NETWORK = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
]);
/** `pg` reports a lost connection without a code. */
const AWAY_IN_WORDS =
  /connection (terminated|error|ended)|terminated unexpectedly|timeout exceeded|not queryable|after calling end/i;

/** A failed statement's error as the rooms above shall see it: `database-unavailable`, or itself. */
export function ofServer(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DomainError) return error;
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const isAway = AWAY.test(code) || AWAY_IN_THE_NETWORK.has(code) || (code === "" && AWAY_IN_WORDS.test(error.message));
  return isAway ? unavailable(error) : error;
}

/** The same for the embedded database: it has broken down where its error is none of a statement. */
export function ofEmbedded(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DomainError) return error;
  const isOfStatement = "code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code);
  const isBroken = error instanceof WebAssembly.RuntimeError || /PGlite is (closed|closing)/.test(error.message);
  return isBroken && !isOfStatement ? unavailable(error) : error;
}

function unavailable(cause: Error): DomainError {
  return new DomainError("database-unavailable", "Cannot answer now: the database is away", { cause });
}
