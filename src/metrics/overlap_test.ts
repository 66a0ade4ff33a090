import assert from "node:assert/strict";
import { dice, nanMean, volumeMl } from "./mod.ts";

const mask = (...values: number[]) => Uint8Array.from(values);

Deno.test("dice() is 2TP over both sizes, any non-zero value is inside", () => {
  assert.equal(dice(mask(1, 1, 0, 0), mask(1, 0, 1, 1)), 2 / 5);
  assert.equal(dice(mask(4, 255, 0, 0), mask(1, 1, 0, 0)), 1);
});

Deno.test("dice() treats empty masks as docs/method D.1.1", () => {
  const none = mask(0, 0);
  const some = mask(0, 1);
  const cases = [
    { reference: none, prediction: none, nan: NaN, one: 1 },
    { reference: none, prediction: some, nan: NaN, one: 0 },
    { reference: some, prediction: none, nan: 0, one: 0 },
  ];
  for (const { reference, prediction, nan, one } of cases) {
    assert.equal(dice(prediction, reference), nan);
    assert.equal(dice(prediction, reference, { empty: "one" }), one);
  }
});

Deno.test("dice() refuses masks of different size", () => {
  assert.throws(() => dice(mask(1), mask(1, 0)), {
    name: "RangeError",
    message: "Cannot compute Dice: expected masks of one size, got 1 and 2 voxels",
  });
});

Deno.test("nanMean() skips NaN, keeps infinity, and is NaN without values", () => {
  assert.equal(nanMean([1, NaN, 2]), 1.5);
  assert.equal(nanMean([1, Infinity, NaN]), Infinity);
  assert.equal(nanMean([NaN]), NaN);
});

Deno.test("volumeMl() counts voxels of a value", () => {
  assert.equal(volumeMl(mask(1, 2, 2, 0), { voxelMl: 0.25 }), 0.75);
  assert.equal(volumeMl(mask(1, 2, 2, 0), { voxelMl: 0.25, value: 2 }), 0.5);
});
