/**
 * Whole networks, small, on every other engine of this machine as on the CPU's: the forward pass, three fine-tuning
 * updates (docs/method F.5's step) whose weights and optimizer state never leave the device, and a segmented volume. The
 * CPU engine's own truth is F.2, F.5 and float64 (`vectors_test.ts`, `finetuning_vectors_test.ts`).
 */
import assert from "node:assert/strict";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { Devices, type Engine, type Provider, type Resident } from "../src/engine/mod.ts";
import { encodeModel, type Graph, lower } from "../src/graph/mod.ts";
import { Random, sizeOf, type Tensor, tensor, toNumbers } from "../src/tensor/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { loadGraph, slidingLogits, windowRunner } from "../src/inference/mod.ts";
import { dice } from "../src/metrics/mod.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, type NetworkSpec } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, type StepConfig, trainingStep } from "../src/train/mod.ts";

const devices = new Devices();

interface Net {
  readonly name: string;
  readonly spec: NetworkSpec;
  readonly input: readonly number[];
  /** Losses of its fine-tuning. */
  readonly losses?: Pick<StepConfig, "consistency" | "supervision">;
}

const SMALL = { inChannels: 2, outChannels: 2, widths: [4, 4, 4, 8], depths: [1, 1, 1, 1], headDim: 4, mlpRatio: 2 };
const PAPER = { consistency: { on: "x4", weight: 0.1 }, supervision: "sum" } as const;

const NETS: readonly Net[] = [
  {
    name: "UniUnet",
    spec: { kind: "uniunet", config: { ...SMALL, stemWidth: 3 } },
    input: [1, 2, 32, 32, 16],
    losses: PAPER,
  },
  {
    name: "the edge network",
    spec: { kind: "uniunet", config: { ...EDGE, ...SMALL, stemWidth: 8 } },
    input: [1, 2, 32, 16, 32],
  },
  {
    name: "UNET3D",
    spec: { kind: "unet3d", config: { inChannels: 2, outChannels: 2, width: 8 } },
    input: [1, 2, 16, 16, 16],
  },
];

const UPDATES = 3;
/** Largest error of a logit, relative to the largest logit. */
const LOGITS = 1e-5;
/** Largest error of a loss, relative; of a gradient's element, relative to the largest of its tensor. */
const LOSS = 1e-5, GRADIENT = 1e-3;
/** Gradients smaller than this share of the largest one are rounding noise. */
const NOISE = 1e-3;
/** Largest error of a weight after the updates, each of up to `RATE`; of other state, relative to its tensor's largest. */
const WEIGHT = 1e-5, STATE = 1e-3, RATE = 1e-3;
/** Above rounding noise in a gradient that should be 0 (a bias before a normalisation): Adam's steps of it stay small. */
const EPSILON = 1e-3;

/** Weights that no symmetry makes equal, away from their initial zeros and ones. */
function weightsOf(spec: NetworkSpec): Map<string, Tensor> {
  const moved = ([key, t]: [string, Tensor]): [string, Tensor] => {
    const random = new Random(key), positive = isBuffer(key) ? Math.abs : Number;
    return [key, tensor("float32", t.shape, toNumbers(t).map((v) => Math.fround(positive(v + 0.1 * random.normal()))))];
  };
  return new Map([...initialWeights(spec, { seed: 1 })].map(moved));
}

function drawn(name: string, shape: readonly number[], draw: (random: Random) => number): Tensor {
  const random = new Random(name);
  return tensor("float32", shape, Array.from({ length: sizeOf(shape) }, () => Math.fround(draw(random))));
}

const normal = (name: string, { types }: Graph) => drawn(name, types.get(name)!.shape, (random) => random.normal());

interface Step {
  readonly graph: Graph;
  readonly state: ReadonlyMap<string, string>;
  readonly start: ReadonlyMap<string, Tensor>;
  readonly gradients: readonly string[];
  /** Feeds of update `i`, from 0. */
  readonly feeds: (i: number) => Record<string, Tensor>;
}

