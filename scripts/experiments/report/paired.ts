/** Differences of a record patient by patient, with bootstrap intervals. Pure functions. */
import { pairedBootstrap, type PairedInterval } from "../../../src/metrics/mod.ts";
import type { ExperimentRecord, Metric, Row } from "../types.ts";
import { groupsOf, signed } from "./spread.ts";

/** A variant against the baseline at one place. */
export interface Paired extends PairedInterval {
  readonly variant: string;
  readonly at: string;
  /** One seed, or null: the mean of each patient's differences over all seeds. */
  readonly seed: number | null;
  /** The least of the patients' differences. */
  readonly least: number;
  readonly greatest: number;
}

/** Differences by patient, of the patients that both rows scored and that have the metric in both. */
function differences(row: Row, base: Row | undefined, key: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const { id, values } of row.patients ?? []) {
    const own = values[key], other = base?.patients?.find((p) => p.id === id)?.values[key];
    if (typeof own === "number" && typeof other === "number") found.set(id, own - other);
  }
  return found;
}

/** Every variant but the baseline, at every place: each seed alone, and all together where there are several. */
export function pairedOf(record: ExperimentRecord, { key }: Pick<Metric, "key">): Paired[] {
  const { rows, baseline } = record;
  return groupsOf(rows).filter(({ variant }) => variant !== baseline).flatMap(({ at, variant, rows: own }) => {
    const seeds = own.map((row) => {
      const base = rows.find((r) => r.variant === baseline && r.at === at && r.seed === row.seed);
      return { seed: row.seed as number | null, found: differences(row, base, key) };
    });
    const pooled = new Map<string, number>();
    for (const id of new Set(seeds.flatMap(({ found }) => [...found.keys()]))) {
      const all = seeds.flatMap(({ found }) => found.get(id) ?? []);
      pooled.set(id, all.reduce((a, b) => a + b, 0) / all.length);
    }
    return [...seeds, ...(seeds.length > 1 ? [{ seed: null, found: pooled }] : [])].flatMap(({ seed, found }) => {
      const values = [...found.values()];
      if (values.length < 2) return [];
      const interval = pairedBootstrap(values, values.map(() => 0));
      return [{ variant, at, seed, ...interval, least: Math.min(...values), greatest: Math.max(...values) }];
    });
  });
}

/** The table of the first metric; "" without patients. */
export function pairedSection(record: ExperimentRecord): string {
  const { metrics: [metric], baseline, chart } = record, { digits } = metric;
  const paired = pairedOf(record, metric);
  if (paired.length === 0) return "";
  const hasPlace = paired.some((p) => p.at !== "");
  const place = chart.kind === "lines" ? chart.xName : "held out";
  const head = [
    ...(hasPlace ? [place] : []),
    "variant",
    "seed",
    `${metric.name} against ${baseline}, patient by patient`,
    "95 % interval",
    "patients",
    "better, worse",
    "from … to",
  ];
  const plus = (v: number) => signed(v.toFixed(digits), true);
  const lines = paired.map(({ variant, at, seed, mean, low, high, pairs, better, worse, least, greatest }) => [
    ...(hasPlace ? [at] : []),
    variant,
    seed === null ? "all" : String(seed),
    plus(mean),
    `${plus(low)} … ${plus(high)}`,
    String(pairs),
    `${better}, ${worse}`,
    `${plus(least)} … ${plus(greatest)}`,
  ]);
  return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |\n`).join("");
}
