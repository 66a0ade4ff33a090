import assert from "node:assert/strict";
import { GraphBuilder } from "./builder.ts";
import type { Graph, Node } from "../ir/ir.ts";
import { tensor } from "../../tensor/tensor.ts";
import { verify } from "./verify.ts";

function sample(): Graph {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [2, 3] });
  const w = b.constant(tensor("float32", [3, 4], new Float32Array(12)), "w");
  return b.build("sample", { y: b.op.Softmax(b.op.Relu(b.op.MatMul(x, w)), { axis: -1 }) });
}

/** The graph with node `i` as other software might write it: `change` need not suit its operator. */
const withNode = (g: Graph, i: number, change: Partial<Record<keyof Node, unknown>>): Graph => ({
  ...g,
  nodes: g.nodes.with(i, { ...g.nodes[i], ...change } as Node),
});
const withTypes = (g: Graph, name: string, shape: readonly number[]): Graph => ({
  ...g,
  types: new Map([...g.types, [name, { dtype: "float32" as const, shape }]]),
});
const withConstant = (g: Graph, value: ReturnType<typeof tensor>): Graph => ({
  ...g,
  constants: new Map([["w", value]]),
});

Deno.test("verify() passes a graph that was built", () => verify(sample()));

const g = sample();
const wrong: [string, Graph, RegExp][] = [
  ["nodes in the wrong order", { ...g, nodes: g.nodes.toReversed() }, /node y \(Softmax\): expected inputs defined/],
  ["an input that nothing defines", withNode(g, 1, { inputs: ["ghost"] }), /\(Relu\): .*, got ghost/],
  [
    "one name twice",
    withNode(g, 1, { output: "x" }),
    /node x \(Relu\): expected a name of its own, got "x"|got float32/,
  ],
  [
    "a stored type that is not the inferred one",
    withTypes(g, "y", [2, 5]),
    /node y \(Softmax\): expected float32\[2,4\], got float32\[2,5\]/,
  ],
  ["a type of no value", withTypes(g, "stray", [1]), /type of stray/],
  [
    "incomplete attributes",
    withNode(g, 2, { attrs: {} }),
    /node y \(Softmax\): expected attributes {"axis":1}, got {}/,
  ],
  ["an attribute too many", withNode(g, 2, { attrs: { axis: 1, k: 2 } }), /node y \(Softmax\): expected attributes/],
  [
    "an operator that does not exist",
    withNode(g, 2, { op: "Conv4" as "Conv" }),
    /\(Conv4\): expected an operator of the IR/,
  ],
  ["inputs that do not fit", withNode(g, 0, { inputs: ["x", "x"] }), /\(MatMul\): expected \[..., M, K\]/],
  ["an output that no node makes", { ...g, outputs: ["x"] }, /output x: expected a node's output/],
  ["an output twice", { ...g, outputs: ["y", "y"] }, /outputs: expected distinct names/],
  [
    "a constant of another shape",
    withConstant(g, tensor("float32", [4, 3], new Float32Array(12))),
    /constant w: expected float32\[3,4\], got float32\[4,3\]/,
  ],
  [
    "a constant with missing elements",
    withConstant(g, { dtype: "float32", shape: [3, 4], data: new Float32Array(11) }),
    /constant w: expected 12 elements in Float32Array, got 11/,
  ],
  [
    "a constant in the wrong array",
    withConstant(g, { dtype: "float32", shape: [3, 4], data: new Float64Array(12) }),
    /got 12 in Float64Array/,
  ],
];
for (const [what, graph, message] of wrong) {
  Deno.test(`verify() refuses ${what}`, () => assert.throws(() => verify(graph), message));
}
