/**
 * The parts that training steps share: weights as graph inputs, forward passes with batch statistics, optimizer updates.
 * Not a loss.
 */
import { type Graph, type GraphBuilder, type Node, type Ops, type Value } from "../../graph/mod.ts";
import { sizeOf } from "../../tensor/mod.ts";
import { batchNorm } from "./batch_norm.ts";
import type { AdamConfig } from "../recipe/optimizer.ts";
import { type AdamScalars, adamScalars, adamUpdate, clipped } from "./optimizers.ts";

/**
 * Part of an accumulated update over `of` micro-batches: all but the last only add gradients, the last one applies them.
 * "fed": one graph for all of them, whose input `apply` is 1 for the last one and otherwise 0.
 */
export interface Accumulation {
  readonly of: number;
  readonly last: boolean | "fed";
}

export interface DeclaredWeights {
  readonly trained: ReadonlyMap<string, Value>;
  /** Trained weights and running statistics as graph inputs. */
  readonly inputs: ReadonlyMap<string, Value>;
}

const none = () => false;

/** The mean and variance by which a node normalises; no names if it is no BatchNormalization. */
const statisticsOf = ({ op, inputs }: Node) => op === "BatchNormalization" ? inputs.slice(3, 5) : [];

/** Declares as inputs the network's running statistics, but for frozen ones, and those of its constants that are trained. */
export function declareWeights(
  b: GraphBuilder,
  network: Graph,
  { isTrainable, isFrozen = none }: {
    isTrainable: (key: string) => boolean;
    /** As of `StepConfig`. */
    isFrozen?: (key: string) => boolean;
  },
): DeclaredWeights {
  const trained = new Map<string, Value>(), inputs = new Map<string, Value>();
  const all = network.nodes.map(statisticsOf);
  const normalised = new Set(all.flat()), frozen = new Set(all.filter(([mean]) => isFrozen(mean ?? "")).flat());
  for (const [key, { dtype, shape }] of network.constants) {
    if (frozen.has(key)) continue;
    const running = normalised.has(key);
    const wanted = !running && dtype === "float32" && isTrainable(key);
    if (!wanted && !running) continue;
    const value = b.input(key, { dtype, shape });
    inputs.set(key, value);
    if (wanted) trained.set(key, value);
  }
  return { trained, inputs };
}

export interface ForwardOptions {
  readonly weights?: ReadonlyMap<string, Value>;
  readonly within?: { readonly output: string; readonly as: (v: Value) => Value };
  /** As of `batchNorm()`. */
  readonly apart?: readonly number[];
  readonly momentum?: Value;
}

/**
 * A network inside a step. Every pass has batch statistics of its own and updates the running ones. In a pass of one crop
 * a BatchNormalization right before an average over space uses the running ones instead: normalised by its own statistics,
 * every crop has the same average.
 */
export class StepNetwork {
  /** The running statistics after the passes so far, by key. */
  readonly buffers = new Map<string, Value>();
  readonly #b: GraphBuilder;
  readonly #network: Graph;
  readonly #weights: DeclaredWeights;
  readonly #isFrozen: (key: string) => boolean;
  /** Outputs of nodes that are averaged over space. */
  readonly #averaged: ReadonlySet<string>;

  constructor(
    b: GraphBuilder,
    network: Graph,
    { weights, isFrozen = none }: { weights: DeclaredWeights; isFrozen?: ((key: string) => boolean) | undefined },
  ) {
    this.#averaged = new Set(network.nodes.filter((n) => isGlobalAverage(n, network)).map((n) => n.inputs[0]));
    this.#b = b;
    this.#network = network;
    this.#weights = weights;
    this.#isFrozen = isFrozen;
  }

  /**
   * The network's outputs for an image. `weights` replaces trained weights by key; `within` replaces one output for the
   * rest of the network.
   */
  forward(view: Value, { weights, within, ...how }: ForwardOptions = {}): ReadonlyMap<string, Value> {
    const { inputs: [image], outputs } = this.#network;
    const shown = new Map<string, Value>();
    const values = this.#b.inline(
      this.#network,
      (name) => (name === image ? view : weights?.get(name) ?? this.#weights.inputs.get(name)),
      (node, known) => {
        const [mean] = statisticsOf(node);
        const isLive = node.op === "BatchNormalization" && !this.#isFrozen(mean);
        const y = isLive ? this.#batchNorm(node, known, how) : undefined;
        if (node.output !== within?.output) return y;
        const own = y ?? this.#b.add(node.op, node.inputs.map((n) => (n === "" ? null : known.get(n)!)), node.attrs);
        shown.set(node.output, own);
        return within.as(own);
      },
    );
    return new Map(outputs.map((name) => [name, shown.get(name) ?? values.get(name)!]));
  }

