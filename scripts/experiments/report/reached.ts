/** The time after which a curve reaches a share of its last score. Pure functions. */
import type { ExperimentRecord } from "../types.ts";
import { groupsOf, spreadOf, valuesOf } from "./spread.ts";

export const SHARES = [0.9, 0.95, 0.99] as const;

/** A score after a time. */
export interface Point {
  readonly time: number;
  readonly score: number;
}

/** The first time from which on the line through the points is at least `share` of the last score; null without points. */
export function timeToReach(points: readonly Point[], share: number): number | null {
  const sorted = [...points].sort((a, b) => a.time - b.time), last = sorted.at(-1);
  if (last === undefined) return null;
  const wanted = share * last.score;
  let i = sorted.length - 1;
  while (i > 0 && sorted[i - 1].score >= wanted) i--;
  if (i === 0) return sorted[0].time;
  const [a, b] = [sorted[i - 1], sorted[i]];
  return a.time + (wanted - a.score) / (b.score - a.score) * (b.time - a.time);
}

/** The table of a record whose axis is time; "" of another. */
export function reachedSection({ chart, rows, metrics: [metric] }: ExperimentRecord): string {
  if (chart.kind !== "lines" || chart.axis !== "seconds") return "";
  const unit = chart.xName;
  const head = [
    "variant",
    `${metric.name} at the end`,
    ...SHARES.map((s) => `${unit} to ${Math.round(100 * s)} % of it`),
  ];
  const groups = groupsOf(rows);
  const lines = [...new Set(groups.map((g) => g.variant))].map((variant) => {
    const points = groups.filter((g) => g.variant === variant).flatMap(({ at, rows }) => {
      const spread = spreadOf(valuesOf(rows, metric));
      // a training that could not be planned into its budget counts with the time it took
      const taken = unit === "seconds" ? spreadOf(valuesOf(rows, { key: "trainSeconds" })) : null;
      return spread === null ? [] : [{ time: taken?.mean ?? Number(at), score: spread.mean }];
    });
    const end = points.reduce<Point | null>((a, p) => a === null || p.time > a.time ? p : a, null);
    return [
      variant,
      end?.score.toFixed(metric.digits) ?? "–",
      ...SHARES.map((s) => timeToReach(points, s)?.toFixed(0) ?? "–"),
    ];
  });
  const table = [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("");
  return `${table}\nEvery point is a training of its own that was planned for that time; a time between two points is read off ` +
    "the line through them.\n";
}
