import assert from "node:assert/strict";
import { settledReasons } from "./settled.ts";

const EDGE = {
  batchSize: 1,
  batch: "accumulated",
  batchNorm: "batch",
  norm: "batch",
  percentilesOver: "foreground",
} as const;
const OURS = {}, OWN = { normalisation: [] };

Deno.test("settledReasons() gives crops an update, intensities and statistics with a reason each", () => {
  assert.deepEqual(settledReasons(EDGE, OURS).map((reason) => reason.split(/[:.]/)[0]), [
    "Batch",
    "Intensities",
    "Normalisation",
  ]);
});

Deno.test("settledReasons() says what the recipe has, not what the preset would have", () => {
  const cases = [
    [
      {},
      OURS,
      /^Batch: 1 crop an update\. .*\n.* percentiles of the foreground.*\n.* statistics of each crop, and running/,
    ],
    [{ batchSize: 8, batch: "joint" }, OURS, /^Batch: 8 crops an update at once: .*\n.*\n.* of each update's crops, /],
    [{ batchSize: 3 }, OURS, /^Batch: 3 crops an update, one after the other/],
    [{ percentilesOver: "volume" }, OURS, /\nIntensities: scaled by percentiles of whole files/],
    [{ percentilesOver: "volume" }, OWN, /\nIntensities: normalised as the base states/],
    [{ batchNorm: "frozen" }, OURS, /\nNormalisation: BatchNormalizations keep the base's statistics/],
    [{ norm: "instance" }, OURS, /\nNormalisation: by instance/],
    [{ norm: "re-estimated" }, OURS, /\nNormalisation: .* computed anew at the end/],
  ] as const;
  for (const [changes, base, expected] of cases) {
    assert.match(settledReasons({ ...EDGE, ...changes }, base).join("\n"), expected);
  }
});
