import assert from "node:assert/strict";
import { DICE, recordOf } from "../testing/fixtures.ts";
import type { Row } from "../types.ts";
import { pairedOf, pairedSection } from "./paired.ts";

const row = (variant: string, seed: number, dice: readonly (number | null)[]): Row => ({
  variant,
  at: "",
  seed,
  values: {},
  patients: dice.map((value, i) => ({ id: `p${i}`, values: { dice: value } })),
  seconds: 1,
  details: {},
});
const RECORD = recordOf([], {
  rows: [
    row("scratch", 0, [0.5, 0.5, 0.5, null]),
    row("ours", 0, [0.6, 0.7, 0.4, 0.9]),
    row("scratch", 1, [0.5, 0.5, 0.5, 0.5]),
    row("ours", 1, [0.7, 0.7, 0.6, 0.6]),
  ],
});

Deno.test("pairedOf() compares patients that both scored, each seed alone and each patient's mean over seeds", () => {
  const [first, second, all] = pairedOf(RECORD, DICE);
  const near = (actual: number, expected: number) => assert.ok(Math.abs(actual - expected) < 1e-12, `${actual}`);
  assert.deepEqual([first.seed, first.pairs, first.better, first.worse], [0, 3, 2, 1]);
  near(first.mean, 0.2 / 3);
  near(first.least, -0.1);
  assert.deepEqual([second.seed, second.pairs], [1, 4]);
  assert.deepEqual([all.seed, all.pairs, all.better], [null, 4, 3]);
  near(all.mean, (0.15 + 0.2 + 0 + 0.1) / 4);
  assert.ok(all.low <= all.mean && all.mean <= all.high);
});

Deno.test("pairedSection() prints a line a seed and one for all; nothing without patients", () => {
  const section = pairedSection(RECORD);
  assert.match(section, /\| ours \| 0 \| \+0\.067 \| −0\.100 … \+0\.200 \| 3 \| 2, 1 \| −0\.100 … \+0\.200 \|/);
  assert.match(section, /\| ours \| all \| \+0\.11[23] \|/);
  assert.equal(pairedSection(recordOf([["scratch", "", 0, 0.5, 1], ["ours", "", 0, 0.5, 1]])), "");
});
