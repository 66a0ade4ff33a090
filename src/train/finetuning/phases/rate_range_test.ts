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

Deno.test("rateFrom() takes the rate at which the loss falls most steeply before it diverges", () => {
  // it falls from 3e-4 on, most steeply around 1e-3, and rises from 1e-2 on
  const losses = curve((rate) => 1 - 0.5 / (1 + (1e-3 / rate) ** 3) + 1e3 * Math.max(0, rate - 1e-2));
  const found = rateFrom(losses, { highest: 1 });
  assert.ok(found.rate > 4e-4 && found.rate < 2e-3, `${found.rate}`);
  assert.ok(found.lowestAt > 3e-3 && found.lowestAt < 2e-2, `${found.lowestAt}`);
  assert.ok(found.divergedAt! > 1e-2 && found.divergedAt! < 3e-2, `${found.divergedAt}`);
  assert.deepEqual([found.firstLoss > 0.99, found.lowestLoss < 0.6, found.updates], [true, true, RANGE_UPDATES]);
});

Deno.test("rateFrom() takes at most a tenth of the rate at which the loss diverged, and the highest that is allowed", () => {
  const late = curve((rate) => rate < 3e-3 ? 1 - 0.5 / (1 + (2e-3 / rate) ** 4) : 5);
  const { rate, divergedAt } = rateFrom(late, { highest: 1 });
  assert.equal(rate, Number((0.1 * divergedAt!).toPrecision(2)));
  const falling = rateFrom(curve((rate) => 1 / (1 + 100 * rate)), { highest: 4e-3 });
  assert.deepEqual([falling.rate, falling.divergedAt], [4e-3, null]);
});

Deno.test("rateFrom() takes a tenth of the divergence where the loss becomes infinite or never falls", () => {
  const sudden = [...curve(() => 1, 20), Infinity];
  const found = rateFrom(sudden, { highest: 1 });
  assert.equal(found.divergedAt, testRate(20));
  assert.equal(found.rate, Number((0.1 * testRate(20)).toPrecision(2)));
  const flat = rateFrom(curve(() => 1), { highest: 1 });
  assert.deepEqual([flat.rate, flat.divergedAt], [1e-2, null]);
});

Deno.test("isOver() ends the test once the mean loss of the pool is half as large again as at first", () => {
  assert.equal(isOver(Array(POOL - 1).fill(1)), false, "too short");
  assert.equal(isOver([1, 1, 1, 1, 1, 1, 2]), false);
  assert.equal(isOver([1, 1, 1, 1, 1, 2, 2, 2, 2]), true);
  assert.equal(isOver([1, 1, 1, 1, NaN]), true);
});
