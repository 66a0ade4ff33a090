/**
 * Trials: pairs of graphs whose times decide whether a device uses a pass. They are built here and timed in `engine/`.
 */
import { GraphBuilder } from "../build/builder.ts";
import type { Graph, Value } from "../ir/ir.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { lower } from "./lower.ts";
import { type Cost, costKey, type Costs, type Pass, type Sample } from "./pass.ts";

/** Decides on one kind of one pass. */
export interface Trial {
  readonly key: string;
  /**
   * The kind's sample `copies` times, lowered without its rewrite and with it. Both graphs have one input, scalar `x`,
   * and one output, scalar `y`, so that a run moves nothing else. `costs`: those of the kinds measured before.
   */
  graphs(copies: number, costs: Costs): { readonly without: Graph; readonly with: Graph };
}

const NEVER: Cost = { withoutMs: 1, withMs: Infinity }, ALWAYS: Cost = { withoutMs: Infinity, withMs: 1 };

/**
 * The trials of a provider's passes, the last pass first. Of several passes that suit a match the first in the list
 * rewrites it, so each is compared with the best that the passes after it can do.
 */
export function trialsOf(passes: readonly Pass[]): Trial[] {
  return passes.toReversed().flatMap((pass) => {
    const fromHere = passes.slice(passes.indexOf(pass));
    return (pass.kinds ?? []).map((kind) => ({
      key: costKey(pass, kind),
      graphs: (copies, costs) => {
        const graph = sampleGraph(kind.sample, copies);
        const lowered = (cost: Cost) =>
          lower(graph, { passes: fromHere, costs: { ...costs, [costKey(pass, kind)]: cost } }).graph;
        return { without: lowered(NEVER), with: lowered(ALWAYS) };
      },
    }));
  });
}

/** A graph with the same input and output that does nothing: its time is part of every run's. */
export function idleGraph(): Graph {
  const b = new GraphBuilder();
  return b.build("idle", { y: b.op.Neg(b.input("x", { dtype: "float32", shape: [] })) });
}

/** Every copy has inputs of its own, since a device runs equal copies once. */
function sampleGraph(sample: Sample, copies: number): Graph {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input("x", { dtype: "float32", shape: [] });
  const waves = new Map<string, Value>();
  const wave = (shape: readonly number[]) => {
    const known = waves.get(`${shape}`) ?? b.constant(waveOf(shape));
    waves.set(`${shape}`, known);
    return known;
  };
  let y: Value = x, drawn = 0;
  for (let i = 0; i < copies; i++) {
    for (const made of sample(b, (shape) => op.Mul(wave(shape), op.Add(x, ++drawn)))) y = op.Add(y, digest(b, made));
  }
  return b.build("trial", { y });
}

const waveOf = (shape: readonly number[]): Tensor =>
  tensor("float32", shape, Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.sin(0.7 * i)));

/**
 * A scalar of all elements. A convolution over the channels makes it: it needs no transpose, and none sinks through it.
 */
function digest({ op }: GraphBuilder, value: Value): Value {
  const [n, c, ...size] = value.shape.length > 1 ? value.shape : [1, ...value.shape];
  const volume = op.Reshape(value, [n, c, ...size, ...Array<number>(3 - size.length).fill(1)]);
  const weights = tensor("float32", [1, c, 1, 1, 1], new Float32Array(c).fill(1));
  return op.ReduceSum(op.Conv(volume, weights, null, {}), null, { keepdims: 0 });
}
