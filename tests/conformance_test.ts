/**
 * Every operator's cases, forward and backward, on every engine of this machine in float32 against the float64
 * reference. One graph an operator holds all its cases, so that a session is loaded some seventy times and no more.
 */
import assert from "node:assert/strict";
import { Devices, type Engine, EngineError, type Provider } from "../src/engine/mod.ts";
import {
  CPU_PASSES,
  CUDA_PASSES,
  encodeModel,
  evaluate,
  gradients,
  type Graph,
  GraphBuilder,
  lower,
  OPENVINO_PASSES,
  type OpName,
  type Value,
  WEBGPU_PASSES,
} from "../src/graph/mod.ts";
import { isFloat, Random, type Tensor } from "../src/tensor/mod.ts";
import { assertClose, weightedSum } from "../src/graph/testing/check.ts";
import { type Case, casesOf, OP_CASES, placeCase } from "../src/graph/ops/cases/mod.ts";

const devices = new Devices();

/** Allowed error relative to the largest element of an output; float32 resolves 6e-8. */
const TOLERANCE = 2e-6;

/** The scale of an output whose elements are all smaller: float32 has no slopes of 1e-9 beside 1. */
const MIN_SCALE = 0.01;

/** Operators whose kernels approximate more coarsely, with the reason. */
const TOLERANCES: Partial<Record<OpName, number>> = {
  BatchNormalization: 4e-6, // the running variance's gradient is a product of five factors
  Gelu: 4e-6, // cancels in its tails
  ReduceSum: 5e-6, // the sum is small beside its terms
};

/** Operators with lowered forms run in these as well. */
const LOWERED: readonly OpName[] = [
  "AveragePool",
  "Conv",
  "ConvTranspose",
  "InstanceNormalization",
  "LayerNormalization",
  "MaxPool",
  "Pad",
  "Resize",
];

/** Operators that a provider cannot run as built, or only inexactly: tested in lowered forms only. */
const ONLY_LOWERED: Partial<Record<Provider, readonly OpName[]>> = {
  cuda: ["MaxPool"],
  openvino: ["AveragePool", "Pad", "Resize"],
  webgpu: ["Conv", "ConvTranspose", "InstanceNormalization", "LayerNormalization"],
};

interface Batch {
  readonly graph: Graph;
  readonly feeds: Record<string, Tensor>;
  /** Output name → its case, and which output or gradient it is. */
  readonly what: ReadonlyMap<string, string>;
}

/** Cases of one operator as one graph: their outputs, and the gradients of a weighted sum of each. */
function batchOf(op: OpName, cases: readonly Case<OpName>[]): Batch {
  const b = new GraphBuilder();
  const feeds: Record<string, Tensor> = {}, outputs: Record<string, Value> = {};
  const what = new Map<string, string>();
  cases.forEach((c, i) => {
    const placed = placeCase(b, { op, c, dtype: "float32", constants: true });
    Object.assign(feeds, placed.feeds);
    const add = (name: string, v: Value, of: string) => {
      outputs[name] = v;
      what.set(name, `${op}, ${c.shows}: ${of}`);
    };
    add(`y${i}`, placed.y, "output");
    if (!isFloat(placed.y.dtype) || placed.wanted.length === 0) return;
    const loss = weightedSum(b, placed.y, new Random(`${op}/${c.shows}/loss`));
    gradients(b, loss, placed.wanted).forEach((dx, k) => add(`dx${i}_${k}`, dx, `gradient ${k}`));
  });
  return { graph: b.build(op, outputs), feeds, what };
}

/** The faults of all cases run at once; where the engine refuses that, of each case run alone. */
async function faults(engine: Engine, op: OpName, cases: readonly Case<OpName>[]): Promise<string[]> {
  try {
    return await batchFaults(engine, op, batchOf(op, cases));
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    if (cases.length === 1) return [`${op}, ${cases[0].shows}: ${error.message}`];
    const found: string[] = [];
    for (const c of cases) found.push(...await faults(engine, op, [c]));
    return found;
  }
}

async function batchFaults(engine: Engine, op: OpName, batch: Batch, graph = batch.graph): Promise<string[]> {
  const session = await engine.load(encodeModel(graph));
  const found = await session.run(batch.feeds);
  await session.release();
  const expected = evaluate(batch.graph, batch.feeds);
  return [...batch.what].flatMap(([name, what]) => {
    assert.deepEqual(found[name].shape, expected[name].shape, what);
    const tolerance = TOLERANCES[op] ?? TOLERANCE;
    return difference(found[name].data, expected[name].data, { tolerance, what }) ?? [];
  });
}

/** How two outputs differ, or undefined. */
function difference(
  found: ArrayLike<number | bigint>,
  expected: Float64Array,
  { tolerance, what }: { tolerance: number; what: string },
): string | undefined {
  const scale = expected.reduce((m, v) => Math.max(m, Math.abs(v)), MIN_SCALE);
  try {
    assertClose(found, expected, { atol: tolerance * scale, what });
  } catch (error) {
    return (error as Error).message;
  }
}

for (const { provider } of (await devices.probe()).filter((d) => d.state === "ready")) {
  Deno.test(`the ${provider} engine runs every operator as evaluate() does`, async (t) => {
    const engine = await devices.open(provider, { precision: "float32" });
    for (const op of Object.keys(OP_CASES) as OpName[]) {
      if (ONLY_LOWERED[provider]?.includes(op)) continue;
      const cases = casesOf(op).filter((c) => c.skips?.[provider] === undefined);
      await t.step(op, async () => assert.deepEqual(await faults(engine, op, cases), []));
    }
    for (const op of LOWERED) {
      const batch = batchOf(op, casesOf(op));
      const { graph, reports } = lower(batch.graph, { passes: engine.lowering.passes });
      if (reports.every((r) => r.fired === 0)) continue;
      await t.step(`${op}, lowered`, async () => assert.deepEqual(await batchFaults(engine, op, batch, graph), []));
    }
    await engine.close();
  });
}

for (
  const [device, passes] of [["CPU", CPU_PASSES], ["CUDA", CUDA_PASSES], ["WebGPU", WEBGPU_PASSES], [
    "OpenVINO",
    OPENVINO_PASSES,
  ]] as const
) {
  Deno.test(`lower() for ${device} keeps the value of every case and its gradients`, () => {
    for (const op of Object.keys(OP_CASES) as OpName[]) {
      const { graph, feeds, what } = batchOf(op, casesOf(op));
      const lowered = lower(graph, { passes });
      if (lowered.reports.every((r) => r.fired === 0)) continue;
      const found = evaluate(lowered.graph, feeds), expected = evaluate(graph, feeds);
      for (const [name, of] of what) assertClose(found[name].data, expected[name].data, { atol: 1e-10, what: of });
    }
  });
}

Deno.test("batchFaults() reports a wrong element and nothing else", async () => {
  const batch = batchOf("Add", casesOf("Add").slice(0, 2));
  const engine = {
    load: () =>
      Promise.resolve({
        run: () => {
          const right = evaluate(batch.graph, batch.feeds);
          right.y1.data[3] += 1e-4;
          return Promise.resolve(right);
        },
        release: () => Promise.resolve(),
      }),
  } as unknown as Engine;
  const [only, ...more] = await batchFaults(engine, "Add", batch);
  assert.match(only, /^Add, right vector along the last axis: output: 1 of 24 elements beyond .*; worst is \[3\]/);
  assert.equal(more.length, 0);
});
