import assert from "node:assert/strict";
import { stepsWithin } from "./finetuning.ts";

Deno.test("stepsWithin() leaves out a probe's first updates and pays for what is no update", () => {
  // 2 s before and after; the first update takes 1.5 s, the others 0.5 s
  const stepTimesMs = Array.from({ length: 14 }, (_, i) => 2500 + 500 * i);
  assert.equal(stepsWithin(60, { totalMs: 1000 + 14 * 500 + 2000, stepTimesMs }), 114);
  assert.equal(stepsWithin(1, { totalMs: 10_000, stepTimesMs }), 1, "at least one");
});
