/** The whole backward of a training step – every layer of UniUnet, three heads, two views – against differences in float64. */
import assert from "node:assert/strict";
import { evaluate, type Graph, GraphBuilder, type Node, type Value } from "../../graph/mod.ts";
import { type NdArray, Random, sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { assertClose } from "../../graph/testing/check.ts";
import { buildNetwork, initialWeights, isBuffer, type NetworkSpec } from "../../nets/mod.ts";
import { ADAM_DEFAULTS } from "../recipe/optimizer.ts";
import { trainingStep } from "./finetuning_step.ts";

const TINY: NetworkSpec = {
  kind: "uniunet",
  config: {
    inChannels: 2,
    outChannels: 2,
    widths: [4, 4, 4, 8],
    depths: [1, 1, 1, 1],
    headDim: 4,
    mlpRatio: 2,
    stemWidth: 3,
  },
};
/** Four voxels at the deepest level: fewer, and its batch statistics leave no gradient. */
const SHAPE = [1, 2, 32, 32, 16];

const CONFIGS = {
  paper: { consistency: { on: "x4", weight: 0.1 }, supervision: "sum" },
  official: { consistency: { on: "out4", weight: 0.1 }, supervision: "concat" },
} as const;

/** Parts of the network, each a direction of its own: no part's error drowns in another's slope. */
const PARTS = [
  "encoder.patch_embed",
  "encoder.blocks1",
  "encoder.blocks2",
  "encoder.blocks3",
  "encoder.blocks4",
  "encoder.norm",
  "decoder",
  "ms_out",
];

/** Short, because LayerNormalization of a few channels that are nearly equal bends sharply. */
const STEP = 1e-6;
/** The rounding error of a difference of two losses near 4 over 2·STEP. */
const ROUNDING = 1e-8;

/** `graph` again in a new builder, its nodes replaced as `visit` says. */
function replay(
  graph: Graph,
  visit?: (b: GraphBuilder, node: Node, known: ReadonlyMap<string, Value>) => Value | undefined,
) {
  const b = new GraphBuilder();
  const bind = (name: string) => graph.inputs.includes(name) ? b.input(name, graph.types.get(name)!) : undefined;
  return { b, values: b.inline(graph, bind, visit && ((node, known) => visit(b, node, known))) };
}

/** The part of `graph` that some of its outputs need. */
function partOf(graph: Graph, outputs: readonly string[]): Graph {
  const { b, values } = replay(graph);
  return b.build("part", Object.fromEntries(outputs.map((name) => [name, values.get(name)!])));
}

/**
 * The loss with a factor in place of every LeakyRelu, the slope that it has at `feeds`: there with the same value and
 * gradient, and without kinks for differences to cross.
 */
function smoothLoss(
  graph: Graph,
  feeds: Readonly<Record<string, Tensor>>,
): (feeds: Record<string, NdArray | Tensor>) => number {
  const slopes: Record<string, Value> = {};
  const { b } = replay(graph, (b, { op, inputs: [x], attrs, output }, known) => {
    if (op !== "LeakyRelu") return undefined;
    const [right, left] = [1, Number(attrs.alpha)].map((v) => b.literal("float64", v));
    slopes[`slope of ${output}`] = b.op.Where(b.op.GreaterOrEqual(known.get(x)!, 0), right, left);
    return undefined;
  });
  const fixed = evaluate(b.build("slopes", slopes), feeds);
  const smooth = replay(graph, (b, { op, inputs: [x], output }, known) => {
    if (op !== "LeakyRelu") return undefined;
    const input = known.get(x)!;
    return b.op.Mul(input, b.input(`slope of ${output}`, input));
  });
  const loss = smooth.b.build("smooth loss", { loss: smooth.values.get("loss")! });
  return (moved) => evaluate(loss, { ...feeds, ...fixed, ...moved }).loss.data[0];
}

/** Random views and labels; weights that no symmetry makes equal, away from their initial zeros and ones. */
function feedsFor({ inputs, types }: Graph, weights: ReadonlyMap<string, Tensor>): Record<string, Tensor> {
  const draw = (name: string) => {
    const { shape } = types.get(name)!, random = new Random(name);
    const list = (f: (i: number) => number) =>
      tensor("float32", shape, Array.from({ length: sizeOf(shape) }, (_, i) => f(i)));
    const start = weights.get(name);
    if (name === "target") return list(() => Number(random.uniform() < 0.3));
    if (start === undefined) return list(() => random.normal());
    return isBuffer(name) ? start : list((i) => Number(start.data[i]) + 0.1 * random.normal());
  };
  return Object.fromEntries(inputs.map((name) => [name, draw(name)]));
}

/** Asserts that the loss's slope along a random direction in the weights whose keys begin so is what differences say. */
function assertSlope(
  loss: ReturnType<typeof smoothLoss>,
  { feeds, gradients, prefix }: {
    readonly feeds: Readonly<Record<string, Tensor>>;
    readonly gradients: ReadonlyMap<string, NdArray>;
    readonly prefix: string;
  },
): void {
  const random = new Random(prefix);
  const moved = [...gradients].filter(([key]) => key.startsWith(prefix)).map(([key, { shape, data }]) => {
    const move = Float64Array.from(data, () => random.normal());
    const slope = move.reduce((sum, u, i) => sum + u * data[i], 0);
    const at = (t: number) => ({ shape, data: move.map((u, i) => Number(feeds[key].data[i]) + t * u) });
    return { key, slope, at };
  });
  const lossAt = (t: number) => loss(Object.fromEntries(moved.map(({ key, at }) => [key, at(t)])));
  const slope = moved.reduce((sum, m) => sum + m.slope, 0);
  const difference = (lossAt(STEP) - lossAt(-STEP)) / (2 * STEP);
  assertClose([slope], [difference], { rtol: 1e-5, atol: ROUNDING, what: `slope along ${prefix}*` });
}

function testGradients(preset: keyof typeof CONFIGS, prefixes: readonly string[]): void {
  const weights = initialWeights(TINY, { seed: 1 });
  const network = buildNetwork(TINY, { input: SHAPE, weights, outputs: "training" });
  const { graph, trainable } = trainingStep(network, {
    task: "segmentation",
    heads: ["out4", "out3", "out"],
    views: 2,
    optimizer: { kind: "adamw", weightDecay: 0, ...ADAM_DEFAULTS },
    isTrainable: (key) => weights.has(key),
    exposeGradients: true,
    ...CONFIGS[preset],
  });
  assert.ok(trainable.every((key) => PARTS.some((prefix) => key.startsWith(prefix))), "expected parts of all weights");
  const feeds = feedsFor(graph, weights);
  const found = evaluate(partOf(graph, trainable.map((key) => `gradient/${key}`)), feeds);
  const gradients = new Map(trainable.map((key) => [key, found[`gradient/${key}`]]));
  const loss = smoothLoss(graph, feeds);
  for (const prefix of prefixes) assertSlope(loss, { feeds, gradients, prefix });
}

Deno.test("trainingStep() of the paper's losses differentiates every part of UniUnet as differences do", () =>
  testGradients("paper", PARTS));

Deno.test("trainingStep() of the official code's losses differentiates UniUnet as differences do", () =>
  testGradients("official", [""]));

Deno.test("trainingStep() lets the second view wait for the gradients of the first where the losses allow it", () => {
  const weights = initialWeights(TINY, { seed: 0 });
  const network = buildNetwork(TINY, { input: SHAPE, weights, outputs: "training" });
  const convolutions = ({ nodes }: Graph, output: string) => {
    const needed = new Set([output]);
    const found = nodes.toReversed().filter((node) => {
      if (needed.has(node.output)) node.inputs.forEach((name) => needed.add(name));
      return needed.has(node.output) && node.op === "Conv";
    });
    return found.length;
  };
  const forward = network.nodes.filter((n) => n.op === "Conv").length;
  const before = (preset: keyof typeof CONFIGS) => {
    const { graph } = trainingStep(network, {
      task: "segmentation",
      heads: ["out4", "out3", "out"],
      ...CONFIGS[preset],
      views: 2,
      optimizer: { kind: "adamw", weightDecay: 0, ...ADAM_DEFAULTS },
      isTrainable: (key) => weights.has(key) && !isBuffer(key),
    });
    return convolutions(graph, "loss");
  };
  // a convolution of a trained layer has two more in its gradient, that of the image one
  assert.ok(before("paper") > 3 * forward, `${before("paper")} convolutions before the loss, ${forward} a view`);
  assert.equal(before("official"), 2 * forward);
});

Deno.test("trainingStep() normalises what is averaged over space of one crop by the running statistics, all else by the batch's", () => {
  const lossOf = (isAveraged: boolean, mean: number, image: readonly number[], atOnce?: "at once") => {
    const crops = image.length / 4;
    const b = new GraphBuilder();
    const constant = (name: string, values: readonly number[]) =>
      b.constant(tensor("float32", [2], values), `norm.${name}`);
    const x = b.input("image", { dtype: "float32", shape: [crops, 2, 2, 1, 1] });
    const affine = [constant("weight", [1, 1]), constant("bias", [0, 0])] as const;
    const running = [constant("running_mean", [mean, 0]), constant("running_var", [4, 1])] as const;
    const y = b.op.BatchNormalization(x, ...affine, ...running, { epsilon: 0 });
    const logits = isAveraged
      ? b.op.ReduceMean(y, [2, 3, 4], { keepdims: 0 })
      : b.op.ReduceMax(y, [2, 3, 4], { keepdims: 0 });
    const { graph } = trainingStep(b.build("tiny", { logits }), {
      task: "classification",
      heads: ["logits"],
      consistency: null,
      views: 1,
      supervision: "sum",
      optimizer: { kind: "adamw", weightDecay: 0, ...ADAM_DEFAULTS },
      isTrainable: () => false,
      ...(atOnce && { crops }),
    });
    const feeds: Record<string, Tensor> = {
      view1: tensor("float32", [crops, 2, 2, 1, 1], image),
      target: tensor("float32", [crops, 2], Array.from({ length: crops }, () => [1, 0]).flat()),
      learningRate: tensor("float32", [], [1]),
      step: tensor("float32", [], [1]),
      "norm.running_mean": tensor("float32", [2], [mean, 0]),
      "norm.running_var": tensor("float32", [2], [4, 1]),
    };
    const { loss, ...next } = evaluate(graph, feeds);
    return { loss: loss.data[0], mean: next["next/norm.running_mean"].data[0] };
  };
  const entropy = (a: number, b: number) => Math.log(Math.exp(a) + Math.exp(b)) - a;
  // channel 0 holds 3 and 5: by running mean 2 and deviation 2 their mean is 1; by their own the greater is 1
  assertClose([lossOf(true, 2, [3, 5, 0, 0]).loss], [entropy(1, 0)], { rtol: 1e-6, what: "averaged" });
  assertClose([lossOf(false, 2, [3, 5, -1, 1]).loss], [entropy(1, 1)], { rtol: 1e-6, what: "not averaged" });
  // two crops keep their own averages: 4 and 2 by their mean 3 and deviation 1
  const two = [4, 4, -1, 1, 2, 2, -1, 1], both = (entropy(1, 0) + entropy(-1, 0)) / 2;
  assertClose([lossOf(true, 2, two).loss], [both], { rtol: 1e-6, what: "averaged, of two crops" });
  assertClose([lossOf(true, 2, [3, 5, 0, 0]).mean], [0.9 * 2 + 0.1 * 4], { rtol: 1e-6, what: "running mean" });
  // as micro-batches the second one is normalised by what the first one has moved: mean 2.2, variance 3.6
  const apart = lossOf(true, 2, two, "at once"), inTurn = (entropy(1, 0) + entropy(-0.2 / Math.sqrt(3.6), 0)) / 2;
  assertClose([apart.loss], [inTurn], { rtol: 1e-6, what: "averaged, of two crops apart" });
  assertClose([apart.mean], [0.9 * 2.2 + 0.1 * 2], { rtol: 1e-6, what: "running mean of two crops apart" });
});

/** Losses, gradients and running statistics of micro-batches of one crop each, accumulated. */
function accumulated(graph: Graph, outputs: readonly string[], crops: readonly Record<string, Tensor>[]) {
  const part = partOf(graph, outputs);
  const sums = new Map<string, number[]>();
  let state: Record<string, NdArray> = {};
  for (const feeds of crops) {
    const found = evaluate(part, { ...feeds, ...state });
    for (const [name, { data }] of Object.entries(found)) {
      const before = sums.get(name);
      sums.set(name, Array.from(data, (v, i) => name.startsWith("next/") ? v : (before?.[i] ?? 0) + v / crops.length));
    }
    const isState = (name: string) => name.startsWith("next/");
    state = Object.fromEntries(Object.entries(found).filter(([n]) => isState(n)).map(([n, v]) => [n.slice(5), v]));
  }
  return sums;
}

for (const preset of ["paper", "official"] as const) {
  Deno.test(`trainingStep() of crops and views at once is that of each by itself (${preset})`, () => {
    const weights = initialWeights(TINY, { seed: 1 });
    const stepOf = (batch: number, crops?: number) =>
      trainingStep(buildNetwork(TINY, { input: SHAPE.with(0, batch), weights, outputs: "training" }), {
        task: "segmentation",
        heads: ["out4", "out"],
        views: 2,
        optimizer: { kind: "adamw", weightDecay: 0, ...ADAM_DEFAULTS },
        isTrainable: (key) => weights.has(key) && !isBuffer(key),
        exposeGradients: true,
        crops,
        ...CONFIGS[preset],
      });
    const { graph: together } = stepOf(4, 2), { graph: single, trainable } = stepOf(1);
    const feeds = feedsFor(together, weights);
    const fed = ["view1", "view2", "target"];
    const crops = [0, 1].map((i) => {
      const half = ({ dtype, shape, data }: Tensor) => {
        const size = data.length / 2;
        return tensor(dtype, shape.with(0, 1), Array.from(data.slice(i * size, (i + 1) * size), Number));
      };
      return { ...feeds, ...Object.fromEntries(fed.map((name) => [name, half(feeds[name])])) };
    });
    const statistics = single.outputs.filter((name) => isBuffer(name));
    const outputs = ["loss", "supervision", "consistency", ...trainable.map((k) => `gradient/${k}`), ...statistics];
    assert.ok(statistics.length > 0);
    const expected = accumulated(single, outputs, crops);
    const found = evaluate(partOf(together, outputs), feeds);
    for (const [name, values] of expected) {
      const atol = 1e-9 * Math.max(...values.map(Math.abs), 1e-3);
      assertClose(found[name].data, values, { atol, what: name });
    }
    assert.throws(() => stepOf(3, 2), { message: /: expected a batch of 2 views of 2 crops, got 3$/ });
  });
}
