import assert from "node:assert/strict";
import type { QualityResult } from "./quality.ts";
import { qualityRow } from "./quality.ts";

const answer = (name: string, damage: string, dice: number, score: number, warnings: string[] = []) => ({
  case: name,
  damage,
  dice,
  quality: { score, passes: 1, perLabel: [], reasons: [], expectedDice: dice + 0.1, interval: [0, 0.7] as const },
  warnings,
  volumesMl: [1],
});

Deno.test("qualityRow() correlates scores with the Dice, and counts warnings of ordinary and of harmed images", () => {
  const result: QualityResult = {
    provider: "cpu",
    cost: { trainSeconds: 1, updates: 2, peakBytes: 3e9 },
    answers: [
      answer("a", "none", 0.8, 0.9),
      answer("a", "noise 50 %", 0.4, 0.5, ["noise-unlike-training"]),
      answer("a", "inverted", 0.2, 0.3, ["modality-mismatch"]),
      answer("b", "none", 0.6, 0.7, ["contrast-unlike-training"]),
      answer("b", "noise 10 %", 0.55, 0.65, ["noise-unlike-training"]),
    ],
  };
  const { values } = qualityRow([result]);
  assert.ok(Math.abs(values.correlation! - 1) < 1e-9);
  assert.ok(Math.abs(values.expectedError! - 0.1) < 1e-9);
  assert.deepEqual([values.inInterval, values.warnedOrdinary, values.warnedHarmed], [0.8, 0.5, 0.5]);
  assert.ok(Math.abs(values.dice! - 0.7) < 1e-9);
  const unsure = qualityRow([{ ...result, answers: [answer("a", "none", 0.8, 0.9)] }]).values;
  assert.deepEqual([unsure.correlation, unsure.warnedHarmed], [null, null], "nothing to correlate, nothing harmed");
});
