import assert from "node:assert/strict";
import { isOver, POOL, RANGE_UPDATES, rateFrom, testRate } from "./rate_range.ts";

/** Losses of a test whose loss is `loss(rate)`. */
const curve = (loss: (rate: number) => number, updates = RANGE_UPDATES) =>
  Array.from({ length: updates }, (_, step) => loss(testRate(step)));

Deno.test("testRate() grows from 1e-6 to 0.1 by the same factor", () => {
  assert.equal(testRate(0), 1e-6);
  assert.ok(Math.abs(testRate(RANGE_UPDATES - 1) - 0.1) < 1e-12);
  assert.ok(Math.abs(testRate(7) / testRate(6) - testRate(30) / testRate(29)) < 1e-9);
});

Deno.test("rateFrom() takes a tenth of the rate where the loss is lowest before it diverges", () => {
  const losses = curve((rate) => rate < 3e-3 ? 1 - Math.min(rate * 200, 0.5) : 100 * rate + 5);
  const found = rateFrom(losses, { highest: 1 });
  assert.ok(found.lowestAt > 1e-3 && found.lowestAt < 4e-3, `${found.lowestAt}`);
  assert.ok(found.divergedAt! > found.lowestAt && found.divergedAt! < 6e-3, `${found.divergedAt}`);
  assert.equal(found.rate, Number((0.1 * found.lowestAt).toPrecision(2)));
  assert.deepEqual([found.firstLoss > 0.99, found.lowestLoss < 0.7, found.updates], [true, true, RANGE_UPDATES]);
});

Deno.test("rateFrom() stays below the highest rate, and knows losses that become infinite or never fall", () => {
  const falling = curve((rate) => 1 / (1 + 100 * rate));
  assert.deepEqual([rateFrom(falling, { highest: 4e-3 }).rate, rateFrom(falling, { highest: 4e-3 }).divergedAt], [
    4e-3,
    null,
  ]);
  const sudden = [...curve(() => 1, 20), Infinity];
  const found = rateFrom(sudden, { highest: 1 });
  assert.equal(found.divergedAt, testRate(20));
  assert.equal(found.rate, Number((0.1 * testRate(20)).toPrecision(2)));
  const flat = rateFrom(curve(() => 1), { highest: 1 });
  assert.deepEqual([flat.rate, flat.divergedAt], [1e-3, null]);
});

Deno.test("isOver() ends the test once the mean loss of the pool is half as large again as at first", () => {
  assert.equal(isOver(Array(POOL - 1).fill(1)), false, "too short");
  assert.equal(isOver([1, 1, 1, 1, 1, 1, 2]), false);
  assert.equal(isOver([1, 1, 1, 1, 1, 2, 2, 2, 2]), true);
  assert.equal(isOver([1, 1, 1, 1, NaN]), true);
});
