/** Refusals of a case's file, with its place: cases by number, because their names may be those of patients. */
import { DomainError } from "../../storage/mod.ts";
import type { Role } from "../types.ts";

/** Adds the role of the file. */
export function ofRole(error: unknown, role: Role): never {
  if (!(error instanceof DomainError)) throw error;
  throw new DomainError(error.code, `${role}: ${error.message}`, { cause: error });
}

/** Adds the number of the case. */
export function ofCase(error: DomainError, { index, of }: { index: number; of: number }): DomainError {
  return new DomainError(error.code, `Case ${index + 1} of ${of}, ${error.message}. Mend the case, or leave it out`, {
    cause: error,
  });
}