function stepOf({ spec, input }: Net, losses: NonNullable<Net["losses"]>): Step {
  const weights = weightsOf(spec);
  const network = buildNetwork(spec, { input, weights, outputs: "training" });
  const { graph, state, trainable } = trainingStep(network, {
    task: "segmentation",
    heads: ["out4", "out3", "out"],
    views: 2,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS, epsilon: EPSILON },
    isTrainable: (key) => weights.has(key) && !isBuffer(key),
    exposeGradients: true,
    ...losses,
  });
  const start = [...state.keys()].map((name): [string, Tensor] => {
    const { shape } = graph.types.get(name)!;
    return [name, weights.get(name) ?? tensor("float32", shape, new Float32Array(sizeOf(shape)))];
  });
  const fixed = {
    view1: normal("view1", graph),
    view2: normal("view2", graph),
    target: drawn("target", graph.types.get("target")!.shape, (random) => Number(random.uniform() < 0.3)),
    learningRate: tensor("float32", [], [RATE]),
  };
  return {
    graph,
    state,
    start: new Map(start),
    gradients: trainable.map((key) => `gradient/${key}`),
    feeds: (i) => ({ ...fixed, step: tensor("float32", [], [i + 1]) }),
  };
}

interface Trained {
  readonly losses: readonly number[];
  /** At the first update. */
  readonly gradients: Readonly<Record<string, ArrayLike<number | bigint>>>;
  /** After the last. */
  readonly state: Readonly<Record<string, ArrayLike<number | bigint>>>;
}

async function computeOn(engine: Engine, network: Graph): Promise<Record<string, Tensor>> {
  const session = await loadGraph(engine, network);
  const [image] = network.inputs;
  const found = await session.run({ [image]: normal(image, network) });
  await session.release();
  return found;
}

async function trainOn(engine: Engine, step: Step): Promise<Trained> {
  const { graph, state, start, gradients, feeds } = step;
  for (const [name, value] of start) await engine.put(name, value);
  // as in the training loop
  const session = await engine.load(
    encodeModel(lower(graph, { passes: engine.lowering.passes }).graph, { openSizes: engine.traits.sizesAreOpen }),
  );
  const residents = Object.fromEntries([...state.keys()].map((n): [string, Resident] => [n, { resident: n }]));
  const keep = Object.fromEntries([...state].map(([from, to]) => [to, from]));
  const losses: number[] = [];
  const first: Record<string, Tensor> = {};
  for (let i = 0; i < UPDATES; i++) {
    const fetch = i === 0 ? ["loss", ...gradients] : ["loss"];
    const { loss, ...rest } = await session.run({ ...feeds(i), ...residents }, { keep, fetch });
    losses.push(Number(loss.data[0]));
    Object.assign(first, rest);
  }
  const after: Record<string, Tensor["data"]> = {};
  for (const name of state.keys()) after[name] = (await engine.get(name)).data;
  await session.release();
  for (const name of state.keys()) await engine.drop(name);
  return { losses, gradients: Object.fromEntries(gradients.map((n) => [n, first[n].data])), state: after };
}

const largest = (values: ArrayLike<number | bigint>) =>
  Array.from(values, Number).reduce((m, v) => Math.max(m, Math.abs(v)), 0);

function assertTrainedAlike(found: Trained, expected: Trained): void {
  assertClose(found.losses, expected.losses, { rtol: LOSS, what: "losses" });
  const scale = Math.max(...Object.values(expected.gradients).map(largest));
  for (const [name, values] of Object.entries(expected.gradients)) {
    const atol = GRADIENT * Math.max(largest(values), NOISE * scale);
    assertClose(found.gradients[name], values, { atol, what: name });
  }
  for (const [name, values] of Object.entries(expected.state)) {
    const atol = `gradient/${name}` in expected.gradients ? WEIGHT : STATE * Math.max(largest(values), NOISE);
    assertClose(found.state[name], values, { atol, what: `${name} after ${UPDATES} updates` });
  }
}

const others = (await devices.probe()).filter((d) => d.provider !== "cpu");
const engines = new Map<Provider, Engine>();
Deno.test.beforeAll(async () => {
  const ready = others.filter((d) => d.state === "ready").map((d) => d.provider);
  for (const provider of ["cpu", ...ready] as const) {
    engines.set(provider, await devices.open(provider, { precision: "float32" }));
  }
});
Deno.test.afterAll(async () => {
  for (const engine of engines.values()) await engine.close();
});

