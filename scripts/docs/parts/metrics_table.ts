/** The table of all metrics, for docs/operations.md. */
import { GAUGES } from "../../../src/server/observe/gauges.ts";
import { Counter, ServerMetrics } from "../../../src/server/observe/metrics.ts";
import { table } from "../region.ts";

/** Every metric, as `/metrics` names it: a histogram has `_bucket`, `_sum` and `_count` after its name. */
export function metrics(): { readonly name: string; readonly kind: string; readonly help: string }[] {
  const counted = new ServerMetrics().families.map((family) => ({
    name: family.name,
    kind: family instanceof Counter ? "counter" : "histogram",
    help: family.help,
  }));
  return [...counted, ...GAUGES.map(({ name, help }) => ({ name, kind: "gauge", help }))];
}

export function metricsTable(): string {
  return table(["metric", "kind", "meaning"], metrics().map(({ name, kind, help }) => [`\`${name}\``, kind, help]));
}
