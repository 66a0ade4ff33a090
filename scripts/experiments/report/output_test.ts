import assert from "node:assert/strict";
import { DICE, HD95, recordOf } from "../testing/fixtures.ts";
import { compare, toCsv, toMarkdown } from "./output.ts";
import { groupsOf, meanSd, spreadOf } from "./spread.ts";

Deno.test("spreadOf() gives mean and the sample's standard deviation", () => {
  assert.deepEqual(spreadOf([2, 4, 9]), { n: 3, mean: 5, sd: Math.sqrt(13) });
  assert.deepEqual(spreadOf([2]), { n: 1, mean: 2, sd: null });
  assert.equal(spreadOf([]), null);
});

Deno.test("meanSd() prints what there is", () => {
  assert.equal(meanSd(spreadOf([0.1, 0.2, 0.3]), 3), "0.200 ± 0.100");
  assert.equal(meanSd(spreadOf([0.25]), 2), "0.25");
  assert.equal(meanSd(spreadOf([1, 2]), 1, { sign: true }), "+1.5 ± 0.7");
  assert.equal(meanSd(spreadOf([-1, -2]), 1, { sign: true }), "−1.5 ± 0.7");
  assert.equal(meanSd(spreadOf([-0.0001]), 3, { sign: true }), "0.000");
  assert.equal(meanSd(null, 3), "–");
});

const RECORD = recordOf([
  ["scratch", "", 0, 0.5, 10],
  ["+CMR", "", 0, 0.6, 12],
  ["+MD", "", 0, 0.4, null],
  ["scratch", "", 1, 0.5, 10],
  ["+CMR", "", 1, 0.8, 9],
  ["+MD", "", 1, 0.3, 8],
  ["+CMR", "", 2, 0.9, 1],
], { planned: 9 });

Deno.test("compare() takes differences seed by seed, where both have a value", () => {
  const group = (variant: string) => groupsOf(RECORD.rows).find((g) => g.variant === variant)!.rows;
  const dice = compare(group("+CMR"), DICE, RECORD);
  assert.deepEqual([dice.difference!.n, dice.better, dice.worse], [2, 2, 0]);
  assert.ok(Math.abs(dice.difference!.mean - 0.2) < 1e-12);
  const distance = compare(group("+CMR"), HD95, RECORD);
  assert.deepEqual([distance.difference!.mean, distance.better, distance.worse], [0.5, 1, 1]);
  assert.deepEqual(compare(group("+MD"), HD95, RECORD).difference, { n: 1, mean: -2, sd: null });
});

Deno.test("toCsv() writes a line a row, absent numbers empty, commas and quotes quoted", () => {
  const csv = toCsv(recordOf([["scratch", "", 0, 0.5, null], ['a, "b"', "20", 1, 0.25, 3]]));
  assert.equal(csv, 'variant,at,seed,dice,hd95Mm,seconds\nscratch,,0,0.5,,60\n"a, ""b""",20,1,0.25,3,60\n');
});

Deno.test("toMarkdown() has numbers, what is missing, what helped and what did not", () => {
  const page = toMarkdown([RECORD]);
  assert.match(page, /\*\*Not complete\*\*: 7 of 9 results\. Seeds 0, 1, 2\./);
  assert.match(page, /\| scratch \| 2 \| 0\.500 ± 0\.000 \| {2}\| 10\.0 ± 0\.0 \| {2}\|/);
  assert.match(page, /\| \+CMR \| 3 \| 0\.767 ± 0\.153 \| \+0\.200 ± 0\.141 \(2\/2\) \|/);
  assert.match(page, /- Dice against scratch: better with every seed: \+CMR; worse with every seed: \+MD\./);
  assert.match(page, /- HD95, mm against scratch: better with every seed: \+MD; neither: \+CMR\./);
  const one = toMarkdown([recordOf([["scratch", "20", 3, 0.5, 1]], { chart: { kind: "lines", xName: "labels, %" } })]);
  assert.match(one, /\| labels, % \| variant \|/);
  assert.match(one, /Seed 3\.\n/);
  assert.match(one, /Dice against scratch: nothing to compare yet\./);
});

Deno.test("toMarkdown() says where other work disturbed the clock", () => {
  assert.doesNotMatch(toMarkdown([{ ...RECORD, load: 2.9 }]), /beside other work/);
  assert.match(toMarkdown([{ ...RECORD, load: 3.5 }]), /\*\*Measured beside other work\*\*: up to 3\.5 .* on 2 cores/);
});