/** Compares `work` on every other provider with the CPU's. */
function testOnAll<T>(name: string, { work, compare }: {
  readonly work: (engine: Engine) => Promise<T>;
  readonly compare: (found: T, onCpu: T) => void;
}): void {
  let onCpu: Promise<T> | undefined;
  for (const { provider, state, name: device, reason } of others) {
    const ready = state === "ready";
    Deno.test({
      name: `${name} on ${provider} as on cpu (${ready ? device : `skipped: ${reason}`})`,
      ignore: !ready,
      fn: async () => compare(await work(engines.get(provider)!), await (onCpu ??= work(engines.get("cpu")!))),
    });
  }
}

for (const net of NETS) {
  const { name, spec, input, losses } = net;
  const network = () => buildNetwork(spec, { input, weights: weightsOf(spec), outputs: "inference" });
  testOnAll(`${name} infers`, {
    work: (engine) => computeOn(engine, network()),
    compare: (found, onCpu) => {
      for (const [output, { data }] of Object.entries(onCpu)) {
        assertClose(found[output].data, data, { atol: LOGITS * largest(data), what: output });
      }
    },
  });
  if (losses === undefined) continue;
  testOnAll(`${name} is fine-tuned`, {
    work: (engine) => trainOn(engine, stepOf(net, losses)),
    compare: assertTrainedAlike,
  });
}

/** One volume on two devices: largest difference of logits, relative to the largest, and smallest Dice of the regions. */
const VOLUME = { logits: 1e-5, dice: 0.999 };
const SIZE = [36, 32, 32] as const, ROI = [32, 32, 32] as const;

testOnAll("slidingLogits() of a phantom", {
  work: async (engine) => {
    const spec: NetworkSpec = { kind: "uniunet", config: { ...EDGE, ...SMALL, stemWidth: 4 } };
    const { images } = makePhantom({ seed: 1, sizeVox: SIZE, spacingMm: [4, 4, 4], lesions: 2 });
    const network = buildNetwork(spec, { input: [1, 2, ...ROI], weights: weightsOf(spec), outputs: "inference" });
    const session = await loadGraph(engine, network);
    const settings = { roi: ROI, overlap: 0.25, blending: "gaussian", channels: 2 } as const;
    const inputs = [images.t1, images.flair].map(standardized);
    const { logits } = await slidingLogits(windowRunner(session), { inputs, sizeVox: SIZE }, settings);
    await session.release();
    return logits;
  },
  compare: (found, onCpu) => {
    assertClose(found, onCpu, { atol: VOLUME.logits * largest(onCpu), what: "logits" });
    const voxels = sizeOf(SIZE);
    for (let c = 0; c < 2; c++) {
      const [a, b] = [found, onCpu].map((v) => Uint8Array.from(v.subarray(c * voxels, (c + 1) * voxels), isPositive));
      const size = a.reduce((n, v) => n + v, 0);
      assert.ok(size > 0.01 * voxels && size < 0.99 * voxels, `region ${c} of ${size} voxels proves nothing`);
      assert.ok(dice(a, b) >= VOLUME.dice, `Dice of region ${c} is ${dice(a, b)}`);
    }
  },
});

const isPositive = (v: number) => Number(v > 0);

function standardized(data: Float32Array): Float32Array {
  const mean = data.reduce((s, v) => s + v, 0) / data.length;
  const deviation = Math.sqrt(data.reduce((s, v) => s + (v - mean) ** 2, 0) / data.length);
  return data.map((v) => (v - mean) / deviation);
}

Deno.test("assertTrainedAlike() reports a wrong loss, gradient and weight", () => {
  const right: Trained = { losses: [1], gradients: { "gradient/w": [1, 0.5] }, state: { w: [0.1], v: [10] } };
  assertTrainedAlike(right, right);
  assert.throws(() => assertTrainedAlike({ ...right, losses: [1.0001] }, right), /losses/);
  assert.throws(
    () => assertTrainedAlike({ ...right, gradients: { "gradient/w": [1, 0.502] } }, right),
    /gradient.w: 1 of 2/,
  );
  assert.throws(() => assertTrainedAlike({ ...right, state: { w: [0.10002], v: [10] } }, right), /w after 3 updates/);
  assert.throws(() => assertTrainedAlike({ ...right, state: { w: [0.1], v: [10.02] } }, right), /v after 3 updates/);
});
