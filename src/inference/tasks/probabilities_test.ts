import assert from "node:assert/strict";
import { softmax } from "./probabilities.ts";

Deno.test("softmax() does not overflow and sums to 1", () => {
  assert.deepEqual(softmax([1000, 1000]), [0.5, 0.5]);
  assert.deepEqual(softmax([-1e9, 0]), [0, 1]);
});
