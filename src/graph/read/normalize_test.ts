import assert from "node:assert/strict";
import type { RawAttr, RawModel, RawNode } from "./raw.ts";
import { evaluate } from "../reference/evaluate.ts";
import { normalizeModel } from "./normalize.ts";
import { print } from "../build/print.ts";
import { tensor, toNumbers } from "../../tensor/tensor.ts";
import { verify } from "../build/verify.ts";

/** `"y = Op(a, b)"` with attributes. */
function node(text: string, attrs: Record<string, RawAttr> = {}): RawNode {
  const [outputs, op, inputs] = /^(.*) = (\w+)\((.*)\)$/.exec(text)!.slice(1);
  const list = (names: string) => names.split(",").map((n) => n.trim());
  return {
    op,
    name: `the ${op}`,
    inputs: inputs === "" ? [] : list(inputs),
    outputs: list(outputs),
    attrs: new Map(Object.entries(attrs)),
  };
}

function model(nodes: readonly RawNode[], change: Partial<RawModel> = {}): RawModel {
  return {
    name: "m",
    opset: 17,
    producer: "",
    metadata: {},
    inputs: [{ name: "x", dtype: "float32", dims: [2, 3, 4] }],
    outputs: ["y"],
    constants: new Map(),
    nodes,
    ...change,
  };
}

function ints(...v: number[]) {
  return tensor("int64", [v.length], v);
}

Deno.test("normalizeModel() leaves one Reshape of a chain of shape arithmetic", () => {
  const constants = new Map([["zero", tensor("int64", [], [0])], ["rest", ints(-1)], ["axes", ints(0)]]);
  const graph = normalizeModel(model([
    node("shape = Shape(x)"),
    node("n = Gather(shape, zero)"),
    node("list = Unsqueeze(n, axes)"),
    node("target = Concat(list, rest)", { axis: 0 }),
    node("y = Reshape(x, target)"),
  ], { constants }));
  assert.equal(print(graph), "graph m -> %y\ninput %x: float32[2,3,4]\n%y: float32[2,12] = Reshape(%x, [2, 12])\n");
});

Deno.test("normalizeModel() keeps the file's names of values and weights, and moves its own out of their way", () => {
  const constants = new Map([["fc.weight", tensor("float32", [5, 4], new Float32Array(20))]]);
  const graph = normalizeModel(model([
    node("turned = Transpose(fc.weight)"),
    node("Relu_1 = MatMul(x, turned)"),
    node("h = Softsign(Relu_1)"), // Abs, Add and Div: two values without a name in the file
    node("Abs_2 = Relu(h)"),
    node("y = Neg(Abs_2)"),
  ], { constants }));
  verify(graph);
  assert.deepEqual(graph.nodes.map((n) => n.output), ["turned", "Relu_1", "Abs_2_1", "Add_4", "h", "Abs_2", "y"]);
  assert.ok(graph.constants.has("fc.weight"));
});

Deno.test("normalizeModel() gives every output its name, also of one value and of a constant", () => {
  const graph = normalizeModel(model([
    node("b = Relu(x)"),
    node("a = Identity(b)"),
    node("c = Shape(b)"),
    node("y = Dropout(b)"),
  ], { outputs: ["a", "b", "c", "y"] }));
  verify(graph);
  assert.deepEqual(graph.outputs, ["a", "b", "c", "y"]);
  const out = evaluate(graph, { x: tensor("float32", [2, 3, 4], new Float32Array(24).fill(-1)) });
  assert.deepEqual([...out.c.data], [2, 3, 4]);
  assert.deepEqual([...out.y.data], Array(24).fill(0));
});

Deno.test("normalizeModel() splits into slices and drops those that nothing uses", () => {
  const graph = normalizeModel(model([
    node("p, q, r = Split(x)", { axis: 1 }),
    node("y = Sub(p, r)"),
  ]));
  assert.deepEqual(graph.nodes.map((n) => [n.op, n.output]), [["Slice", "p"], ["Slice", "r"], ["Sub", "y"]]);
});

Deno.test("normalizeModel() treats batch statistics that nothing uses as absent", () => {
  const vectors = ["s", "b", "m", "v"].map((n) => [n, tensor("float32", [3], [1, 1, 1])] as const);
  const graph = normalizeModel(model([
    node("y, nm, nv = BatchNormalization(x, s, b, m, v)", { training_mode: 1, momentum: 0.9 }),
  ], { constants: new Map(vectors) }));
  assert.deepEqual(graph.nodes.map((n) => n.op), ["BatchNormalization"]);
});

Deno.test("normalizeModel() evaluates what depends on parameters when a shape asks for it", () => {
  const constants = new Map([["scale", tensor("float32", [3], [1, 2, 0.5])], ["half", tensor("float32", [], [2])]]);
  const graph = normalizeModel(model([
    node("s = Shape(x)"),
    node("f = Cast(s)", { to: 1 }),
    node("g = Mul(f, scale)"),
    node("h = Floor(g)"),
    node("target = Cast(h)", { to: 7 }),
    node("flat = Reshape(x, target)"),
    node("y = Div(flat, half)"),
  ], { constants }));
  assert.deepEqual(graph.types.get("y")!.shape, [2, 6, 2]);
  assert.deepEqual(graph.nodes.map((n) => n.op), ["Reshape", "Div"]);
});

