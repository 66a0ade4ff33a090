import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { recordOf } from "../testing/fixtures.ts";
import { readRecords } from "../experiment.ts";
import { SUMMARY_PAGE, toSummary, withSummary } from "./summary.ts";

const PARTS = recordOf([
  ["scratch", "", 0, 0.5, 10],
  ["+CMR", "", 0, 0.6, 12],
  ["+MD", "", 0, 0.4, null],
  ["scratch", "", 1, 0.5, 10],
  ["+CMR", "", 1, 0.8, 9],
  ["+MD", "", 1, 0.6, 8],
]);
const SHARES = recordOf(
  ["20", "60", "100"].flatMap((at) => [["scratch", at, 0, 0.5, 1], ["pre-trained", at, 0, 0.4, 1]] as const),
  { name: "label-efficiency", title: "Shares", chart: { kind: "lines", xName: "labelled, %" }, planned: 9 },
);

Deno.test("toSummary() has every variant, an axis by its ends, and in how many lines pre-training helps", () => {
  const text = toSummary([PARTS, SHARES]);
  assert.match(
    text,
    /\| Parts & pieces \| \+CMR \| Dice \| 0\.500 ± 0\.000 \| 0\.700 ± 0\.141 \| \+0\.200 ± 0\.141 \(2\/2\) \|/,
  );
  assert.match(text, /\| Shares, 20 % labelled \| pre-trained \| Dice \| 0\.500 \| 0\.400 \| −0\.100 \(0\/1\) \|/);
  assert.match(text, /Shares, 100 % labelled/);
  assert.doesNotMatch(text, /60 %/);
  assert.match(text, /Of 4\nlines it is better with every seed in 1, worse with every seed in 2, neither in 1\./);
  assert.match(text, /\nNot complete: Shares\.\n$/);
  assert.equal(toSummary([]), "No experiment has been run yet.\n");
});

Deno.test("withSummary() replaces the region of the page, and refuses a page without one", async () => {
  const page = await readFile(SUMMARY_PAGE, "utf8");
  const changed = withSummary(page, [PARTS]);
  assert.ok(changed.includes(toSummary([PARTS])));
  assert.equal(withSummary(changed, [PARTS]), changed);
  assert.throws(() => withSummary("# Sulcus", [PARTS]), { name: "SyntaxError" });
});

Deno.test("the page on pre-training has the figures of the records in docs/experiments", async () => {
  const page = await readFile(SUMMARY_PAGE, "utf8");
  assert.equal(page, withSummary(page, await readRecords("docs/experiments")));
});
