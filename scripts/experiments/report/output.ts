/** An experiment's record as CSV, and the page about all experiments. Pure functions. */
import type { Machine } from "../runs/runs.ts";
import type { ExperimentRecord, Metric, Row } from "../types.ts";
import { pairedSection } from "./paired.ts";
import { reachedSection } from "./reached.ts";
import { groupsOf, meanSd, type Spread, spreadOf, valuesOf } from "./spread.ts";

export interface Comparison {
  /** Differences from the baseline at the same place with the same seed. */
  readonly difference: Spread | null;
  readonly better: number;
  readonly worse: number;
}

/** A group against the baseline at its place, seed by seed; seeds where one has no value are left out. */
export function compare(group: readonly Row[], metric: Metric, record: Pick<ExperimentRecord, "rows" | "baseline">) {
  const differences = group.flatMap((row) => {
    const base = record.rows.find((r) => r.variant === record.baseline && r.at === row.at && r.seed === row.seed);
    const [own, other] = [row.values[metric.key], base?.values[metric.key]];
    return typeof own === "number" && typeof other === "number" ? [own - other] : [];
  });
  const gain = metric.better === "higher" ? 1 : -1;
  return {
    difference: spreadOf(differences),
    better: differences.filter((d) => gain * d > 0).length,
    worse: differences.filter((d) => gain * d < 0).length,
  } satisfies Comparison;
}

/** One line a row: variant, place, seed, every number, seconds. */
export function toCsv({ rows }: Pick<ExperimentRecord, "rows">): string {
  const keys = [...new Set(rows.flatMap((r) => Object.keys(r.values)))];
  const lines = rows.map((r) => [r.variant, r.at, r.seed, ...keys.map((k) => r.values[k] ?? null), r.seconds]);
  return [["variant", "at", "seed", ...keys, "seconds"], ...lines].map((line) => line.map(field).join(",") + "\n").join(
    "",
  );
}

function field(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The page about all experiments, made of their records. */
export function toMarkdown(records: readonly ExperimentRecord[]): string {
  const intro = `# Experiments

Written by \`deno task experiment\` from the JSON files in this folder; numbers are mean ± standard deviation over seeds.
Differences are taken seed by seed; the counts in parentheses are the seeds with which a variant is better. Seeds are few:
a difference below its standard deviation is no finding. Where patients are scored, differences are also taken patient by
patient, with the 95 % bootstrap interval of their mean (10,000 draws of patients); one that holds 0 is no finding, and one
over fewer than ten patients is too narrow.
`;
  return [intro, ...records.map(section)].join("\n");
}

function section(record: ExperimentRecord): string {
  const { name, title, notes, metrics, machines, seconds, preparations, command } = record;
  const compared = metrics.filter((m) => m.better !== "neither");
  return `## ${title}

${notes.map((n) => `- ${n}`).join("\n")}

${progressOf(record)}${busyOf(record)}

${table(record)}

${compared.map((m) => verdict(record, m)).join("\n")}
${[pairedSection(record), reachedSection(record)].map((part) => part === "" ? "" : `\n${part}`).join("")}
![${title}](${name}.svg)

${command === undefined ? "From a plan that is no longer part of the program" : `\`${command}\``}: runs of ${
    Math.round(seconds / 60)
  } minutes in total${preparations.length > 0 ? ", pre-training included" : ""}, on ${
    machines.map(machineText).join(" and ")
  }.
Every number: [${name}.json](${name}.json), [${name}.csv](${name}.csv).
`;
}

function machineText({ cpu, cores, provider, threads }: Machine): string {
  return `${cores} cores of ${cpu} (${provider}, ${threads} ${threads === 1 ? "thread" : "threads"} a run)`;
}

/** A machine is busy with other work where more threads compute than these and half of its cores. */
const OTHER_WORK = 0.5;

/** Times of a run beside other work say little: such a record says so. */
function busyOf({ load = 0, machines }: ExperimentRecord): string {
  const { cores, threads } = machines[0] ?? { cores: Infinity, threads: 0 };
  if (load <= Math.max(cores, threads) + OTHER_WORK * cores) return "";
  return ` **Measured beside other work**: up to ${
    load.toFixed(1)
  } computing threads on ${cores} cores, so no time here ` +
    "says how long anything takes, and an equal time is not an equal share of the machine.";
}

function progressOf({ rows, planned }: ExperimentRecord): string {
  const seeds = [...new Set(rows.map((r) => r.seed))];
  const held = `${seeds.length === 1 ? "Seed" : "Seeds"} ${seeds.join(", ")}.`;
  return rows.length === planned ? held : `**Not complete**: ${rows.length} of ${planned} results. ${held}`;
}

function table(record: ExperimentRecord): string {
  const { metrics, chart, baseline, rows } = record;
  const hasPlace = rows.some((r) => r.at !== "");
  const against = `against ${baseline}`;
  const head = [
    ...(hasPlace ? [chart.kind === "lines" ? chart.xName : "held out"] : []),
    "variant",
    "seeds",
    ...metrics.flatMap((m) => m.better === "neither" ? [m.name] : [m.name, against]),
  ];
  const lines = groupsOf(rows).map(({ at, variant, rows }) => [
    ...(hasPlace ? [at] : []),
    variant,
    String(rows.length),
    ...metrics.flatMap((m) => [
      meanSd(spreadOf(valuesOf(rows, m)), m.digits),
      ...(m.better === "neither" ? [] : [variant === baseline ? "" : difference(compare(rows, m, record), m)]),
    ]),
  ]);
  return [head, head.map(() => "---"), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

/** `+0.012 ± 0.004 (2/3)`: the difference, and with how many seeds it is one for the better. */
export function difference({ difference, better }: Comparison, { digits }: Metric): string {
  return difference === null ? "–" : `${meanSd(difference, digits, { sign: true })} (${better}/${difference.n})`;
}

/** The outcome for a metric in words that follow from the numbers. */
function verdict(record: ExperimentRecord, metric: Metric): string {
  const lists = { better: [] as string[], worse: [] as string[], mixed: [] as string[] };
  for (const { at, variant, rows } of groupsOf(record.rows)) {
    if (variant === record.baseline) continue;
    const { difference, better, worse } = compare(rows, metric, record);
    if (difference === null) continue;
    const list = better === difference.n ? "better" : worse === difference.n ? "worse" : "mixed";
    lists[list].push(at === "" ? variant : `${variant} (${at})`);
  }
  const parts = [
    ["better with every seed", lists.better],
    ["worse with every seed", lists.worse],
    ["neither", lists.mixed],
  ] as const;
  const outcomes = parts.filter(([, names]) => names.length > 0).map(([how, names]) => `${how}: ${names.join(", ")}`);
  return `- ${metric.name} against ${record.baseline}: ${
    outcomes.length > 0 ? outcomes.join("; ") : "nothing to compare yet"
  }.`;
}
