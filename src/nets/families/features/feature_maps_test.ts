import assert from "node:assert/strict";
import { type Graph, GraphBuilder, type Value } from "../../../graph/mod.ts";
import { tensor } from "../../../tensor/mod.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { featureMaps } from "./feature_maps.ts";

const weights = (shape: readonly number[]) => tensor("float32", shape, Array(sizeOf(shape)).fill(0.1));

function graphOf(image: readonly number[], make: (b: GraphBuilder, x: Value) => Record<string, Value>): Graph {
  const b = new GraphBuilder();
  return b.build("net", make(b, b.input("image", { dtype: "float32", shape: image })));
}

/** A convolution with activation. */
function block({ op }: GraphBuilder, x: Value, [out, kernel, stride]: readonly [number, number[], number[]]): Value {
  const pads = [...kernel, ...kernel].map((k) => k >> 1);
  return op.Relu(op.Conv(x, weights([out, x.shape[1], ...kernel]), null, { strides: stride, pads }));
}

const shown = (graph: Graph) =>
  featureMaps(graph).map(({ layout, channels, grid, strides, receptiveWindow, stage }) =>
    `${stage ? "*" : ""}${layout} ${channels} at ${grid.join("x")}, strides ${strides.join("x")}, ` +
    (receptiveWindow?.join("x") ?? "everything")
  );

Deno.test("featureMaps() lists the stages of a U-Net with uneven strides and odd sizes, and its decoder", () => {
  const graph = graphOf([1, 2, 9, 16, 16], (b, x) => {
    const first = block(b, x, [4, [3, 3, 3], [1, 1, 1]]);
    const second = block(b, first, [6, [1, 3, 3], [1, 2, 2]]);
    const third = block(b, second, [8, [3, 3, 3], [2, 2, 2]]);
    const up = b.op.Resize(third, null, null, [1, 8, 9, 8, 8], { mode: "linear" });
    const joined = b.op.Concat(up, second, { axis: 1 });
    const pooled = b.op.ReduceMean(third, [2, 3, 4], { keepdims: 1 });
    return { out: b.op.Conv(joined, weights([3, 14, 1, 1, 1]), null, {}), pooled: b.op.Sigmoid(pooled) };
  });
  assert.deepEqual(shown(graph), [
    "map 4 at 9x16x16, strides 1x1x1, 3x3x3",
    "*map 6 at 9x8x8, strides 1x2x2, 3x5x5",
    "*map 8 at 5x4x4, strides 2x4x4, 5x9x9",
    "map 8 at 9x8x8, strides 1x2x2, 7x13x13",
    "map 14 at 9x8x8, strides 1x2x2, 7x13x13",
    "map 3 at 9x8x8, strides 1x2x2, 7x13x13",
  ]);
});

Deno.test("featureMaps() finds the grid of a ViT's tokens behind its class token", () => {
  const graph = graphOf([1, 1, 8, 16, 8], (b, x) => {
    const { op } = b;
    const patches = op.Conv(x, weights([6, 1, 4, 4, 4]), null, { strides: [4, 4, 4] });
    const tokens = op.Transpose(op.Reshape(patches, [1, 6, 16]), { perm: [0, 2, 1] });
    const all = op.Concat(weights([1, 1, 6]), tokens, { axis: 1 });
    const qkv = op.Transpose(op.Reshape(op.MatMul(all, weights([6, 18])), [1, 17, 3, 2, 3]), { perm: [2, 0, 3, 1, 4] });
    const [q, k, v] = [0, 1, 2].map((i) => op.Reshape(op.Slice(qkv, [i], [i + 1], [0], [1]), [1, 2, 17, 3]));
    const scores = op.Softmax(op.MatMul(q, op.Transpose(k, { perm: [0, 1, 3, 2] })), { axis: -1 });
    const mixed = op.Reshape(op.Transpose(op.MatMul(scores, v), { perm: [0, 2, 1, 3] }), [1, 17, 6]);
    const out = op.LayerNormalization(op.Add(all, mixed), weights([6]), weights([6]), {});
    return { logits: op.Gemm(op.Reshape(op.Slice(out, [0], [1], [1], [1]), [1, 6]), weights([6, 2]), null, {}) };
  });
  assert.deepEqual(shown(graph), [
    "tokens 18 at 2x4x2, strides 4x4x4, 4x4x4",
    "*tokens 6 at 2x4x2, strides 4x4x4, everything",
  ]);
});

Deno.test("featureMaps() follows windows with channels last and takes no shifted part for a map", () => {
  const graph = graphOf([1, 1, 8, 8, 8], (b, x) => {
    const { op } = b;
    const patches = op.Transpose(op.Conv(x, weights([4, 1, 2, 2, 2]), null, { strides: [2, 2, 2] }), {
      perm: [0, 2, 3, 4, 1],
    });
    const shifted = op.Concat(op.Slice(patches, [1], [4], [1], [1]), op.Slice(patches, [0], [1], [1], [1]), {
      axis: 1,
    });
    const windows = op.Transpose(op.Reshape(shifted, [1, 2, 2, 2, 2, 2, 2, 4]), { perm: [0, 1, 3, 5, 2, 4, 6, 7] });
    const mixed = op.MatMul(op.Softmax(op.Reshape(windows, [8, 8, 4]), { axis: 1 }), weights([4, 4]));
    const back = op.Transpose(op.Reshape(mixed, [1, 2, 2, 2, 2, 2, 2, 4]), { perm: [0, 1, 4, 2, 5, 3, 6, 7] });
    const sum = op.Add(patches, op.Reshape(back, [1, 4, 4, 4, 4]));
    const even = op.Slice(sum, [0, 0, 0], [4, 4, 4], [1, 2, 3], [2, 2, 2]);
    const odd = op.Slice(sum, [1, 1, 1], [4, 4, 4], [1, 2, 3], [2, 2, 2]);
    return { deep: op.MatMul(op.Concat(even, odd, { axis: 4 }), weights([8, 8])) };
  });
  assert.deepEqual(shown(graph), [
    "*channels-last 4 at 4x4x4, strides 2x2x2, everything",
    "*channels-last 8 at 2x2x2, strides 4x4x4, everything",
  ]);
});
