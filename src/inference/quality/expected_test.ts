import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import { expectedDice, fitDice, type HeldOut } from "./expected.ts";

const at = (score: number, patients: readonly HeldOut[], isUnlike = false) =>
  expectedDice(score, fitDice(patients)!, { isUnlike });

Deno.test("fitDice() fits nothing to fewer than five patients", () => {
  assert.equal(fitDice(Array.from({ length: 4 }, () => ({ score: 0.9, dice: 0.8 }))), null);
});

Deno.test("fitDice() with ordinary patients alone expects less of lower scores than any of them had", () => {
  const patients = [0.9, 0.91, 0.92, 0.9, 0.93, 0.91].map((score, i) => ({ score, dice: 0.8 + 0.01 * (i % 3) }));
  const { expectedDice: ordinary, interval: [low, high] } = at(0.91, patients);
  assert.ok(ordinary > 0.78 && ordinary < 0.86, String(ordinary));
  assert.ok(low < ordinary && ordinary < high && high - low < 0.25, `${low} to ${high}`);
  assert.ok(at(0.5, patients).expectedDice < 0.5);
});

Deno.test("expectedDice() rises with the score, even where the patients' Dice falls with it, and stays within 0 to 1", () => {
  const falling = Array.from({ length: 30 }, (_, i) => ({ score: 0.5 + i / 100, dice: 0.9 - i / 50 }));
  const all = Array.from({ length: 101 }, (_, i) => at(i / 100, falling).expectedDice);
  for (let i = 1; i < all.length; i++) assert.ok(all[i] >= all[i - 1]);
  assert.ok(all[0] >= 0 && all.at(-1)! <= 1);
});

Deno.test("fitDice() of many patients finds the line that they lie on, and the interval holds four in five", () => {
  const random = new Random(3), logit = (p: number) => Math.log(p / (1 - p));
  const patients = Array.from({ length: 400 }, () => {
    const score = 0.3 + 0.65 * random.uniform();
    return { score, dice: 1 / (1 + Math.exp(-(-0.5 + 1.2 * logit(score) + 0.3 * random.normal()))) };
  });
  const fit = fitDice(patients)!;
  assert.ok(Math.abs(fit.intercept + 0.5) < 0.08 && Math.abs(fit.slope - 1.2) < 0.08, JSON.stringify(fit));
  const inside = patients.filter(({ score, dice }) => {
    const [low, high] = expectedDice(score, fit, { isUnlike: false }).interval;
    return low <= dice && dice <= high;
  });
  assert.ok(Math.abs(inside.length / 400 - 0.8) < 0.06, `${inside.length} of 400`);
});

Deno.test("expectedDice() of images unlike the training is the same, and its interval wider, however many patients there were", () => {
  const patients = Array.from({ length: 200 }, (_, i) => ({ score: 0.9, dice: 0.8 + 0.02 * (i % 3) }));
  const usual = at(0.9, patients), unlike = at(0.9, patients, true);
  assert.equal(unlike.expectedDice, usual.expectedDice);
  assert.ok(unlike.interval[0] < 0.62 && unlike.interval[1] > 0.92, unlike.interval.join(" to "));
  assert.ok(usual.interval[1] - usual.interval[0] < 0.2);
});
