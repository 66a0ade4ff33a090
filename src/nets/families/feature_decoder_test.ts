import assert from "node:assert/strict";
import { evaluate, type Graph, GraphBuilder, type Value } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { featureClassifier, featureDecoder, featureOutputs } from "./feature_decoder.ts";
import { featureMaps } from "./features/feature_maps.ts";
import { initialTensor } from "../layers/scope.ts";
import { buildNetwork, initialWeights, parametersOf } from "../network.ts";
import type { NetworkSpec } from "./families.ts";

const ENCODER = { inChannels: 2, widths: [4, 4, 6, 8], depths: [1, 1, 1, 1], headDim: 2, mlpRatio: 1 };
const INPUT = [1, 2, 16, 16, 32];
const FEATURES = ["x4", "x2", "x1", "x3"];

function encoderGraph(): Graph {
  const spec: NetworkSpec = { kind: "uniformer", config: ENCODER };
  const weights = initialWeights(spec, { seed: 1 });
  return buildNetwork(spec, { input: INPUT, weights, outputs: "inference" });
}

const image = tensor("float32", INPUT, Array.from({ length: 2 * 16 * 16 * 32 }, (_, i) => Math.sin(i)));

Deno.test("featureDecoder() on UniFormer's graph is UniUnet", () => {
  const net = featureDecoder({ graph: encoderGraph(), features: FEATURES }, {
    outChannels: 3,
    stemWidth: 3,
    maxWidth: 8,
  });
  const uniunet: NetworkSpec = {
    kind: "uniunet",
    config: { ...ENCODER, outChannels: 3, stemWidth: 3, multiScale: false },
  };
  const weights = initialWeights(uniunet, { seed: 2 });
  const keys = (params: { key: string }[]) => params.map((p) => p.key).sort();
  assert.deepEqual(keys(parametersOf(net)), keys(parametersOf(uniunet)));
  const run = (spec: Parameters<typeof buildNetwork>[0]) =>
    evaluate(buildNetwork(spec, { input: INPUT, weights, outputs: "training" }), { image });
  const actual = run(net), expected = run(uniunet);
  assert.deepEqual(Object.keys(actual), ["out", "feature1", "feature2", "feature3", "feature4", "x4"]);
  assert.deepEqual(actual.feature1, actual.x4, "the first of FEATURES is the deepest");
  assert.deepEqual(buildNetwork(net, { input: INPUT, weights, outputs: "inference" }).outputs, [
    "out",
    "feature1",
    "feature2",
    "feature3",
    "feature4",
  ]);
  assert.deepEqual(actual.out, expected.out);
  assert.deepEqual(actual.x4, expected.x4);
});

Deno.test("featureDecoder() takes its own network as an encoder again and leaves the former decoder out", () => {
  const config = { outChannels: 1, stemWidth: 2, maxWidth: 4 };
  const first = featureDecoder({ graph: encoderGraph(), features: FEATURES }, config);
  const weights = initialWeights(first, { seed: 3 });
  const graph = buildNetwork(first, { input: INPUT, weights, outputs: "inference" });
  const again = featureDecoder({ graph, features: featureOutputs(FEATURES) }, { ...config, outChannels: 2 });
  const shapes = (net: typeof first) => Object.fromEntries(parametersOf(net).map((p) => [p.key, p.shape]));
  const head = { "decoder.out.conv.conv.weight": [2, 2, 1, 1, 1], "decoder.out.conv.conv.bias": [2] };
  assert.deepEqual(shapes(again), { ...shapes(first), ...head });
});

Deno.test("featureDecoder() starts from the encoder's own weights and marks its statistics as buffers", () => {
  const graph = encoderGraph();
  const net = featureDecoder({ graph, features: FEATURES }, { outChannels: 1, stemWidth: 2, maxWidth: 4 });
  const own = parametersOf(net).filter((p) => p.key.startsWith("encoder."));
  assert.equal(own.length, [...graph.constants.keys()].filter((k) => k.startsWith("encoder.")).length);
  for (const p of own) {
    assert.equal(initialTensor(p, 5), graph.constants.get(p.key), p.key);
    assert.equal(p.buffer, /running_(mean|var)$/.test(p.key), p.key);
  }
  const block = parametersOf(net).find((p) => p.key === "decoder.decoder5.conv_block.conv2.conv.weight");
  assert.deepEqual(block?.shape, [4, 4, 3, 3, 3], "maxWidth limits the decoder");
});