const vector = new Map([["w", tensor("float32", [4], [1, 2, 3, 4])], ["i", ints(0, 7)]]);
const refusals: [string, RawNode[], RegExp][] = [
  [
    "an operator that is not known",
    [node("y = LSTM(x, w)")],
    /node "the LSTM" \(LSTM\): expected an operator that Sulcus knows/,
  ],
  ["an input too many", [node("y = Relu(x, w)")], /node "the Relu" \(Relu\): expected 1 inputs, got a further one/],
  ["a missing input", [node("y = Add(x)")], /\(Add\): expected input 1, got none/],
  ["an attribute that no rule reads", [node("y = Relu(x)", { axis: 1 })], /\(Relu\): expected no attribute "axis"/],
  [
    "an attribute of the wrong kind",
    [node("y = Elu(x)", { alpha: "big" })],
    /\(Elu\): expected a number in attribute alpha/,
  ],
  [
    "another mode",
    [node("y = Pad(x)", { mode: "wrap" })],
    /expected attribute mode to be constant or reflect or edge, got "wrap"/,
  ],
  [
    "cubic resizing",
    [node("y = Resize(x, , w)", { mode: "cubic" })],
    /expected attribute mode to be nearest or linear, got "cubic"/,
  ],
  [
    "indices of maxima",
    [node("p, k = MaxPool(x)", { kernel_shape: [2] }), node("y = Cast(k)", { to: 1 })],
    /\(MaxPool\): expected use of output 0 only, got "k"/,
  ],
  [
    "a shape computed from the data",
    [node("s = Cast(x)", { to: 7 }), node("y = Reshape(w, s)")],
    /\(Reshape\): expected constant shape, got a value computed at run time/,
  ],
  ["an index outside", [node("y = Gather(x, i)", { axis: 1 })], /\(Gather\): expected indices from -3 to 2, got 7/],
  ["an axis outside", [node("y = Softmax(x)", { axis: 3 })], /\(Softmax\): expected an axis of a rank-3 tensor, got 3/],
  [
    "another element type",
    [node("s = Shape(x)"), node("y = Sqrt(s)")],
    /\(Sqrt\): expected float elements, got int64 in "s"/,
  ],
  [
    "a shape of another size",
    [node("y = Reshape(x, i)")],
    /\(Reshape\): expected a shape of 24 elements/,
  ],
  [
    "scales between sizes",
    [node("y = Resize(x, , scales)")],
    /\(Resize\): expected scales that give whole sizes, got \[1,1,1.29/,
  ],
];
for (const [what, nodes, message] of refusals) {
  Deno.test(`normalizeModel() refuses ${what}`, () => {
    const constants = new Map([...vector, ["scales", tensor("float32", [3], [1, 1, 1.3])]]);
    const refused = model(nodes, { constants, outputs: [nodes.at(-1)!.outputs[0]] });
    assert.throws(() => normalizeModel(refused), message);
    assert.throws(() => normalizeModel(refused), /\bexport\b[^:]*$/, "the remedy");
  });
}

Deno.test("normalizeModel() wants positive sizes that agree with the file's", () => {
  const inputs = [{ name: "x", dtype: "float32", dims: ["batch", 3, "?"] }] as const;
  const m = model([node("y = Relu(x)")], { inputs });
  const graph = normalizeModel(m, { dimensions: { batch: 5 }, shapes: { x: [2, 3, 7] } });
  assert.deepEqual(graph.types.get("y")!.shape, [2, 3, 7]);
  assert.throws(
    () => normalizeModel(m, { dimensions: { batch: 5 } }),
    /expected a size for dimension 2 \("\?"\), got none/,
  );
  assert.throws(() => normalizeModel(m, { shapes: { x: [2, 4, 7] } }), /expected size 3 for dimension 1, got 4/);
  assert.throws(() => normalizeModel(m, { shapes: { x: [2, 3] } }), /expected 3 sizes in shapes, got \[2,3\]/);
  assert.throws(
    () => normalizeModel(m, { shapes: { x: [2, 3, 0.5] } }),
    /expected a positive size for dimension 2, got 0.5/,
  );
  assert.throws(
    () => normalizeModel(m, { shapes: { x: [0, 3, 1] } }),
    /expected a positive size for dimension 0, got 0/,
  );
});

Deno.test("normalizeModel() calls the constant of a Constant node by its output's name", () => {
  const graph = normalizeModel(
    model([node("c = Constant()", { value: tensor("float32", [4], [1, 2, 3, 4]) }), node("y = Mul(x, c)")]),
  );
  assert.deepEqual([...graph.constants.keys()], ["c"]);
  assert.deepEqual(toNumbers(graph.constants.get("c")!), [1, 2, 3, 4]);
});
