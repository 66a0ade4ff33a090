import assert from "node:assert/strict";
import { Counter, Histogram, renderGauge } from "./metrics.ts";

Deno.test("Counter adds up per set of labels and escapes their values", () => {
  const counter = new Counter("hits", "How often.");
  counter.add({ route: "/a" });
  counter.add({ route: "/a" }, 2);
  counter.add({ route: 'b"\n\\' });
  assert.equal(
    counter.render(),
    '# HELP hits How often.\n# TYPE hits counter\nhits{route="/a"} 3\nhits{route="b\\"\\n\\\\"} 1\n',
  );
});

Deno.test("Histogram counts cumulatively, bounds included, and the rest in +Inf", () => {
  const histogram = new Histogram("seconds", "How long.", [0.1, 1]);
  for (const value of [0.05, 0.1, 0.5, 7]) histogram.observe(value, { route: "/a" });
  assert.deepEqual(histogram.render().split("\n").slice(2, -1), [
    'seconds_bucket{route="/a",le="0.1"} 2',
    'seconds_bucket{route="/a",le="1"} 3',
    'seconds_bucket{route="/a",le="+Inf"} 4',
    'seconds_sum{route="/a"} 7.65',
    'seconds_count{route="/a"} 4',
  ]);
});

Deno.test("renderGauge() writes values without labels bare", () => {
  assert.equal(renderGauge("up", "Always.", [[{}, 1]]), "# HELP up Always.\n# TYPE up gauge\nup 1\n");
});