  #batchNorm(
    node: Node<"BatchNormalization">,
    known: ReadonlyMap<string, Value>,
    { apart, momentum }: Pick<ForwardOptions, "apart" | "momentum">,
  ): Value {
    const [x, scale, bias] = node.inputs.slice(0, 3).map((n) => known.get(n)!);
    const [meanKey, varianceKey] = node.inputs.slice(3);
    const current = (key: string) => this.buffers.get(key) ?? known.get(key)!;
    const { y, nextMean, nextVariance } = batchNorm(
      this.#b.op,
      { x, scale, bias, mean: current(meanKey), variance: current(varianceKey) },
      {
        epsilon: node.attrs.epsilon,
        statistics: this.#averaged.has(node.output) && (apart !== undefined || x.shape[0] === 1) ? "running" : "batch",
        apart,
        momentum,
      },
    );
    this.buffers.set(meanKey, nextMean).set(varianceKey, nextVariance);
    return y;
  }
}

/** Reports whether a node averages [N, C, …] over all axes behind C. */
function isGlobalAverage({ op, inputs }: Node, { types, constants }: Graph): boolean {
  if (op !== "ReduceMean") return op === "GlobalAveragePool";
  const axes = [...constants.get(inputs[1])?.data ?? []].map(Number), { shape } = types.get(inputs[0])!;
  return shape.length > 2 && shape.every((_, k) => (k > 1) === (axes.includes(k) || axes.includes(k - shape.length)));
}

/**
 * The output that holds a gradient's norm before it is clipped, −1 where it is not finite. In a micro-batch that adds
 * gradients it is 0, in the last one multiplied by their number, so that the mean over the update is the norm.
 */
export const GRADIENT_NORM = "gradientNorm";

/** The outputs of a step, among them the state that it reads and replaces. */
export class StepOutputs {
  readonly outputs: Record<string, Value> = {};
  /** Input name → output name. */
  readonly state = new Map<string, string>();

  /** The state value `name` becomes `next`. */
  replace(name: string, next: Value): void {
    this.state.set(name, `next/${name}`);
    this.outputs[`next/${name}`] = next;
  }
}

export interface UpdateScalars extends AdamScalars {
  /** The number of the update, from 1. */
  readonly step: Value;
  /** True if this micro-batch applies the update; absent: it does. */
  readonly applies?: Value;
}

/** The learning rate of weights that start from a base's, as of a PyTorch parameter group. */
export interface BaseRate {
  readonly isFromBase: (key: string) => boolean;
  /** On the rate of the others. */
  readonly factor: number;
  /** The first updates, in which their rate is 0. */
  readonly frozenSteps: number;
}

/** The scalars of an update, from the inputs `learningRate` and `step`, and `apply` where the accumulation has it. */
export function updateScalars(b: GraphBuilder, config: AdamConfig, accumulate?: Accumulation): UpdateScalars {
  const scalar = (name: string) => b.input(name, { dtype: "float32", shape: [] });
  const learningRate = scalar("learningRate"), step = scalar("step");
  return {
    ...adamScalars(b.op, learningRate, step, config),
    step,
    ...(accumulate?.last === "fed" && { applies: b.op.GreaterOrEqual(scalar("apply"), 0.5) }),
  };
}

export interface Update {
  readonly optimizer: AdamConfig;
  readonly scalars: UpdateScalars;
  readonly accumulate?: Accumulation;
  /** The largest norm of a gradient; null or absent: gradients are neither measured nor changed. */
  readonly clipNorm?: number | null;
  /** Of a running average of the weights after every update: the share of the average before; null or absent: there is none. */
  readonly ema?: number | null;
}

/**
 * Updates parameter `key` with the gradient of this micro-batch, or adds the gradient to the sum of the update; null is a
 * gradient of zero.
 */
export function updateParameter(
  b: GraphBuilder,
  to: StepOutputs,
  { key, p, gradient, ...update }: Update & { key: string; p: Value; gradient: Value | null },
): void {
  const next = updated(b, to, { key, p, gradient, ...update });
  if (next !== undefined) to.replace(key, next);
}

/**
 * Updates all weights as one vector, which takes a few nodes instead of a dozen for each weight. The vector has the order
 * of the layers: ONNX Runtime computes its last input first and so frees each layer's activations early.
 */
