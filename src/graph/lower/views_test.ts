import assert from "node:assert/strict";
import { CPU_PASSES, evaluate, type Graph, GraphBuilder, lower, type Value } from "../mod.ts";
import { tensor } from "../../tensor/mod.ts";

const X = [2, 1, 3, 4];
const x = tensor("float64", X, Array.from({ length: 24 }, (_, i) => Math.sin(i)));

/** A graph over x [2, 1, 3, 4] with its views merged; asserts that its values stay the same. */
function merged(build: (b: GraphBuilder, x: Value) => Record<string, Value>): Graph {
  const b = new GraphBuilder();
  const graph = b.build("views", build(b, b.input("x", { dtype: "float64", shape: X })));
  const lowered = lower(graph, { passes: CPU_PASSES }).graph;
  assert.deepEqual(evaluate(lowered, { x }), evaluate(graph, { x }));
  return lowered;
}

const operators = ({ nodes }: Graph) => nodes.map((n) => n.op).join();

Deno.test("lower() makes one view of several", () => {
  const graph = merged(({ op }, x) => ({ y: op.Reshape(op.Reshape(op.Reshape(op.Neg(x), [24]), [4, 6]), [3, 8]) }));
  assert.equal(operators(graph), "Neg,Reshape");
});

Deno.test("lower() drops views that change no shape, alone or together", () => {
  assert.equal(operators(merged(({ op }, x) => ({ y: op.Exp(op.Reshape(op.Neg(x), X)) }))), "Neg,Exp");
  assert.equal(operators(merged(({ op }, x) => ({ y: op.Exp(op.Reshape(op.Reshape(x, [4, 6]), X)) }))), "Exp");
});

Deno.test("lower() takes a transpose that moves nothing for a view", () => {
  const moved = ({ op }: GraphBuilder, x: Value, perm: number[]) => op.Reshape(op.Transpose(x, { perm }), [24]);
  assert.equal(operators(merged((b, x) => ({ y: moved(b, x, [0, 2, 1, 3]) }))), "Reshape");
  assert.equal(operators(merged((b, x) => ({ y: moved(b, x, [0, 1, 3, 2]) }))), "Transpose,Reshape");
});

Deno.test("lower() keeps a view that others use or that is an output", () => {
  const graph = merged(({ op }, x) => {
    const rows = op.Reshape(x, [6, 4]);
    return { rows, sums: op.ReduceSum(rows, [1], { keepdims: 0 }), flat: op.Reshape(rows, [24]) };
  });
  assert.equal(operators(graph), "Reshape,ReduceSum,Reshape");
});