Deno.test("featureDecoder() bridges any whole ratio of sizes", () => {
  const b = new GraphBuilder();
  const x = b.input("volume", { dtype: "float32", shape: [1, 1, 12, 8, 6] });
  const shallow = b.op.AveragePool(x, { kernel_shape: [2, 2, 1], strides: [2, 2, 1] });
  const deep = b.op.AveragePool(shallow, { kernel_shape: [3, 1, 3], strides: [3, 1, 3] });
  const graph = b.build("pools", { shallow, deep });
  const net = featureDecoder({ graph, features: ["shallow", "deep"] }, { outChannels: 2, stemWidth: 3, maxWidth: 8 });
  const weights = initialWeights(net, { seed: 1 });
  assert.deepEqual(weights.get("decoder.decoder3.transp_conv.conv.weight")!.shape, [1, 1, 3, 1, 3]);
  assert.deepEqual(weights.get("decoder.decoder2.transp_conv.conv.weight")!.shape, [1, 3, 2, 2, 1]);
  const built = buildNetwork(net, { input: [1, 1, 12, 8, 6], weights, outputs: "inference" });
  assert.deepEqual(built.inputs, ["image"]);
  assert.deepEqual(built.types.get("out")!.shape, [1, 2, 12, 8, 6]);
});

/** The decoder's shapes by key on a graph, and its output's size. */
function decoderOn(graph: Graph, features: string[]) {
  const net = featureDecoder({ graph, features }, { outChannels: 2, stemWidth: 4, maxWidth: 16 });
  const weights = initialWeights(net, { seed: 1 });
  const input = graph.types.get(graph.inputs[0])!.shape;
  const { types } = buildNetwork(net, { input, weights, outputs: "training" });
  const kernels = [...weights].filter(([key]) => key.endsWith("transp_conv.conv.weight"));
  return {
    ups: Object.fromEntries(kernels.map(([key, { shape }]) => [key.replace(/\.transp_conv.*/, ""), shape.join()])),
    out: types.get("out")!.shape,
    x4: types.get("x4")!.shape,
  };
}

Deno.test("featureDecoder() reaches the image from one map of tokens by factors of 2", () => {
  const b = new GraphBuilder();
  const x = b.input("volume", { dtype: "float32", shape: [1, 1, 32, 16, 16] });
  const kernel = tensor("float32", [12, 1, 16, 8, 8], Array(12 * 1024).fill(0.01));
  const patches = b.op.Conv(x, b.constant(kernel, "patch.weight"), null, { strides: [16, 8, 8] });
  const tokens = b.op.Transpose(b.op.Reshape(patches, [1, 12, 8]), { perm: [0, 2, 1] });
  const all = b.op.Concat(b.constant(tensor("float32", [1, 1, 12], Array(12).fill(9)), "cls_token"), tokens, {
    axis: 1,
  });
  const graph = b.build("vit", { tokens: b.op.Relu(all) });
  const net = featureDecoder({ graph, features: ["tokens"] }, { outChannels: 2, stemWidth: 4, maxWidth: 16 });
  assert.deepEqual(decoderOn(graph, ["tokens"]), {
    ups: {
      "decoder.decoder2.between1": "12,6,2,1,1",
      "decoder.decoder2.between2": "6,4,2,2,2",
      "decoder.decoder2.between3": "4,4,2,2,2",
      "decoder.decoder2": "4,4,2,2,2",
    },
    out: [1, 2, 32, 16, 16],
    x4: [1, 12, 2, 2, 2],
  });
  // the map is the patches again, without the class token
  const image = tensor("float32", x.shape, Array.from({ length: 32 * 256 }, (_, i) => i % 7));
  const weights = initialWeights(net, { seed: 1 });
  const { x4 } = evaluate(buildNetwork(net, { input: x.shape, weights, outputs: "training" }), { image });
  const { y } = evaluate(b.build("patches", { y: patches }), { volume: image });
  assert.deepEqual([...x4.data], [...y.data]);
});

