import assert from "node:assert/strict";
import { assertClose } from "../../graph/testing/check.ts";
import { probable } from "./probable.ts";

const planesOf = (logits: number[]) => ({
  logits: Float32Array.from(logits),
  from: 0,
  count: 1,
  depth: 1,
  isEnd: true,
});

Deno.test("probable() applies softmax over the channels of a voxel, and keeps the logits", () => {
  const planes = planesOf([0, 1, -Infinity, Math.log(3), 1, -Infinity]);
  const { logits } = probable(planes, { activation: "softmax", channels: 2 });
  assertClose(logits, [0.25, 0.5, 1, 0.75, 0.5, 0], { atol: 1e-7, what: "probabilities" });
  assert.equal(planes.logits[1], 1);
});

Deno.test("probable() applies sigmoid to every value", () => {
  const { logits } = probable(planesOf([0, -Infinity, Math.log(3)]), { activation: "sigmoid", channels: 3 });
  assertClose(logits, [0.5, 0, 0.75], { atol: 1e-7, what: "probabilities" });
});
