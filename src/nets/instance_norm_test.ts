/** UniFormers that normalise each image by its own statistics. */
import assert from "node:assert/strict";
import { evaluate, type Graph } from "../graph/mod.ts";
import { assertClose } from "../graph/testing/check.ts";
import { Random, sizeOf, type Tensor, tensor, toNumbers } from "../tensor/mod.ts";
import { buildNetwork, initialWeights, isBuffer, type NetworkSpec, varied } from "./mod.ts";

const SIZES = { widths: [4, 4, 8, 8], depths: [1, 1, 1, 1], headDim: 4, mlpRatio: 2, inChannels: 1 } as const;
const UNIUNET = { kind: "uniunet", config: { ...SIZES, stemWidth: 3, outChannels: 2 } } as const;
const CLASSIFIER = { kind: "uniformer-classifier", config: { ...SIZES, classes: 2 } } as const;
const EDGE = 32, VOXELS = EDGE ** 3;

const variation = { task: "segmentation", instanceNorm: true, deepSupervision: true } as const;

function networkOf(spec: NetworkSpec, { crops = 1, weights = initialWeights(spec, { seed: 2 }) }): Graph {
  return buildNetwork(spec, { input: [crops, 1, EDGE, EDGE, EDGE], weights, outputs: "inference" });
}

const operators = ({ nodes }: Graph) => nodes.map(({ op }) => op);

const imageOf = (seed: string, scale: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: VOXELS }, () => scale * random.normal());
};

Deno.test("instanceNorm puts InstanceNormalization with the same scale and bias in the place of every BatchNormalization", () => {
  const spec = varied(UNIUNET, variation);
  assert.deepEqual(spec, { ...UNIUNET, config: { ...UNIUNET.config, instanceNorm: true } });
  const keys = (of: NetworkSpec) => [...initialWeights(of, { seed: 2 }).keys()];
  assert.deepEqual(keys(spec), keys(UNIUNET).filter((key) => !isBuffer(key)));
  const batch = networkOf(UNIUNET, {}), own = networkOf(spec, {});
  const scales = (graph: Graph, op: string) =>
    graph.nodes.filter((node) => node.op === op).map(({ inputs }) => inputs.slice(1, 3)).filter(([key]) =>
      key.startsWith("encoder.")
    );
  assert.equal(scales(batch, "BatchNormalization").length, 5);
  assert.deepEqual(scales(own, "InstanceNormalization"), scales(batch, "BatchNormalization"));
  assert.ok(!operators(own).includes("BatchNormalization"));
});

Deno.test("instanceNorm is BatchNormalization by the image's own statistics, and an image's answer its own in any batch", () => {
  const spec = varied(UNIUNET, variation);
  const weights = new Map([...initialWeights(UNIUNET, { seed: 2 })].map(([key, t]): [string, Tensor] => {
    const random = new Random(key);
    const near = toNumbers(t).map((v) => v + 0.2 * random.normal());
    return [key, isBuffer(key) ? t : tensor("float32", t.shape, near)];
  }));
  const run = (graph: Graph, image: Float32Array) => {
    const feeds = { image: tensor("float32", [image.length / VOXELS, 1, EDGE, EDGE, EDGE], image) };
    return evaluate(graph, feeds);
  };
  const [one, other] = [imageOf("a", 1), imageOf("b", 3)];
  const alone = run(networkOf(spec, { weights }), one).out.data;

  // measure the statistics of this image layer by layer, and give them to the network of BatchNormalizations
  const measured = new Map(weights);
  const norms = networkOf(UNIUNET, { weights }).nodes.filter(({ op }) => op === "BatchNormalization");
  for (const { inputs: [x, , , mean, variance] } of norms) {
    const graph = networkOf(UNIUNET, { weights: measured });
    const { data, shape } = run({ ...graph, outputs: [x] }, one)[x], size = sizeOf(shape.slice(2));
    const rows = Array.from({ length: shape[1] }, (_, c) => Array.from(data.slice(c * size, (c + 1) * size)));
    const means = rows.map((row) => row.reduce((a, b) => a + b, 0) / size);
    const squares = rows.map((row, c) => row.reduce((a, b) => a + (b - means[c]) ** 2, 0) / size);
    measured.set(mean, tensor("float32", [shape[1]], means)).set(variance, tensor("float32", [shape[1]], squares));
  }
  const byBatch = run(networkOf(UNIUNET, { weights: measured }), one).out.data;
  assertClose(alone, byBatch, { atol: 1e-4, what: "logits" });

  const both = new Float32Array([...one, ...other]);
  const together = run(networkOf(spec, { crops: 2, weights }), both).out.data;
  assertClose(together.slice(0, alone.length), alone, { atol: 1e-9, what: "logits beside another image" });
});

Deno.test("instanceNorm leaves the features that a classifier averages to their running statistics", () => {
  for (const allStages of [false, true]) {
    const from = { ...CLASSIFIER, config: { ...CLASSIFIER.config, allStages } };
    const spec = varied(from, { ...variation, task: "classification" });
    const { nodes } = networkOf(spec, {});
    const left = nodes.filter(({ op }) => op === "BatchNormalization").map(({ inputs: [, key] }) => key);
    assert.deepEqual(left, ["encoder.norm.weight", ...(allStages ? ["head_norm.weight"] : [])]);
    assert.equal(
      nodes.filter(({ op, inputs }) => op === "InstanceNormalization" && /^encoder\.blocks[12]\./.test(inputs[1]))
        .length,
      4,
    );
  }
});

Deno.test("varied() leaves a network as it is unless it is asked to change, and drops the heads of deep supervision", () => {
  const same = { task: "segmentation", instanceNorm: false, deepSupervision: true } as const;
  assert.deepEqual(varied(UNIUNET, same), UNIUNET);
  const plain = { ...same, deepSupervision: false };
  assert.deepEqual(varied(UNIUNET, plain).config, { ...UNIUNET.config, multiScale: false });
  assert.deepEqual(varied({ kind: "unet3d", config: {} }, plain).config, { deepSupervision: false });
  assert.deepEqual(varied(CLASSIFIER, { ...plain, task: "classification" }), CLASSIFIER);
});
