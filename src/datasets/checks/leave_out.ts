/** The cases that a training leaves out: excluded ones, those that a request names, and those whose checks failed. */
import { DomainError } from "../../storage/mod.ts";
import type { LeftOut } from "../../train/mod.ts";
import type { CaseCheck, Skip } from "../types.ts";
import { checkCases, type CheckedCase, type CheckedSpec } from "./checks.ts";

export interface Kept<Case> {
  readonly cases: readonly Case[];
  readonly leftOut: readonly LeftOut[];
  /** Of the cases that are left. */
  readonly checks: readonly CaseCheck[];
}

/**
 * Divides cases into those to train on and those left out, each with its reason.
 * @throws {DomainError} `invalid-request` the request names a case that there is not
 */
export function leaveOut<Case extends CheckedCase>(
  all: readonly Case[],
  spec: CheckedSpec,
  skip: Skip = [],
): Kept<Case> {
  const leftOut = new Map<string, string>();
  for (const { id, excluded } of all) if (excluded !== undefined) leftOut.set(id, excluded);
  if (skip !== "errors") {
    const known = new Set(all.map(({ id }) => id));
    for (const name of skip) {
      if (!known.has(name.normalize("NFC")) && !known.has(name)) {
        throw new DomainError("invalid-request", "Cannot leave out a case: the data set has no case of that name");
      }
      leftOut.set(known.has(name) ? name : name.normalize("NFC"), "the request leaves it out");
    }
  }
  const rest = () => all.filter(({ id }) => !leftOut.has(id));
  const faults = checkCases(rest(), spec);
  if (skip === "errors") {
    for (const { case: id, severity, code, detail } of faults) {
      // Empty label maps are an error only where every case has one: leaving all of them out would leave nothing.
      if (severity !== "error" || code === "label-empty") continue;
      leftOut.set(id, [leftOut.get(id), detail].filter((text) => text !== undefined).join("; "));
    }
  }
  const cases = rest();
  return {
    cases,
    leftOut: [...leftOut].map(([id, reason]) => ({ case: id, reason })),
    checks: skip === "errors" ? checkCases(cases, spec) : faults,
  };
}
