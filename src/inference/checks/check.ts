/** The form of a check, and the words that all of them share. */
import type { Triple } from "../../volume/mod.ts";
import type { Warning } from "../types.ts";

/**
 * `refused`: nothing sensible can follow; `loud`: the result is probably wrong; `noted`: a fact that a reader of the
 * result should know.
 */
export type Weight = "refused" | "loud" | "noted";

/** What the lists of codes (documents, OpenAPI) show of a check. */
export interface WarningRecord {
  /** When it is reported, for readers of the API. */
  readonly when: string;
  readonly weight: Weight;
}

/** A check of facts: the details of what it found, none where all is well. */
export interface Check<Facts> extends WarningRecord {
  readonly find: (facts: Facts) => readonly string[];
}

/** The warnings of a table of checks, but for those that refuse. */
export function warningsOf<Facts>(checks: Readonly<Record<string, Check<Facts>>>, facts: Facts): Warning[] {
  return Object.entries(checks).flatMap(([code, { weight, find }]) =>
    weight === "refused" ? [] : find(facts).map((detail) => ({ code, detail }))
  );
}

/** The first refusal of a table of checks, or null. */
export function refusalOf<Facts>(checks: Readonly<Record<string, Check<Facts>>>, facts: Facts): Warning | null {
  for (const [code, { weight, find }] of Object.entries(checks)) {
    const [detail] = weight === "refused" ? find(facts) : [];
    if (detail !== undefined) return { code, detail };
  }
  return null;
}

/** A number with three digits that count, or all of its whole digits. */
export function figure(value: number): string {
  const size = Math.abs(value);
  if (size >= 1e9 || (size < 1e-3 && size > 0)) return value.toExponential(2);
  return String(size >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** Three lengths: `240 × 240 × 155`. */
export function triple(values: Triple): string {
  return values.map(figure).join(" × ");
}