export function updateWeights(
  b: GraphBuilder,
  to: StepOutputs,
  { weights, gradients, baseRate, ...update }: Update & {
    weights: ReadonlyMap<string, Value>;
    /** In the order of the weights. */
    gradients: readonly Value[];
    /** Absent: one rate for all. */
    baseRate?: BaseRate | undefined;
  },
): void {
  const { op } = b;
  const flat = (values: readonly Value[]) => {
    const rows = values.map((v) => op.Reshape(v, [sizeOf(v.shape)]));
    return rows.length === 1 ? rows[0] : op.Concat(...rows, { axis: 0 });
  };
  const all = [...weights];
  if (all.length === 0) return;
  const { scalars } = update;
  const rates = baseRate && op.Mul(scalars.learningRate, factorsOf(b, weights, { ...baseRate, step: scalars.step }));
  const next = updated(b, to, {
    key: "weights",
    p: flat(all.map(([, p]) => p)),
    gradient: flat(gradients),
    ...update,
    ...(rates && { scalars: { ...scalars, learningRate: rates } }),
  });
  if (next === undefined) return;
  if (typeof update.ema === "number") addToAverage(b, to, { key: "weights", next, ema: update.ema, ...update.scalars });
  let from = 0;
  for (const [key, { shape }] of all) {
    const end = from + sizeOf(shape);
    to.replace(key, op.Reshape(op.Slice(next, [from], [end], [0], [1]), shape));
    from = end;
  }
}

/** The factor on the rate of every number of the weights' vector. */
function factorsOf(
  b: GraphBuilder,
  weights: ReadonlyMap<string, Value>,
  { isFromBase, factor, frozenSteps, step }: BaseRate & Pick<UpdateScalars, "step">,
): Value {
  const { op } = b, [rests, full, ofOthers] = [0, factor, 1].map((f) => b.literal(step.dtype, f));
  const ofBase = frozenSteps === 0 ? full : op.Where(op.Greater(step, frozenSteps), full, rests);
  const runs: { isOfBase: boolean; size: number }[] = [];
  for (const [key, { shape }] of weights) {
    const isOfBase = isFromBase(key), last = runs.at(-1);
    if (last?.isOfBase === isOfBase) last.size += sizeOf(shape);
    else runs.push({ isOfBase, size: sizeOf(shape) });
  }
  const parts = runs.map(({ isOfBase, size }) => op.Expand(isOfBase ? ofBase : ofOthers, [size]));
  return parts.length === 1 ? parts[0] : op.Concat(...parts, { axis: 0 });
}

/** The state that holds the running average of a parameter or of all weights, which starts with zeros. */
export const averageOf = (key: string): string => `average/${key}`;

/** a ← d·a + (1 − d)·p in each update; as a starts with zeros, it is p's average times 1 − dᵗ after t of them. */
export function addToAverage(
  b: GraphBuilder,
  to: StepOutputs,
  { key, next, ema, applies }: { key: string; next: Value; ema: number } & Pick<UpdateScalars, "applies">,
): void {
  const { op } = b, name = averageOf(key);
  const average = b.input(name, next);
  const moved = op.Add(op.Mul(average, ema), op.Mul(next, 1 - ema));
  to.replace(name, applies === undefined ? moved : op.Where(applies, moved, average));
}

/** The next value of a parameter whose optimizer state is `m/<key>` and `v/<key>`; undefined: not in this micro-batch. */
function updated(
  b: GraphBuilder,
  to: StepOutputs,
  { key, p, gradient, optimizer, scalars, accumulate, clipNorm }: Update & {
    key: string;
    p: Value;
    gradient: Value | null;
  },
): Value | undefined {
  const { op } = b;
  const { applies } = scalars;
  const when = (condition: Value | undefined) => (next: Value, otherwise: Value) =>
    condition === undefined ? next : op.Where(condition, next, otherwise);
  const ifApplied = when(applies);
  const measures = clipNorm !== null && clipNorm !== undefined;
  if (measures && accumulate?.last === false) to.outputs[GRADIENT_NORM] = b.literal(p.dtype, 0);
  let g = gradient;
  if (accumulate !== undefined) {
    if (gradient === null && !accumulate.last) return undefined;
    const sum = b.input(`sum/${key}`, p);
    g = gradient === null ? sum : op.Add(sum, op.Div(gradient, accumulate.of));
    to.replace(`sum/${key}`, accumulate.last ? ifApplied(zeroLike(op, sum), g) : g);
    if (!accumulate.last) return undefined;
  }
  const [m, v] = [b.input(`m/${key}`, p), b.input(`v/${key}`, p)];
  g ??= zeroLike(op, p);
  let ifMoved = ifApplied;
  if (measures) {
    const clip = clipped(op, g, clipNorm);
    const norm = op.Mul(clip.norm, accumulate?.of ?? 1);
    to.outputs[GRADIENT_NORM] = ifApplied(norm, b.literal(p.dtype, 0));
    g = clip.gradient;
    ifMoved = when(applies === undefined ? clip.isFinite : op.And(applies, clip.isFinite));
  }
  const next = adamUpdate(op, { p, g, m, v }, scalars, optimizer);
  to.replace(`m/${key}`, ifMoved(next.m, m));
  to.replace(`v/${key}`, ifMoved(next.v, v));
  return ifMoved(next.p, p);
}

const zeroLike = (op: Ops, p: Value): Value => op.Mul(p, 0);
