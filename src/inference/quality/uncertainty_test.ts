import assert from "node:assert/strict";
import { binaryEntropy, uncertaintyOf } from "./uncertainty.ts";

Deno.test("uncertaintyOf() is 0 where the network is sure and 1 where it cannot decide", () => {
  for (const exclusive of [true, false]) {
    assert.equal(uncertaintyOf([0, 0], { exclusive }), 0);
    assert.equal(uncertaintyOf([0, 1], { exclusive }), 0);
  }
  assert.ok(Math.abs(uncertaintyOf([1 / 3, 1 / 3], { exclusive: true }) - 1) < 1e-12);
  assert.equal(uncertaintyOf([0.5, 0.9], { exclusive: false }), 1);
  assert.equal(uncertaintyOf([0.02, 0.1], { exclusive: false }), binaryEntropy(0.1));
});

Deno.test("uncertaintyOf() is never beyond 0 to 1 by rounding", () => {
  assert.equal(uncertaintyOf(Float32Array.of(0.7, 0.30000012), { exclusive: true }) <= 1, true);
  assert.equal(uncertaintyOf(Float32Array.of(1.0000001, 0), { exclusive: true }), 0);
});
