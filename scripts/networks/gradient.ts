/** The gradients of a network's outputs with respect to its weights, compared with PyTorch's in float64. */
import type { Engine } from "../../src/engine/mod.ts";
import { encodeModel, evaluate, gradients, type Graph, GraphBuilder, lower, type Value } from "../../src/graph/mod.ts";
import { isFloat, sameShape, sizeOf, type Tensor, tensor } from "../../src/tensor/mod.ts";
import { type GradientSummary, wave } from "./zoo.ts";

export interface GradientGap {
  /** Number of weights that were compared. */
  readonly compared: number;
  /** Norm of all differences by the norm of all gradients, over the samples. */
  readonly gap: number;
  /** The weight that differs most, by the larger of its own gradient and a thousandth of the largest. */
  readonly worst: string;
  readonly worstGap: number;
}

/** The graph of Σ output · wave(…, 0.25), differentiated with respect to `wanted`; outputs `d NAME`. */
export function projectionGradients(graph: Graph, wanted: readonly string[]): Graph {
  const b = new GraphBuilder();
  const { op } = b;
  const isWanted = new Set(wanted);
  const values = b.inline(
    graph,
    (name, type, constant) => constant === undefined || isWanted.has(name) ? b.input(name, type) : undefined,
  );
  const terms = graph.outputs.map((name) => {
    const y = values.get(name)!;
    const by = b.constant(tensor("float32", y.shape, wave(sizeOf(y.shape), 0.25)));
    return op.ReduceSum(op.Mul(y, by), null, { keepdims: 0 });
  });
  const loss = terms.reduce((sum, term) => op.Add(sum, term));
  const found = gradients(b, loss, wanted.map((name) => values.get(name)!));
  const outputs: Record<string, Value> = {};
  wanted.forEach((name, i) => outputs[`d ${name}`] = found[i]);
  return b.build("projection", outputs);
}

/**
 * The names of the weights that a file keeps as PyTorch has them. Exporters rename weights, fold other factors into them, and
 * merge equal ones, whose gradients are summed then.
 */
export function weightsByName(graph: Graph, expected: Readonly<Record<string, GradientSummary>>): string[] {
  const missing = Object.entries(expected).filter(([name]) => !graph.constants.has(name)).map(([, summary]) => summary);
  // a weight with two names has one gradient
  const isMerged = (one: GradientSummary) => missing.some((m) => keyOf(m) === keyOf(one) && m.dot !== one.dot);
  return Object.entries(expected).filter(([name, summary]) => {
    const constant = graph.constants.get(name), { shape, weight = [] } = summary;
    if (constant === undefined || !isFloat(constant.dtype) || !sameShape(constant.shape, shape)) return false;
    if (isMerged(summary)) return false;
    const { data } = constant, at = [0, data.length >> 1, data.length - 1];
    return weight.every((v, k) => Math.abs(Number(data[at[k]]) - v) <= 1e-7 * Math.abs(v));
  }).map(([name]) => name);
}

const keyOf = ({ shape, weight }: GradientSummary) => `${shape}: ${weight}`;

/** The gradients on a device, or with `null` by the float64 reference. */
export async function gradientsOf(
  engine: Engine | null,
  graph: Graph,
  { feeds, wanted }: { feeds: Readonly<Record<string, Tensor>>; wanted: readonly string[] },
): Promise<Map<string, ArrayLike<number>>> {
  const step = projectionGradients(graph, wanted);
  const all = { ...feeds, ...Object.fromEntries(wanted.map((name) => [name, graph.constants.get(name)!])) };
  if (engine === null) {
    const out = evaluate(step, all);
    return new Map(wanted.map((name) => [name, out[`d ${name}`].data]));
  }
  const session = await engine.load(encodeModel(lower(step, engine.lowering).graph));
  try {
    const out = await session.run(all);
    return new Map(wanted.map((name) => [name, out[`d ${name}`].data as Float32Array]));
  } finally {
    await session.release();
  }
}

export function gradientGap(
  found: ReadonlyMap<string, ArrayLike<number>>,
  expected: Readonly<Record<string, GradientSummary>>,
): GradientGap {
  const largest = Math.max(...[...found.keys()].map((name) => rms(expected[name].samples)));
  let [squares, total, worst, worstGap] = [0, 0, "", 0];
  for (const [name, values] of found) {
    const { samples } = expected[name];
    const differences = samples.map((v, k) => Number(values[Math.floor(k * values.length / samples.length)]) - v);
    squares += differences.reduce((sum, d) => sum + d * d, 0);
    total += samples.reduce((sum, v) => sum + v * v, 0);
    const own = rms(differences) / Math.max(rms(samples), 1e-3 * largest);
    if (!(own <= worstGap)) [worst, worstGap] = [name, own];
  }
  return { compared: found.size, gap: Math.sqrt(squares / total), worst, worstGap };
}

const rms = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
