/**
 * Mixed precision on this machine's OpenVINO: products round to bfloat16, statistics, losses and differences do not. A
 * network's answers stay near those of float32, and views that are the same do not differ.
 */
import assert from "node:assert/strict";
import { Devices, type Engine } from "../src/engine/mod.ts";
import { encodeModel, lower } from "../src/graph/mod.ts";
import { Random, sizeOf, type Tensor, tensor } from "../src/tensor/mod.ts";
import { buildNetwork, initialWeights, isBuffer, type NetworkSpec } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, trainingStep } from "../src/train/mod.ts";

const devices = new Devices();

const SPEC: NetworkSpec = {
  kind: "uniunet",
  config: { inChannels: 2, outChannels: 2, widths: [8, 8, 8, 16], depths: [1, 1, 1, 1], headDim: 8, stemWidth: 8 },
};
const SIZE = [1, 2, 32, 32, 32] as const;

/** Largest difference of a step's loss from that of float32, relative. */
const LOSS = 1e-2;
/** Most that rounding adds to the mean square of differences between features of nearly equal views. */
const CONSISTENCY = 3e-4;

const drawn = (name: string, shape: readonly number[], draw: (random: Random) => number): Tensor => {
  const random = new Random(name);
  return tensor("float32", shape, Array.from({ length: sizeOf(shape) }, () => Math.fround(draw(random))));
};

const weights = initialWeights(SPEC, { seed: 1 });
const network = buildNetwork(SPEC, { input: [...SIZE], weights, outputs: "training" });
const STEP = trainingStep(network, {
  task: "segmentation",
  heads: ["out4", "out3", "out"],
  views: 2,
  optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
  isTrainable: (key) => weights.has(key) && !isBuffer(key),
  consistency: { on: "x4", weight: 0.1 },
  supervision: "sum",
});

const view = drawn("view", SIZE, (random) => random.normal());
/** The view with a change of a thousandth. */
const near = tensor(
  "float32",
  SIZE,
  Float32Array.from(view.data as Float32Array, (v, i) => v * (1 + 1e-3 * Math.sin(i))),
);

/** The losses of one step, for each second view. */
async function lossesOn(engine: Engine, views: readonly Tensor[]): Promise<{ loss: number; consistency: number }[]> {
  const { graph, state } = STEP;
  const session = await engine.load(
    encodeModel(lower(graph, engine.lowering).graph, { openSizes: engine.traits.sizesAreOpen }),
  );
  const held = [...state.keys()].map((name) => {
    const { shape } = graph.types.get(name)!;
    return [name, weights.get(name) ?? tensor("float32", shape, new Float32Array(sizeOf(shape)))];
  });
  const feeds = {
    ...Object.fromEntries(held),
    view1: view,
    target: drawn("target", graph.types.get("target")!.shape, (random) => Number(random.uniform() < 0.3)),
    learningRate: tensor("float32", [], [1e-3]),
    step: tensor("float32", [], [1]),
  };
  const found = [];
  for (const view2 of views) {
    const { loss, consistency } = await session.run({ ...feeds, view2 }, { fetch: ["loss", "consistency"] });
    found.push({ loss: Number(loss.data[0]), consistency: Number(consistency.data[0]) });
  }
  await session.release();
  return found;
}

const { state, reason } = (await devices.probe()).find(({ provider }) => provider === "openvino")!;
const engine = state === "ready" ? await devices.open("openvino", { precision: "mixed" }) : null;
const absent = engine === null ? reason : engine.precision === "mixed" ? undefined : "this processor has no bfloat16";
Deno.test.afterAll(() => engine?.close());

Deno.test({
  name: `a training step in mixed precision has nearly the loss of float32 (${absent ?? "openvino"})`,
  ignore: absent !== undefined,
  async fn() {
    const exact = await devices.open("openvino", { precision: "float32" });
    const [expected] = await lossesOn(exact, [near]);
    await exact.close();
    const [found, same] = await lossesOn(engine!, [near, view]);
    const off = Math.abs(found.loss / expected.loss - 1);
    assert.ok(off < LOSS, `the loss is off by ${off}`);
    assert.notEqual(found.loss, expected.loss, "nothing was rounded");
    const added = Math.abs(found.consistency - expected.consistency);
    assert.ok(added < CONSISTENCY, `nearly equal views: ${found.consistency}, in float32 ${expected.consistency}`);
    assert.equal(same.consistency, 0, "the same view twice");
  },
});
