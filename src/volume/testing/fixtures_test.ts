import assert from "node:assert/strict";
import { assertAllClose, ORIENTATIONS } from "./fixtures.ts";

Deno.test("assertAllClose() fails on a difference, on NaN and on length, naming the worst element", () => {
  assert.throws(() => assertAllClose([1, 2, 3.5], [1, 2.1, 3], 0.2), { message: "expected 3 ± 0.2 at 2, got 3.5" });
  assert.throws(() => assertAllClose([1, NaN], [1, 2], 1), { message: "expected 2 ± 1 at 1, got NaN" });
  assert.throws(() => assertAllClose([1], [1, 2], 1), { message: "expected 2 values, got 1" });
  assertAllClose([1, 2], [1.1, 2], 0.2);
});

Deno.test("ORIENTATIONS are 48 different ones", () => {
  assert.equal(new Set(ORIENTATIONS.map((o) => JSON.stringify(o))).size, 48);
});
