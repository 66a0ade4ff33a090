import assert from "node:assert/strict";
import { cutOf, sigmoid, softmax } from "./functions.ts";

Deno.test("softmax() does not overflow and sums to 1", () => {
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
  assert.deepEqual(softmax([-1e9, 0]), [0, 1]);
});

Deno.test("cutOf() is the logit of a threshold's probability, and refuses other numbers", () => {
  assert.equal(cutOf(0.5), 0);
  for (const threshold of [0.01, 0.3, 0.9]) {
    assert.ok(Math.abs(sigmoid(cutOf(threshold)) - threshold) < 1e-12, String(threshold));
  }
  for (const threshold of [0, 1, NaN]) {
    assert.throws(() => cutOf(threshold), {
      name: "RangeError",
      message: `Cannot restore a mask: expected a threshold between 0 and 1, got ${threshold}`,
    });
  }
});
