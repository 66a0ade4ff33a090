/**
 * Whole networks, small, on every engine of this machine, lowered for it: the forward pass, and three fine-tuning updates
 * (METHODS.md F.5's step) whose weights and optimizer state never leave the device. Each against the same graph as it was
 * built on the CPU engine, whose own truth is F.5 and float64 (`finetuning_vectors_test.ts`, `src/train/step_test.ts`).
 */
import assert from "node:assert/strict";
import { type Engine, openEngine, probeDevices, type Resident, type Session } from "../src/engine/mod.ts";
import {
  encodeModel,
  type Graph,
  lower,
  passesFor,
  Random,
  sizeOf,
  type Tensor,
  tensor,
  toNumbers,
} from "../src/graph/mod.ts";
import { assertClose } from "../src/graph/check.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, type NetworkSpec } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, type StepConfig, trainingStep } from "../src/train/mod.ts";

interface Net {
  readonly name: string;
  readonly spec: NetworkSpec;
  readonly input: readonly number[];
  readonly losses: Pick<StepConfig, "consistency" | "supervision">;
}

const SMALL = { inChannels: 2, outChannels: 2, widths: [4, 4, 4, 8], depths: [1, 1, 1, 1], headDim: 4, mlpRatio: 2 };
const PAPER = { consistency: { on: "x4", weight: 0.1 }, supervision: "sum" } as const;
const OFFICIAL = { consistency: { on: "out4", weight: 0.1 }, supervision: "concat" } as const;

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
    losses: OFFICIAL,
  },
  {
    name: "UNET3D",
    spec: { kind: "unet3d", config: { inChannels: 2, outChannels: 2, width: 8 } },
    input: [1, 2, 16, 16, 16],
    losses: OFFICIAL,
  },
];

const UPDATES = 3;
/** Largest error of a logit, relative to the largest logit. */
const LOGITS = 1e-5;
/** Largest error of a loss, relative; of a gradient's element, relative to the largest of its tensor. */
const LOSS = 1e-5, GRADIENT = 1e-3;
/** Largest error of a weight after the updates, each of up to `RATE`. */
const WEIGHT = 2e-4, RATE = 3e-4;

/** Weights that no symmetry makes equal, away from their initial zeros and ones. */
function weightsOf(spec: NetworkSpec): Map<string, Tensor> {
  const moved = ([key, t]: [string, Tensor]): [string, Tensor] => {
    if (isBuffer(key)) return [key, t];
    const random = new Random(key);
    return [key, tensor("float32", t.shape, toNumbers(t).map((v) => Math.fround(v + 0.1 * random.normal())))];
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
  /** Of update `i`, from 0. */
  readonly feeds: (i: number) => Record<string, Tensor>;
}

function stepOf({ spec, input, losses }: Net): Step {
  const weights = weightsOf(spec);
  const network = buildNetwork(spec, { input, weights, outputs: "training" });
  const { graph, state, trainable } = trainingStep(network, {
    task: "segmentation",
    heads: ["out4", "out3", "out"],
    views: 2,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
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

/** `graph` as the engine's provider runs it, or as it is. */
async function sessionOf(engine: Engine, graph: Graph, { lowered }: { lowered: boolean }): Promise<Session> {
  return await engine.load(encodeModel(lowered ? lower(graph, passesFor(engine.provider)).graph : graph));
}

async function computeOn(engine: Engine, network: Graph, how: { lowered: boolean }): Promise<Record<string, Tensor>> {
  const session = await sessionOf(engine, network, how);
  const [image] = network.inputs;
  const found = await session.run({ [image]: normal(image, network) });
  await session.release();
  return found;
}

async function trainOn(engine: Engine, step: Step, how: { lowered: boolean }): Promise<Trained> {
  const { graph, state, start, gradients, feeds } = step;
  for (const [name, value] of start) await engine.put(name, value);
  const session = await sessionOf(engine, graph, how);
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
    const atol = GRADIENT * Math.max(largest(values), 1e-3 * scale);
    assertClose(found.gradients[name], values, { atol, what: name });
  }
  for (const [name, values] of Object.entries(expected.state)) {
    assertClose(found.state[name], values, { atol: WEIGHT, what: `${name} after ${UPDATES} updates` });
  }
}

/** On the CPU engine, as built; made by the first test that asks. */
const references = new Map<Net, Promise<{ outputs: Record<string, Tensor>; trained: Trained }>>();

async function referenceOf({ network, step }: { network: Graph; step: Step }) {
  const engine = await openEngine("cpu");
  try {
    const how = { lowered: false };
    return { outputs: await computeOn(engine, network, how), trained: await trainOn(engine, step, how) };
  } finally {
    await engine.close();
  }
}

for (const { provider, state, name: device, reason } of await probeDevices()) {
  const ready = state === "ready";
  Deno.test({
    name: `whole networks on ${provider} (${ready ? device : `skipped: ${reason}`})`,
    ignore: !ready,
    async fn(t) {
      const engine = await openEngine(provider);
      for (const net of NETS) {
        const { name, spec, input } = net;
        const network = buildNetwork(spec, { input, weights: weightsOf(spec), outputs: "inference" });
        const step = stepOf(net);
        const reference = references.get(net) ?? referenceOf({ network, step });
        references.set(net, reference);
        const { outputs, trained } = await reference;
        await t.step(`${name} infers`, async () => {
          const found = await computeOn(engine, network, { lowered: true });
          for (const [output, { data }] of Object.entries(outputs)) {
            assertClose(found[output].data, data, { atol: LOGITS * largest(data), what: output });
          }
        });
        await t.step(
          `${name} is fine-tuned`,
          async () => assertTrainedAlike(await trainOn(engine, step, { lowered: true }), trained),
        );
      }
      await engine.close();
    },
  });
}

Deno.test("assertTrainedAlike() tells a wrong loss, gradient and weight", () => {
  const right: Trained = { losses: [1], gradients: { g: [1, 0.5] }, state: { w: [0.1] } };
  assertTrainedAlike(right, right);
  assert.throws(() => assertTrainedAlike({ ...right, losses: [1.0001] }, right), /losses/);
  assert.throws(() => assertTrainedAlike({ ...right, gradients: { g: [1, 0.502] } }, right), /^RangeError: g: /);
  assert.throws(() => assertTrainedAlike({ ...right, state: { w: [0.1003] } }, right), /w after 3 updates/);
});
