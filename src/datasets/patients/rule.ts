/**
 * A user's rule for patients: a regular expression whose one group is the patient in a case's name. Only patterns are taken
 * that cannot run for long, because the rule comes from outside and runs in the server.
 */
import { DomainError } from "../../storage/mod.ts";

const MAX_LENGTH = 100;
/** Each may try every place of a name: three stay below a few million tries for the longest name. */
const MAX_REPEATS = 3;
const MAX_OPTIONAL = 3;
/** Longest time for all names of a data set. */
const MAX_MS = 2000;

/** A pattern without escaped characters and classes, which hold no operators. */
const bare = (rule: string) => rule.replaceAll(/\\[pPu]\{[^}]*\}|\\.|\[(?:\\.|[^\]\\])*\]/gs, "x");

/**
 * Reads a rule; the function that it returns gives a name's patient, or null where the rule does not fit.
 * @throws {DomainError} `invalid-request`
 * @example readPatientRule("^(P\\d+)_")("P14_T3") // "P14"
 */
export function readPatientRule(rule: string): (caseName: string) => string | null {
  const plain = bare(rule);
  const count = (pattern: RegExp) => plain.match(pattern)?.length ?? 0;
  if (rule.length > MAX_LENGTH) throw refuse(`at most ${MAX_LENGTH} characters`, `${rule.length}`);
  if (/\(\?/.test(plain) || /\\[1-9k]/.test(rule)) {
    throw refuse("no look-around, no named group and no reference to a group", "one");
  }
  if (count(/\(/g) !== 1) throw refuse("one group, the patient, as in ^(P[0-9]+)_", `${count(/\(/g)} groups`);
  if (/\)[*+?{]/.test(plain)) throw refuse("a group that is not repeated", "a repeated one");
  const isAnchored = rule.startsWith("^");
  // A search from every place of the name multiplies the tries as one more repeat does.
  const [repeats, optional] = [count(/[*+{]/g) + (isAnchored ? 0 : 1), count(/\?/g)];
  if (repeats > MAX_REPEATS) {
    throw refuse(`at most ${MAX_REPEATS} of *, + and {} (${MAX_REPEATS - 1} without ^ in front)`, "more");
  }
  if (optional > MAX_OPTIONAL) throw refuse(`at most ${MAX_OPTIONAL} of ?`, `${optional}`);
  try {
    new RegExp(rule, "u");
  } catch {
    throw refuse("a regular expression", "something else");
  }
  const pattern = new RegExp(`^${isAnchored ? "" : ".*?"}(?:${rule})`, "us");
  let spent = 0;
  return (caseName) => {
    const start = performance.now();
    const patient = pattern.exec(caseName)?.[1];
    spent += performance.now() - start;
    if (spent > MAX_MS) throw refuse("a rule that is quick to apply", `${Math.round(spent)} ms for the names`);
    return patient || null;
  };
}

function refuse(expected: string, got: string): DomainError {
  return new DomainError("invalid-request", `Cannot use the rule for patients: expected ${expected}, got ${got}`);
}
