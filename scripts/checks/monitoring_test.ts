/** The alert rules and the dashboard: they name only metrics that exist, and Prometheus accepts the rules. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { runs } from "../../src/process/testing/programs.ts";
import { metrics } from "../docs/parts/metrics_table.ts";

const folder = new URL("../../docs/operations/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");

/** Names of metrics in a text of expressions, without the ends that histograms have. */
function named(text: string, known: ReadonlySet<string>): string[] {
  const names = text.match(/\b(?:sulcus|process)_[a-z_]+/g) ?? [];
  return names.map((name) => known.has(name) ? name : name.replace(/_(bucket|sum|count)$/, ""));
}

function expressions(): string[] {
  const alerts = [...read("alerts.yaml").matchAll(/^\s+expr: (.*)$/gm)].map(([, expr]) => expr);
  const { panels } = JSON.parse(read("dashboard.json")) as { panels: { targets: { expr: string }[] }[] };
  return [...alerts, ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr))];
}

Deno.test("alert rules and dashboard name only metrics that exist", () => {
  const known = new Set(metrics().map(({ name }) => name));
  const used = expressions().flatMap((text) => named(text, known));
  assert.ok(used.length >= 20, `found ${used}`);
  assert.deepEqual(used.filter((name) => !known.has(name)), []);
  assert.deepEqual(named("rate(sulcus_gone_bucket[5m])", known), ["sulcus_gone"]);
});

const promtool = await runs("promtool", "--version");

Deno.test("Prometheus shows a token, without which a service with logins gives no metrics", () => {
  assert.match(read("prometheus.yaml"), /^ {4}authorization:\n {6}credentials_file: \S+$/m);
  assert.doesNotMatch(
    readFileSync(new URL("../../deploy/kubernetes/sulcus.yaml", import.meta.url), "utf8"),
    /prometheus\.io\/scrape/, // which would scrape without one
  );
});

Deno.test({
  name: "promtool accepts the alert rules and the configuration" + (promtool ? "" : ", skipped: there is no promtool"),
  ignore: !promtool,
  async fn() {
    for (const args of [["check", "rules", "alerts.yaml"], ["check", "config", "--syntax-only", "prometheus.yaml"]]) {
      const run = new Deno.Command("promtool", { args, cwd: folder, stdout: "piped", stderr: "piped" });
      const { success, stdout, stderr } = await run.output();
      assert.ok(success, new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr));
    }
  },
});
