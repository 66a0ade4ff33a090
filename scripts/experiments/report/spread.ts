/** Means and standard deviations over rows, and how they are printed. Pure functions. */
import type { Metric, Row } from "../types.ts";

export interface Spread {
  readonly n: number;
  readonly mean: number;
  /** Standard deviation of a sample (n − 1); null for a single value. */
  readonly sd: number | null;
}

/** Mean and standard deviation; null without values. */
export function spreadOf(values: readonly number[]): Spread | null {
  const n = values.length;
  if (n === 0) return null;
  const mean = values.reduce((a, b) => a + b, 0) / n;
  const squares = values.reduce((a, v) => a + (v - mean) ** 2, 0);
  return { n, mean, sd: n > 1 ? Math.sqrt(squares / (n - 1)) : null };
}

/** `0.612 ± 0.012`; a dash without values. */
export function meanSd(spread: Spread | null, digits: number, { sign = false } = {}): string {
  if (spread === null) return "–";
  const mean = signed(spread.mean.toFixed(digits), sign);
  return spread.sd === null ? mean : `${mean} ± ${spread.sd.toFixed(digits)}`;
}

export function signed(text: string, plus: boolean): string {
  if (Number(text) === 0) return text.replace("-", "");
  return text.startsWith("-") ? `−${text.slice(1)}` : plus ? `+${text}` : text;
}

/** The rows' values of a metric; rows without one are left out. */
export function valuesOf(rows: readonly Row[], { key }: Pick<Metric, "key">): number[] {
  return rows.flatMap((r) => r.values[key] ?? []);
}

/** The rows by place and variant, in their first order. */
export function groupsOf(rows: readonly Row[]): { at: string; variant: string; rows: Row[] }[] {
  const places = [...new Set(rows.map((r) => r.at))], variants = [...new Set(rows.map((r) => r.variant))];
  return places.flatMap((at) =>
    variants.map((variant) => ({ at, variant, rows: rows.filter((r) => r.at === at && r.variant === variant) }))
  ).filter((g) => g.rows.length > 0);
}
