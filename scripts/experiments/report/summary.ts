/** The answer of `docs/pretraining.md` to "does pre-training help?", made of the experiments' records. Pure functions. */
import { replaceRegion } from "../../docs/region.ts";
import { compare, type Comparison, difference } from "./output.ts";
import { groupsOf, meanSd, spreadOf, valuesOf } from "./spread.ts";
import type { ExperimentRecord } from "../types.ts";

/** The page with the answer, from the repository's root. */
export const SUMMARY_PAGE = "docs/pretraining.md";

/** `page` with a new answer in its region. @throws {SyntaxError} it has no such region */
export function withSummary(page: string, records: readonly ExperimentRecord[]): string {
  return replaceRegion(page, "experiments", toSummary(records).trimEnd());
}

interface Line {
  readonly cells: readonly string[];
  readonly comparison: Comparison;
}

/** A table of each experiment's first metric, and in how many lines pre-training helps. */
export function toSummary(records: readonly ExperimentRecord[]): string {
  const lines = records.flatMap(linesOf);
  if (lines.length === 0) return "No experiment has been run yet.\n";
  const head = ["experiment", "what is pre-trained", "measure", "from scratch", "pre-trained", "difference"];
  const table = [head, head.map(() => "---"), ...lines.map((l) => l.cells)].map((cells) =>
    `| ${cells.join(" | ")} |\n`
  );
  const count = (fits: (c: Comparison) => boolean) => lines.filter(({ comparison }) => fits(comparison)).length;
  const better = count((c) => c.better === c.difference?.n), worse = count((c) => c.worse === c.difference?.n);
  const partial = records.filter((r) => r.rows.length < r.planned).map((r) => r.title);
  return `${table.join("")}
Mean ± standard deviation over seeds; in parentheses, with how many of the seeds pre-training is better. Of ${lines.length}
lines it is better with every seed in ${better}, worse with every seed in ${worse}, neither in ${
    lines.length - better - worse
  }.${partial.length > 0 ? `\nNot complete: ${partial.join(", ")}.` : ""}
`;
}

/** Names of variants that start from a pre-training, or from some parts of one. */
const PRETRAINED = /^(\+|pre-?trained|cmr|auto\+base=use)/;

/** Every pre-trained variant; on an axis, at its two ends. */
function linesOf(record: ExperimentRecord): Line[] {
  const { rows, metrics: [metric], baseline, chart, title } = record;
  const places = [...new Set(rows.map((r) => r.at))];
  const shown = chart.kind === "lines" ? [places[0], places.at(-1)] : places;
  const groups = groupsOf(rows).filter(({ at }) => shown.includes(at));
  return groups.filter(({ variant }) => variant !== baseline && PRETRAINED.test(variant)).flatMap(
    ({ at, variant, rows }) => {
      const base = groups.find((g) => g.at === at && g.variant === baseline);
      const comparison = compare(rows, metric, record);
      if (base === undefined || comparison.difference === null) return [];
      const unit = chart.kind === "lines" && !chart.xName.endsWith("%") ? chart.xName : "% labelled";
      const place = at === "" ? "" : chart.kind === "lines" ? `, ${at} ${unit}` : `, test ${at}`;
      const spread = (rows: typeof base.rows) => meanSd(spreadOf(valuesOf(rows, metric)), metric.digits);
      const cells = [
        title + place,
        variant,
        metric.name,
        spread(base.rows),
        spread(rows),
        difference(comparison, metric),
      ];
      return [{ cells, comparison }];
    },
  );
}
