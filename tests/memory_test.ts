/** Predicted memory against the measured peak of a fresh child, and the memory that re-materialisation frees. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { Devices, openEngine, type Resident } from "../src/engine/mod.ts";
import {
  CPU_PASSES,
  encodeModel,
  type Graph,
  GraphBuilder,
  lower,
  type MemoryForecast,
  OPENVINO_MEMORY,
  OPENVINO_PASSES,
  type Pass,
  predictMemory,
  rematerialise,
} from "../src/graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../src/tensor/mod.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, type NetworkSpec } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, trainingStep } from "../src/train/mod.ts";
import { TINY } from "./testing/tiny_models.ts";

interface Job {
  readonly graph: Graph;
  /** State inputs: their start values, and the outputs that replace them. */
  readonly state: ReadonlyMap<string, { readonly start: Tensor; readonly next: string }>;
}

const wave = (shape: readonly number[]) =>
  tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => 0.5 + 0.5 * Math.sin(0.01 * i)));

function forward(passes: readonly Pass[] = CPU_PASSES): Job {
  const spec: NetworkSpec = { kind: "uniunet", config: { ...EDGE, outChannels: 1 } };
  const weights = initialWeights(spec, { seed: 0 });
  const graph = buildNetwork(spec, { input: [1, 4, 96, 96, 96], weights, outputs: "inference" });
  return { graph: lower(graph, { passes }).graph, state: new Map() };
}

function step(passes: readonly Pass[] = CPU_PASSES): Job {
  const spec: NetworkSpec = {
    kind: "uniunet",
    config: { ...TINY, inChannels: 4, outChannels: 1, multiScale: false, stemWidth: 32 },
  };
  const weights = initialWeights(spec, { seed: 0 });
  const network = buildNetwork(spec, { input: [1, 4, 64, 64, 64], weights, outputs: "training" });
  const { graph, state } = trainingStep(network, {
    task: "segmentation",
    heads: ["out"],
    consistency: { on: "x4", weight: 0.1 },
    views: 2,
    supervision: "sum",
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: (key) => weights.has(key) && !isBuffer(key),
  });
  const start = (key: string) => {
    const { shape } = graph.types.get(key)!;
    return weights.get(key) ?? tensor("float32", shape, new Float32Array(sizeOf(shape)));
  };
  return {
    graph: lower(graph, { passes }).graph,
    state: new Map([...state].map(([key, next]) => [key, { start: start(key), next }])),
  };
}

/** Two runs in a child of their own: its peak in bytes, and the last run's outputs. */
async function measured(
  { graph, state }: Job,
  provider: "cpu" | "openvino" | "wasm" = "cpu",
): Promise<{ peakBytes: number; outputs: Record<string, Tensor> }> {
  const engine = await openEngine(provider, { precision: "float32" });
  try {
    const feeds: Record<string, Tensor | Resident> = {};
    for (const name of graph.inputs) feeds[name] = wave(graph.types.get(name)!.shape);
    for (const [key, { start }] of state) {
      await engine.put(key, start);
      feeds[key] = { resident: key };
    }
    const { sizesAreOpen } = engine.traits;
    const session = await engine.load(encodeModel(graph, { openSizes: sizesAreOpen }), { keepMemory: true });
    const keep = Object.fromEntries([...state].map(([key, { next }]) => [next, key]));
    await session.run(feeds, { keep });
    const fetched = await session.run(feeds, { keep });
    const peakBytes = await engine.peakBytes();
    const kept = new Map<string, Tensor>();
    for (const key of state.keys()) kept.set(key, await engine.get(key));
    return { peakBytes, outputs: { ...fetched, ...Object.fromEntries(kept) } };
  } finally {
    await engine.close();
  }
}

function assertPredicted(what: string, { peakBytes }: MemoryForecast, actualBytes: number): void {
  const error = peakBytes / actualBytes - 1;
  const mb = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
  const said = `${what}: predicted ${mb(peakBytes)}, measured ${mb(actualBytes)} (${(100 * error).toFixed(1)} %)`;
  if (Deno.env.get("SHOW_MEMORY") !== undefined) console.error(said);
  assert.ok(Math.abs(error) <= 0.15, said);
}

/** Runs a graph as built and with copies that free a share of its values. ONNX Runtime must free most of that share. */
async function measuredTwice(job: Job, { share, provider }: { share: number; provider: "cpu" | "wasm" }) {
  const before = predictMemory(job.graph);
  const { graph, after } = rematerialise(job.graph, { budgetBytes: before.peakBytes - share * before.valueBytes });
  const plain = await measured(job, provider), less = await measured({ ...job, graph }, provider);
  const freed = plain.peakBytes - less.peakBytes, asked = before.peakBytes - after.peakBytes;
  assert.ok(freed > 0.7 * asked, `freed ${freed} of ${asked}`);
  return { before, after, plain, less };
}

const bytesOf = ({ data: { buffer, byteOffset, byteLength } }: Pick<Tensor, "data">) =>
  Buffer.from(buffer, byteOffset, byteLength);

const ignore = Deno.build.os !== "linux"; // only Linux reports a process's peak

Deno.test({
  name: "predictMemory() of a forward pass is within 15 % of the child's peak",
  ignore,
  fn: async () => {
    const job = forward();
    assertPredicted("edge forward 96³", predictMemory(job.graph), (await measured(job)).peakBytes);
  },
});

Deno.test({
  name: "rematerialise() frees memory in ONNX Runtime as predicted, and the step computes the same bits",
  ignore,
  fn: async () => {
    const { before, after, plain, less } = await measuredTwice(step(), { share: 0.3, provider: "cpu" });
    assertPredicted("step 64³", before, plain.peakBytes);
    assertPredicted("the same, re-materialised", after, less.peakBytes);
    for (const [name, { data }] of Object.entries(plain.outputs)) {
      assert.equal(Buffer.compare(bytesOf(less.outputs[name]), bytesOf({ data })), 0, `${name} differs`);
    }
  },
});

/** Twelve values of 32 MB that live from their sum to their products with it, unless they are computed twice. */
function heldValues(): Job {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [1, 2 ** 23] });
  const values = Array.from({ length: 12 }, (_, i) => op.Mul(x, i + 1));
  const sum = op.ReduceSum(values.reduce((a, v) => op.Add(a, v)), null, { keepdims: 1 });
  const y = op.ReduceSum(values.map((v) => op.Mul(v, sum)).reduce((a, v) => op.Add(a, v)), null, { keepdims: 0 });
  return { graph: b.build("held", { y }), state: new Map() };
}

Deno.test({
  name: "rematerialise() frees memory in WebAssembly, too",
  ignore,
  fn: async () => {
    const { plain, less } = await measuredTwice(heldValues(), { share: 0.5, provider: "wasm" });
    assert.deepEqual(less.outputs, plain.outputs);
  },
});

const openvino = (await new Devices().probe()).find(({ provider }) => provider === "openvino")!;
const absent = openvino.state === "ready" ? undefined : openvino.reason;

Deno.test({
  name: `predictMemory() of OpenVINO is within 15 % of the child's peak, which compiles (${absent ?? openvino.name})`,
  ignore: ignore || absent !== undefined,
  fn: async () => {
    for (
      const [what, job] of [["forward 96³", forward(OPENVINO_PASSES)], ["step 64³", step(OPENVINO_PASSES)]] as const
    ) {
      const { peakBytes } = await measured(job, "openvino");
      assertPredicted(`${what}, OpenVINO`, predictMemory(job.graph, OPENVINO_MEMORY), peakBytes);
    }
  },
});
