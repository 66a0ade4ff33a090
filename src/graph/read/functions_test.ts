/** Names and bounds of inlined functions and branches; their values are tested in `tests/import_vectors_test.ts`. */
import assert from "node:assert/strict";
import { print } from "../build/print.ts";
import { importModel } from "./normalize.ts";
import { float, graphAttr, int, modelFile, nodeOf, ref, tensorOf, valueOf } from "./testing/model_file.ts";

const OPSETS = [{ domain: "", version: 17n }, { domain: "local", version: 1n }];
const X = valueOf("x", [2, 3]), Y = valueOf("y", [2, 3]);

function block(node: ReturnType<typeof nodeOf>[], attribute: string[] = []) {
  return { domain: "local", name: "Block", input: ["x", "w"], output: ["y"], node, attribute, opsetImport: OPSETS };
}

const W = tensorOf("enc.w", [3], new Float32Array([1, 2, 3]));
const file = (functions: ReturnType<typeof block>[], ...node: ReturnType<typeof nodeOf>[]) =>
  modelFile({ graph: { input: [X], output: [Y], initializer: [W], node }, functions, domains: ["local"] });

Deno.test("importModel() names a function's values after its call, apart from all others, and keeps weights' names", () => {
  const body = block([nodeOf("h = Mul(x, w)"), nodeOf("y = Relu(h)")]);
  const bytes = file(
    [body],
    nodeOf("the Block/h = Neg(x)"),
    nodeOf("a = local.Block(the Block/h, enc.w)"),
    nodeOf("y = local.Block(a, enc.w)"),
  );
  assert.equal(
    print(importModel(bytes)),
    `graph foreign -> %y
input %x: float32[2,3]
const %enc.w: float32[3]
%the Block/h: float32[2,3] = Neg(%x)
%the Block/h_1: float32[2,3] = Mul(%the Block/h, %enc.w)
%a: float32[2,3] = Relu(%the Block/h_1)
%the Block/h_2: float32[2,3] = Mul(%a, %enc.w)
%y: float32[2,3] = Relu(%the Block/h_2)
`,
  );
});

Deno.test("importModel() refuses calls that do not fit, naming the call", () => {
  const body = block([nodeOf("h = Mul(x, w)"), nodeOf("y = LeakyRelu(h)", ref("alpha", "slope"))], ["slope"]);
  const refused = (call: ReturnType<typeof nodeOf>, message: RegExp, functions = [body]) =>
    assert.throws(() => importModel(file(functions, call)), message);
  importModel(file([body], nodeOf("y = local.Block(x, enc.w)", float("slope", 0.5))));
  importModel(file([body], nodeOf("y = local.Block(x, enc.w)"))); // an attribute that is left out is absent
  refused(
    nodeOf("y = local.Block(x, enc.w, x)"),
    /node "the Block" \(Block\) in domain "local": expected at most 2 inputs and 1 outputs, got 3 and 1/,
  );
  refused(nodeOf("y = local.Block(x, enc.w)", float("other", 1)), /expected no attribute "other"/);
  refused(nodeOf("y = local.Block(x, enc.w)", int("slope", 1)), /expected FLOAT, got INT in "slope"/);
  refused(nodeOf("y = local.Block(x)"), /node "the Block\/the Mul" \(Mul\): expected input 1, got none/);
  refused(
    nodeOf("y = local.Other(x)"),
    /\(Other\): expected an operator of ONNX, got domain "local": export the model/,
  );
  refused(nodeOf("y = LeakyRelu(x)", ref("alpha", "slope")), /expected a value, got a reference/);
  refused(nodeOf("y = local.Block(x, enc.w)"), /expected local functions with distinct names/, [body, body]);
});

Deno.test("importModel() keeps the names of a branch apart from those around it", () => {
  const branch = {
    name: "then",
    initializer: [tensorOf("enc.w", [3], new Float32Array([7, 8, 9]))],
    node: [nodeOf("h = Mul(x, enc.w)"), nodeOf("r = Add(h, a)")],
    output: [valueOf("r", [2, 3])],
  };
  const yes = tensorOf("yes", [], new Uint8Array([1]), 9);
  const bytes = modelFile({
    graph: {
      input: [X],
      output: [Y],
      initializer: [W, yes],
      node: [
        nodeOf("a = Mul(x, enc.w)"),
        nodeOf("chosen = If(yes)", graphAttr("then_branch", branch), graphAttr("else_branch", branch)),
        nodeOf("h = Relu(chosen)"),
        nodeOf("y = Neg(h)"),
      ],
    },
  });
  const graph = importModel(bytes);
  assert.deepEqual([...graph.constants.keys()], ["enc.w", graph.nodes[1].inputs[1]]);
  assert.deepEqual([...graph.constants.values()].map((t) => t.data[0]), [1, 7]);
  assert.deepEqual(graph.nodes.map((n) => n.op), ["Mul", "Mul", "Add", "Relu", "Neg"]);
  assert.deepEqual(graph.nodes.map((n) => n.output).filter((_, i) => i !== 1), ["a", "chosen", "h", "y"]);
});
