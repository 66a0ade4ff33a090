/** Names of cases as the audit trail keeps them: a name may be a patient's, and the trail outlives the case. */
import { createHash } from "node:crypto";

/**
 * The name under which a case stands in the trail. It cannot be turned back into the name; an auditor who knows data set
 * and name computes it again.
 * @example caseId("0b6…", "sub-01") // "0b6…/3f9a…"
 */
export function caseId(dataset: string, name: string): string {
  return `${dataset}/${createHash("sha256").update(`${dataset}/${name}`).digest("hex").slice(0, 32)}`;
}
