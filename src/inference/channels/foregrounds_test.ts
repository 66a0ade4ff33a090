import assert from "node:assert/strict";
import { boxOf, filledMask, FOREGROUND_RULES } from "./foregrounds.ts";

const SIZE = [7, 6, 8] as const;
const noise = Float32Array.from({ length: 7 * 6 * 8 }, (_, v) => {
  const [x, y, z] = [Math.floor(v / 48), Math.floor(v / 8) % 6, v % 8];
  return Number((x * 7919 + y * 104729 + z * 1299709) % 1009 % 10 >= 3);
});

/** The voxels that scipy 1.18's binary_fill_holes adds. */
const HOLES = [
  ...[59, 62, 68, 73, 77, 82, 86, 106, 109, 115, 118, 124, 129, 133, 153, 156],
  ...[162, 165, 171, 174, 203, 212, 221, 230, 250, 253, 259, 262, 268, 273, 277],
];

Deno.test("filledMask() fills the holes that scipy's binary_fill_holes fills", () => {
  const mask = filledMask([noise], SIZE);
  assert.deepEqual([...mask.keys()].filter((v) => mask[v] === 1 && noise[v] === 0), HOLES);
  assert.ok(noise.every((value, v) => value === 0 || mask[v] === 1));
});

Deno.test("filledMask() joins the channels before it fills", () => {
  const even = noise.map((value, v) => v % 2 === 0 ? value : 0),
    odd = noise.map((value, v) => v % 2 === 1 ? -value : 0);
  assert.deepEqual(filledMask([even, odd], SIZE), filledMask([noise], SIZE));
});

Deno.test("boxOf() finds the box of what a rule keeps", () => {
  const data = new Float32Array(7 * 6 * 8);
  data[(2 * 6 + 3) * 8 + 4] = -1;
  data[(5 * 6 + 1) * 8 + 6] = 2;
  const of = (rule: "nonzero" | "positive") => boxOf(data, SIZE, FOREGROUND_RULES[rule].keeps!);
  assert.deepEqual(of("nonzero"), { start: [2, 1, 4], end: [6, 4, 7] });
  assert.deepEqual(of("positive"), { start: [5, 1, 6], end: [6, 2, 7] });
  assert.equal(boxOf(data.fill(-3), SIZE, FOREGROUND_RULES.positive.keeps!), null);
});
