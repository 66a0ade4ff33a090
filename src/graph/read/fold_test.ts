import assert from "node:assert/strict";
import { FoldingBuilder } from "./fold.ts";
import { tensor, toNumbers } from "../../tensor/tensor.ts";

const ints = (...v: number[]) => tensor("int64", [v.length], v);

Deno.test("FoldingBuilder.add() computes shape arithmetic at once", () => {
  const b = new FoldingBuilder();
  const { op } = b;
  const half = op.Div(op.Slice(b.constant(ints(1, 4, 7, 9)), [2], [4], [0], [1]), b.constant(ints(2, 2)));
  assert.deepEqual(toNumbers(b.constantOf(half)!), [3, 4]); // integers divide towards zero
  const x = b.input("x", { dtype: "float32", shape: [12] });
  const graph = b.build("g", { y: op.Reshape(x, half) });
  assert.deepEqual(graph.nodes.map((n) => n.op), ["Reshape"]);
  assert.deepEqual([...graph.constants.values()].map(toNumbers), [[3, 4]]);
});

Deno.test("FoldingBuilder.add() leaves what is computed from a parameter in the graph, known on demand", () => {
  const b = new FoldingBuilder();
  const w = b.parameter(tensor("float32", [2], [3, 4]), "layer.weight");
  const y = b.op.Neg(b.op.Mul(w, w));
  assert.equal(b.constantOf(y), undefined);
  assert.deepEqual(toNumbers(b.known(y)!), [-9, -16]);
  assert.deepEqual(b.nodes.map((n) => n.op), ["Mul", "Neg"]);
});

Deno.test("FoldingBuilder.add() leaves products and large results to the engine", () => {
  const b = new FoldingBuilder({ elements: 100, eagerFloats: 10 });
  const m = b.constant(tensor("float32", [2, 2], [1, 2, 3, 4]));
  assert.equal(b.known(b.op.MatMul(m, m)), undefined);
  const large = b.op.Expand(b.literal("float32", 7), [11]);
  assert.equal(b.constantOf(large), undefined);
  assert.equal(b.known(large)?.data[10], 7);
  const huge = b.op.Expand(b.literal("float32", 7), [101]);
  assert.equal(b.known(huge), undefined);
  assert.equal(b.known(b.op.Slice(huge, [0], [2], [0], [1])), undefined);
});

Deno.test("FoldingBuilder.add() stops folding when its budget is spent", () => {
  const b = new FoldingBuilder({ total: 1000 });
  const hundred = b.constant(tensor("int64", [100], new BigInt64Array(100)));
  const folded = Array.from({ length: 8 }, () => b.op.Neg(hundred)).map((v) => b.constantOf(v) !== undefined);
  assert.deepEqual(folded, [true, true, true, true, true, false, false, false]);
});

Deno.test("FoldingBuilder.known() looks at every value once", () => {
  const b = new FoldingBuilder({ elements: 1 });
  let v = b.parameter(tensor("float32", [2], [1, 1]), "w");
  for (let i = 0; i < 60; i++) v = b.op.Add(v, v);
  assert.equal(b.known(v), undefined); // 2^60 looks otherwise
});

Deno.test("FoldingBuilder.add() saturates integers instead of wrapping round", () => {
  const b = new FoldingBuilder();
  const end = b.constant(tensor("int64", [1], BigInt64Array.of(2n ** 63n - 1n)));
  const both = b.op.Concat(end, b.constant(ints(5)), { axis: 0 });
  assert.ok(Number(b.constantOf(both)!.data[0]) > 9e18);
});
