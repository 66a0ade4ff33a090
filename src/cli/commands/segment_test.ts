import assert from "node:assert/strict";
import { qualityLines } from "./segment.ts";

const labels = [{ name: "anterior", score: 0.81 }, { name: "posterior", score: null }];

Deno.test("segment prints the score, what it lets expect, and the reasons", () => {
  const lines = qualityLines({
    score: 0.81,
    expectedDice: 0.784,
    interval: [0.71, 0.85],
    passes: 1,
    perLabel: labels,
    reasons: ["No voxel was found for posterior: the score does not count it."],
  });
  assert.deepEqual(lines, [
    "Quality score: 0.81 of 1 (anterior 0.81, posterior none); expected Dice 0.78 (four patients in five: 0.71 to 0.85).",
    "  No voxel was found for posterior: the score does not count it.",
  ]);
});

Deno.test("segment prints that there is no score", () => {
  const [line] = qualityLines({ score: null, passes: 1, perLabel: labels.slice(1), reasons: [] });
  assert.equal(line, "Quality score: none (posterior none).");
});
