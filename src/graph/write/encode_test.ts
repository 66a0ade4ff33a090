import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema } from "onnx-buf";
import { GraphBuilder } from "../build/builder.ts";
import { encodeModel } from "./encode.ts";
import { decodeModel } from "../read/decode.ts";
import { importModel } from "../read/normalize.ts";
import { print } from "../build/print.ts";
import { type DType, tensor, tensorBytes } from "../../tensor/tensor.ts";

function smallGraph() {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 6, 6] });
  const w = b.constant(tensor("float32", [3, 2, 3, 3], new Float32Array(54).map((_, i) => Math.sin(i))), "stem.weight");
  const { op } = b;
  const h = op.LeakyRelu(op.Conv(x, w, null, { pads: [1, 1, 1, 1] }), { alpha: 0.1 });
  const up = op.Resize(h, null, null, [1, 3, 12, 12], { mode: "linear" });
  const y = op.Gelu(op.Clip(up, null, 2), { approximate: "tanh" });
  return b.build("small", { logits: op.ReduceMean(y, [2, 3], { keepdims: 0 }), features: y });
}

Deno.test("encodeModel() writes what importModel() reads back line by line", () => {
  const graph = smallGraph();
  const bytes = encodeModel(graph, { producer: "test", metadata: { recipe: "edge" } });
  const raw = decodeModel(bytes);
  assert.deepEqual([raw.opset, raw.producer, raw.metadata], [20, "test", { recipe: "edge" }]);
  assert.equal(print(importModel(bytes)), print(graph));
  const weight = raw.constants.get("stem.weight")!;
  assert.deepEqual(tensorBytes(weight), tensorBytes(graph.constants.get("stem.weight")!));
});

Deno.test("encodeModel() with open sizes states no size of a volume and no shape from which one follows", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 2, 6, 6] });
  const rows = b.op.Reshape(b.op.Relu(x), [2, 36]);
  const graph = b.build("rows", { y: rows, z: b.op.Reshape(rows, [2, 4, 9]) });
  const bytes = encodeModel(graph, { openSizes: true });
  const proto = fromBinary(ModelProtoSchema, bytes).graph!;
  const sizes = proto.input.map(({ name, type }) => {
    const { value } = type!.value as { value: { shape: { dim: { value: { value?: unknown } }[] } } };
    return [name, value.shape.dim.map((d) => d.value.value)];
  });
  const [shapes, lengths] = ["open/shapes", "open/lengths"];
  assert.deepEqual(sizes, [["x", [1n, 2n, undefined, undefined]], [shapes, [5n]], [lengths, [2n]]]);
  assert.deepEqual(proto.initializer.map((t) => t.name), [shapes, lengths]);
  const [split] = proto.node;
  assert.deepEqual([split.input, split.output], [[shapes, lengths], [...graph.constants.keys()]]);
});

Deno.test("encodeModel() keeps the bits of constants of every dtype and of every length", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1] });
  const dtypes: DType[] = ["float32", "float64", "int64", "int32", "uint8", "bool"];
  const outputs = dtypes.flatMap((dtype) =>
    // 0 and the lengths around the points at which protobuf's length prefix grows
    [0, 1, 127, 128, 16383, 16384].map((n) => {
      const values = Array.from({ length: n }, (_, i) => (dtype === "bool" ? i % 2 : i % 251));
      return [`${dtype}_${n}`, b.op.Identity(b.constant(tensor(dtype, [n], values), `w.${dtype}.${n}`))] as const;
    })
  );
  const graph = b.build("all", { y: b.op.Relu(x), ...Object.fromEntries(outputs) });
  const { constants } = decodeModel(encodeModel(graph));
  assert.equal(constants.size, 36);
  for (const [name, t] of graph.constants) assert.deepEqual(constants.get(name), t, name);
});

Deno.test("decodeModel() views large constants in the file's bytes where they are aligned", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [1, 64] });
  const bytes = encodeModel(
    b.build("g", { y: b.op.Mul(x, b.constant(tensor("float32", [64], new Float32Array(64)), "w")) }),
  );
  // one of the four shifts of the file aligns the constant
  const shared = [0, 1, 2, 3].filter((shift) => {
    const moved = new Uint8Array(bytes.length + shift).subarray(shift);
    moved.set(bytes);
    return decodeModel(moved).constants.get("w")!.data.buffer === moved.buffer;
  });
  assert.equal(shared.length, 1);
});

Deno.test("decodeModel() reads float attributes as the decimals that were written", () => {
  const b = new GraphBuilder();
  const x = b.input("x", { dtype: "float32", shape: [2, 3] });
  const scale = b.constant(tensor("float32", [3], [1, 1, 1]), "scale");
  const y = b.op.LayerNormalization(x, scale, null, { epsilon: 1e-6 });
  const [node] = decodeModel(encodeModel(b.build("g", { y: b.op.Elu(y, { alpha: 1 / 3 }) }))).nodes;
  assert.equal(node.attrs.get("epsilon"), 1e-6);
});

Deno.test("decodeModel() keeps to the limits it is given", () => {
  const bytes = encodeModel(smallGraph());
  const limits = { bytes: 1e6, nodes: 100, elements: 1e4, rank: 4 };
  decodeModel(bytes, limits);
  const cases = [
    [{ bytes: 100 }, /expected at most 100 bytes, got /],
    [{ nodes: 5 }, /expected at most 5 nodes, got 6/],
    [{ elements: 53 }, /initializer "stem.weight": expected at most 53 elements, got \[3,2,3,3\]/],
    [{ rank: 3 }, /initializer "stem.weight": expected at most 3 axes, got 4/],
  ] as const;
  for (const [limit, message] of cases) {
    assert.throws(
      () => decodeModel(bytes, { ...limits, ...limit }),
      (e) => e instanceof RangeError && message.test(e.message),
    );
  }
  assert.throws(
    () => importModel(bytes, { limits: { ...limits, elements: 200 } }),
    /Cannot import node "Resize_\d+" \(Resize\): expected at most 200 elements, got \[1,3,12,12\]/,
  );
});

Deno.test("encodeModel() refuses a file beyond protobuf's 2 GiB before it makes it", () => {
  const b = new GraphBuilder();
  const shared = tensor("float32", [2 ** 25], new Float32Array(2 ** 25));
  let y = b.input("x", { dtype: "float32", shape: [1] });
  for (let i = 0; i < 16; i++) y = b.op.Add(y, b.constant(shared, `w${i}`));
  assert.throws(
    () => encodeModel(b.build("g", { y })),
    /Cannot encode model: expected at most 2147483647 bytes, got 21474/,
  );
});
