import assert from "node:assert/strict";
import { TensorProto_DataLocation, TensorProto_DataType as Type } from "onnx-buf";
import { describeModel, type FinalActivation } from "./describe.ts";
import { int, ints, modelFile, nodeOf, tensorOf, valueOf } from "./testing/model_file.ts";

const W = tensorOf("w", [3, 2, 1, 1, 1], new Float32Array(6));
const VOLUME = ["batch", 2, "x", 8, 8];

/** A convolution, then these nodes, of which the last makes y. */
function ending(...nodes: ReturnType<typeof nodeOf>[]): Uint8Array {
  const names = [["one", 1], ["two", 2], ["channels", 1]] as const;
  const constants = names.map(([name, v]) => tensorOf(name, [1], BigInt64Array.of(BigInt(v)), Type.INT64));
  return modelFile({
    graph: {
      input: [valueOf("image", VOLUME)],
      output: [valueOf("y", VOLUME)],
      initializer: [W, ...constants],
      node: [nodeOf("c = Conv(image, w)"), ...nodes],
    },
  });
}

Deno.test("describeModel() shows a file before its sizes are fixed and its weights are read", () => {
  const outside = {
    name: "w",
    dims: [3n, 2n, 1n, 1n, 1n],
    dataType: Type.FLOAT16,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [{ key: "location", value: "w.data" }],
  };
  const bytes = modelFile({
    opset: 20,
    graph: {
      input: [valueOf("image", VOLUME, Type.FLOAT16), valueOf("w", [3, 2, 1, 1, 1], Type.FLOAT16)],
      output: [valueOf("logits", ["batch", 3, "x", 8, 8], Type.FLOAT16), { name: "mask" }],
      initializer: [outside, tensorOf("b", [3], new Float32Array(3)), tensorOf("q", [5], new Int8Array(5), Type.INT8)],
      node: [nodeOf("logits = Conv(image, w, b)"), nodeOf("mask = ArgMax(logits)", int("axis", 1))],
    },
  });
  assert.deepEqual(describeModel(bytes), {
    producer: "others",
    opset: 20,
    parameters: 9,
    inputs: [{ name: "image", dtype: "float16", dims: ["batch", 2, "x", 8, 8] }],
    outputs: [
      { name: "logits", dtype: "float16", dims: ["batch", 3, "x", 8, 8] },
      { name: "mask", dtype: "unknown", dims: null },
    ],
    widened: ["image", "logits", "w", "q"],
    layout: "channels-first",
    finalActivation: [{ output: "logits", kind: "none" }, { output: "mask", kind: "argmax" }],
  });
});

const ENDINGS: readonly [string, FinalActivation, Uint8Array][] = [
  ["logits", "none", ending(nodeOf("y = Identity(c)"))],
  ["a sigmoid", "sigmoid", ending(nodeOf("s = Sigmoid(c)"), nodeOf("y = Cast(s)", int("to", 1)))],
  ["a rounded sigmoid", "sigmoid", ending(nodeOf("s = Sigmoid(c)"), nodeOf("y = Round(s)"))],
  ["a threshold", "sigmoid", ending(nodeOf("g = Greater(c, one)"), nodeOf("y = Cast(g)", int("to", 1)))],
  ["a softmax", "softmax", ending(nodeOf("s = Softmax(c)", int("axis", 1)), nodeOf("y = Transpose(s)"))],
  ["log-probabilities", "none", ending(nodeOf("y = LogSoftmax(c)"))],
  ["an exponential of log-probabilities", "softmax", ending(nodeOf("l = LogSoftmax(c)"), nodeOf("y = Exp(l)"))],
  [
    "a softmax without its background",
    "sigmoid",
    ending(nodeOf("s = Softmax(c)"), nodeOf("y = Slice(s, one, two, channels)")),
  ],
  ["a softmax whose volume is cut", "softmax", ending(nodeOf("s = Softmax(c)"), nodeOf("y = Slice(s, one, two, two)"))],
  ["an arg-max", "argmax", ending(nodeOf("a = ArgMax(c)"), nodeOf("y = Cast(a)", int("to", 1)))],
  ["a value that is its own source", "none", ending(nodeOf("y = Identity(y)"))],
];
for (const [what, kind, bytes] of ENDINGS) {
  Deno.test(`describeModel() recognises ${what}`, () => {
    assert.deepEqual(describeModel(bytes).finalActivation, [{ output: "y", kind }]);
  });
}

Deno.test("describeModel() recognises where the channels stand", () => {
  const layoutOf = (dims: readonly (number | string)[], ...node: ReturnType<typeof nodeOf>[]) => {
    const initializer = [W, tensorOf("moved", [5], BigInt64Array.of(-1n, 1n, 8n, 8n, 8n), Type.INT64)];
    return describeModel(
      modelFile({ graph: { input: [valueOf("image", dims)], output: [valueOf("y", dims)], initializer, node } }),
    ).layout;
  };
  const last = [1, 8, 8, 8, 1], turned = ints("perm", [0, 4, 1, 2, 3]);
  assert.equal(layoutOf(VOLUME, nodeOf("r = Relu(image)"), nodeOf("y = Conv(r, w)")), "channels-first");
  assert.equal(layoutOf(last, nodeOf("r = Relu(image)"), nodeOf("y = Transpose(r)", turned)), "channels-last");
  assert.equal(layoutOf(last, nodeOf("r = Reshape(image, moved)"), nodeOf("y = Conv(r, w)")), "channels-last");
  assert.equal(layoutOf(last, nodeOf("y = Relu(image)")), null);
});
