import assert from "node:assert/strict";
import { connectedComponents, lesionRates, matchLesions } from "./mod.ts";

const SIZE = [1, 4, 12] as const;
const maskOf = (rows: readonly string[]) => Uint8Array.from(rows.join(""), (c) => Number(c !== "."));

const REFERENCE = maskOf([
  "aaa...bb....",
  "aaa.........",
  "..........cc",
  "............",
]);
const PREDICTION = maskOf([
  "..x.........",
  "......yy....",
  "...........z",
  "w...........",
]);

Deno.test("matchLesions() counts lesions found, missed and false by a common voxel", () => {
  const { reference, prediction } = matchLesions(PREDICTION, REFERENCE, { sizeVox: SIZE });
  assert.deepEqual([reference.sizes, reference.isMatched], [[6, 2, 2], [true, false, true]]);
  assert.deepEqual([prediction.sizes, prediction.isMatched], [[1, 2, 1, 1], [true, false, true, false]]);
});

Deno.test("matchLesions() with a least IoU misses a lesion that one voxel touches", () => {
  const { reference, prediction } = matchLesions(PREDICTION, REFERENCE, { sizeVox: SIZE, leastIou: 0.2 });
  // a: 1 of 6 voxels; c: 1 of 2
  assert.deepEqual([reference.isMatched, prediction.isMatched], [[false, false, true], [false, false, true, false]]);
});

Deno.test("matchLesions() takes all components together that touch one", () => {
  const whole = new Uint8Array(10).fill(1), parts = whole.slice();
  parts[5] = 0;
  const { reference, prediction } = matchLesions(parts, whole, { sizeVox: [1, 1, 10], leastIou: 0.9 });
  assert.deepEqual([reference.isMatched, prediction.isMatched], [[true], [false, false]]);
});

Deno.test("lesionRates() gives sensitivity, precision and F1, NaN where there is nothing", () => {
  const { sensitivity, precision, f1 } = lesionRates({ found: 2, missed: 1, hits: 2, false: 2 });
  assert.deepEqual([sensitivity, precision, f1], [2 / 3, 0.5, 2 * (2 / 3) * 0.5 / (2 / 3 + 0.5)]);
  assert.equal(lesionRates({ found: 0, missed: 3, hits: 0, false: 1 }).f1, 0);
  assert.ok(Number.isNaN(lesionRates({ found: 0, missed: 0, hits: 0, false: 1 }).sensitivity));
});

Deno.test("connectedComponents() numbers a random mask as a flood fill by coordinates does", () => {
  let state = 11;
  const random = () => (state = state * 48271 % 2147483647) / 2147483647;
  const size = [6, 5, 7] as const;
  const mask = Uint8Array.from({ length: 210 }, () => random() < 0.25 ? 1 : 0);
  for (const [neighbours, reach] of [[6, 1], [18, 2], [26, 3]] as const) {
    const { components } = connectedComponents(mask, { sizeVox: size, neighbours });
    const at = (i: number) => [Math.floor(i / 35), Math.floor(i / 7) % 5, i % 7];
    const labels = [...mask].map((v, i) => v === 0 ? 0 : i + 1);
    for (let isChanged = true; isChanged;) {
      isChanged = false;
      for (let i = 0; i < 210; i++) {
        for (let j = 0; j < 210; j++) {
          if (labels[i] === 0 || labels[j] === 0 || labels[j] >= labels[i]) continue;
          const steps = at(i).map((v, a) => Math.abs(v - at(j)[a]));
          if (Math.max(...steps) > 1 || steps[0] + steps[1] + steps[2] > reach) continue;
          labels[i] = labels[j];
          isChanged = true;
        }
      }
    }
    const order = [...new Set(labels.filter((l) => l > 0))].sort((a, b) => a - b);
    assert.deepEqual([...components], labels.map((l) => l === 0 ? 0 : order.indexOf(l) + 1));
  }
});
