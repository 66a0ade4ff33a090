import assert from "node:assert/strict";
import { GraphBuilder } from "../build/builder.ts";
import { evaluate } from "../reference/evaluate.ts";
import { mergeEqual } from "./merge.ts";
import { tensor } from "../../tensor/tensor.ts";
import { verify } from "../build/verify.ts";

const X = { dtype: "float32", shape: [3] } as const;
const scale = (values: readonly number[]) => tensor("float32", [values.length], values);

Deno.test("mergeEqual() computes once what is written twice, through nodes and constants that are equal", () => {
  const b = new GraphBuilder();
  const x = b.input("x", X);
  const part = () => b.op.Exp(b.op.Mul(x, b.constant(scale([1, 2, 3]))));
  const graph = b.build("twice", { y: b.op.Add(part(), part()) });
  const merged = mergeEqual(graph);
  verify(merged);
  assert.deepEqual(merged.nodes.map(({ op }) => op), ["Mul", "Exp", "Add"]);
  assert.equal(merged.constants.size, 1);
  const feeds = { x: tensor("float32", [3], [0.1, -0.2, 0.3]) };
  assert.deepEqual(evaluate(merged, feeds), evaluate(graph, feeds));
});

Deno.test("mergeEqual() leaves apart what differs in an attribute, in the order of its inputs or in a bit of a constant", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [2, 2] }), z = b.input("z", { dtype: "float32", shape: [2, 2] });
  const outputs = [
    b.op.Softmax(x, { axis: 0 }),
    b.op.Softmax(x, { axis: 1 }),
    b.op.Sub(x, z),
    b.op.Sub(z, x),
    b.op.Div(x, b.constant(scale([0, 1]))),
    b.op.Div(x, b.constant(scale([-0, 1]))),
  ];
  const graph = b.build("apart", { y: outputs.map((v) => b.op.Neg(v)).reduce((a, v) => b.op.Add(a, v)) });
  assert.deepEqual(mergeEqual(graph), graph);
});

Deno.test("mergeEqual() keeps outputs and large constants, whatever they hold", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [5000] });
  const weights = () => b.constant(tensor("float32", [5000], new Float32Array(5000)));
  const graph = b.build("kept", {
    a: b.op.Exp(x),
    b: b.op.Exp(x),
    c: b.op.Add(b.op.Mul(x, weights()), b.op.Mul(x, weights())),
  });
  assert.deepEqual(mergeEqual(graph), graph);
});
