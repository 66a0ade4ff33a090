/** Trials: graphs whose times tell whether a device gains by a pass. They are built here and timed elsewhere. */
import { GraphBuilder } from "../build/builder.ts";
import type { Graph, Value } from "../ir/ir.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { lower } from "./lower.ts";
import { type Cost, costKey, type Costs, type Pass, type Sample } from "./pass.ts";

/** What decides on one kind of one pass. */
export interface Trial {
  readonly key: string;
  /**
   * The kind's sample `copies` times, as it is lowered without its rewrite and with it, both from scalar `x` to scalar
   * `y`: a device moves nothing else. `costs`: what is known so far of other kinds.
   */
  graphs(copies: number, costs: Costs): { readonly without: Graph; readonly with: Graph };
}

const NEVER: Cost = { withoutMs: 1, withMs: Infinity }, ALWAYS: Cost = { withoutMs: Infinity, withMs: 1 };

/**
 * The trials of a provider's passes, the last pass first: where several passes suit a match the first one in the list
 * takes it, so each is compared with the best that is left to those behind it.
 */
export function trialsOf(passes: readonly Pass[]): Trial[] {
  return passes.toReversed().flatMap((pass) => {
    const fromHere = passes.slice(passes.indexOf(pass));
    return (pass.kinds ?? []).map((kind) => ({
      key: costKey(pass, kind),
      graphs: (copies, costs) => {
        const graph = sampleGraph(kind.sample, copies);
        const lowered = (cost: Cost) =>
          lower(graph, fromHere, { costs: { ...costs, [costKey(pass, kind)]: cost } }).graph;
        return { without: lowered(NEVER), with: lowered(ALWAYS) };
      },
    }));
  });
}

/** A graph that does nothing with the same input and output: its time is what any run takes. */
export function idleGraph(): Graph {
  const b = new GraphBuilder();
  return b.build("idle", { y: b.op.Neg(b.input("x", { dtype: "float32", shape: [] })) });
}

/** Every copy has inputs of its own, or the device would run only one. */
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

/** A scalar of all elements, by a convolution over the channels: it takes its input as it lies, no transpose passes it. */
function digest({ op }: GraphBuilder, value: Value): Value {
  const [n, c, ...size] = value.shape.length > 1 ? value.shape : [1, ...value.shape];
  const volume = op.Reshape(value, [n, c, ...size, ...Array<number>(3 - size.length).fill(1)]);
  const weights = tensor("float32", [1, c, 1, 1, 1], new Float32Array(c).fill(1));
  return op.ReduceSum(op.Conv(volume, weights, null, {}), null, { keepdims: 0 });
}
