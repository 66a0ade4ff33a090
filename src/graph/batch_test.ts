import assert from "node:assert/strict";
import { batched } from "./batch.ts";
import { GraphBuilder } from "./build/builder.ts";
import type { Graph, Value } from "./ir/ir.ts";

/** A graph of one operator on x [1, 3, 4]. */
function single(make: (b: GraphBuilder, x: Value) => Value): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 3, 4] });
  return b.build("single", { y: make(b, x) });
}

const MIXES: readonly [what: string, make: (b: GraphBuilder, x: Value) => Value][] = [
  ["a softmax over the samples", ({ op }, x) => op.Softmax(x, { axis: 0 })],
  ["a sum over everything", ({ op }, x) => op.ReduceSum(x, null, { keepdims: 1 })],
  ["a sum over the samples", ({ op }, x) => op.ReduceSum(x, [0], { keepdims: 1 })],
  ["samples in reverse", ({ op }, x) => op.Slice(x, [-1], [-99], [0], [-1])],
  ["a transposition of the sample axis", ({ op }, x) => op.Transpose(x, { perm: [1, 0, 2] })],
  ["a reshaping that drops it", ({ op }, x) => op.Reshape(x, [3, 4])],
  ["a joining along it", ({ op }, x) => op.Concat(x, x, { axis: 0 })],
  // the sum [1, 3, 1] + [1, 3] → [1, 3, 3] aligns the second's samples with the first's rows
  [
    "a broadcast along another axis",
    ({ op }, x) => op.Add(op.ReduceSum(x, [2], { keepdims: 1 }), op.ReduceSum(x, [2], { keepdims: 0 })),
  ],
];

Deno.test("batched() refuses what mixes or moves samples", () => {
  for (const [what, make] of MIXES) {
    assert.throws(
      () => batched(single(make), 3),
      /^RangeError: Cannot batch \S+: \w+ does not keep samples apart/,
      what,
    );
  }
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [2, 3] });
  assert.throws(() => batched(b.build("two", { y: b.op.Relu(x) }), 2), /expected a leading axis of 1, got \[2,3\]/);
});