Deno.test("featureDecoder() takes channels-last maps, uneven strides and odd sizes", () => {
  const b = new GraphBuilder();
  const x = b.input("volume", { dtype: "float32", shape: [1, 2, 9, 13, 10] });
  const pool = (v: Value, [strides, pads]: readonly [number[], number[]]) =>
    b.op.MaxPool(v, { kernel_shape: strides.map((s) => s + pads[0]), strides, pads: [...pads, ...pads] });
  const shallow = pool(x, [[1, 2, 2], [0, 0, 0]]); // 9, 6, 5: the last row of 13 is left out
  const deep = pool(shallow, [[2, 2, 2], [1, 1, 1]]); // 5, 3, 3: half, rounded up
  const graph = b.build("odd", { shallow: b.op.Transpose(shallow, { perm: [0, 2, 3, 4, 1] }), deep });
  assert.deepEqual(decoderOn(graph, ["shallow", "deep"]), {
    ups: { "decoder.decoder3": "2,2,2,2,2", "decoder.decoder2": "2,4,1,2,2" },
    out: [1, 2, 9, 13, 10],
    x4: [1, 2, 5, 3, 3],
  });
});

Deno.test("featureClassifier() averages the deepest map, brings the means to one scale and applies one linear layer", () => {
  const graph = encoderGraph(), encoder = { graph, features: FEATURES };
  const logitsOn = (net: ReturnType<typeof featureClassifier>) => {
    const weights = initialWeights(net, { seed: 1 });
    weights.set("head.weight", tensor("float32", [2, 8], [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]));
    weights.set("head.bias", tensor("float32", [2], [0, 10]));
    const { logits, x4 } = evaluate(buildNetwork(net, { input: INPUT, weights, outputs: "training" }), { image });
    // x4 is [1, 8, 1, 1, 2]
    const means = Array.from({ length: 8 }, (_, c) => (x4.data[2 * c] + x4.data[2 * c + 1]) / 2);
    return { logits: [...logits.data], means };
  };
  const { logits, means } = logitsOn(featureClassifier(encoder, { classes: 2 }));
  const centre = means.reduce((a, b) => a + b, 0) / 8;
  const scale = Math.sqrt(means.reduce((sum, v) => sum + (v - centre) ** 2, 0) / 8 + 1e-5);
  assertClose(logits, [(means[0] - centre) / scale, (means[1] - centre) / scale + 10], { rtol: 1e-12, what: "logits" });
  // a classifier that was made here before there was a norm
  const made = { ...graph, outputs: ["logits", "feature1"] };
  const before = logitsOn(featureClassifier({ graph: made, features: FEATURES }, { classes: 2 }));
  assert.deepEqual(before.logits, [before.means[0], before.means[1] + 10]);
});

Deno.test("featureDecoder() refuses values that form no pyramid of feature maps of one image", () => {
  const config = { outChannels: 1, stemWidth: 2, maxWidth: 8 };
  const graph = encoderGraph();
  const refuse = (features: string[], message: string, g = graph) =>
    assert.throws(() => featureDecoder({ graph: g, features }, config), { name: "RangeError", message });
  refuse([], "Cannot build featureDecoder: expected the name of at least one feature map, got none");
  refuse(
    ["x9"],
    "Cannot build featureDecoder: expected a value x9 in uniformer, got none; its feature maps are " +
      featureMaps(graph).map(({ name }) => name).join(", "),
  );
  refuse(
    ["encoder.norm.weight"],
    "Cannot build featureDecoder: expected encoder.norm.weight to be a feature map [N, C, x, y, z], [N, x, y, z, C] or " +
      "[N, T, C] of the image [16,16,32], got [8]",
  );
  const b = new GraphBuilder();
  const x = b.input("volume", { dtype: "float32", shape: [1, 1, 8, 4, 4] });
  const y = b.op.Slice(x, [0], [5], [2], [1]);
  refuse(
    ["y"],
    "Cannot build featureDecoder: expected volume to be a whole multiple in size of y [5,4,4], got [8,4,4]",
    b.build("part", { y: b.op.Identity(y) }),
  );
  const net = featureDecoder({ graph, features: FEATURES }, config);
  assert.throws(() => buildNetwork(net, { input: [2, ...INPUT.slice(1)], weights: new Map(), outputs: "inference" }), {
    name: "RangeError",
    message: "Cannot build featureDecoder: expected input the encoder's [1,2,16,16,32], got [2,2,16,16,32]",
  });
});
