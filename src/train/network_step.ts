/**
 * What every training step does with its network and its gradients: weights as graph inputs, forward passes with batch
 * statistics, optimizer updates. Not a loss.
 */
import type { Graph, GraphBuilder, Node, Ops, Value } from "../graph/mod.ts";
import { batchNorm } from "./batch_norm.ts";
import { type AdamConfig, type AdamScalars, adamScalars, adamUpdate } from "./optimizers.ts";

/** Part of an accumulated update over `of` micro-batches: all but the last only add gradients, the last one applies. */
export interface Accumulation {
  readonly of: number;
  readonly last: boolean;
}

export interface DeclaredWeights {
  readonly trained: ReadonlyMap<string, Value>;
  /** Trained weights and running statistics as graph inputs. */
  readonly inputs: ReadonlyMap<string, Value>;
}

/** Declares as inputs the network's running statistics and those of its constants that are trained. */
export function declareWeights(
  b: GraphBuilder,
  network: Graph,
  isTrainable: (key: string) => boolean,
): DeclaredWeights {
  const trained = new Map<string, Value>(), inputs = new Map<string, Value>();
  const normalised = new Set(network.nodes.flatMap((n) => (n.op === "BatchNormalization" ? n.inputs.slice(3, 5) : [])));
  for (const [key, { dtype, shape }] of network.constants) {
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
}

/**
 * A network inside a step; every pass has batch statistics of its own and moves the running ones on. In a pass of one
 * crop, what is averaged over space right after its BatchNormalization is normalised by the running ones instead: by its
 * own, the average would be the same for every crop.
 */
export class StepNetwork {
  /** What the running statistics have become, by key. */
  readonly buffers = new Map<string, Value>();
  readonly #b: GraphBuilder;
  readonly #network: Graph;
  readonly #weights: DeclaredWeights;
  /** Outputs of nodes that are averaged over space. */
  readonly #averaged: ReadonlySet<string>;

  constructor(b: GraphBuilder, network: Graph, weights: DeclaredWeights) {
    this.#averaged = new Set(network.nodes.filter((n) => isGlobalAverage(n, network)).map((n) => n.inputs[0]));
    this.#b = b;
    this.#network = network;
    this.#weights = weights;
  }

  /**
   * The network's outputs for an image. `weights` replaces trained weights by key; `within` is what the rest of the network
   * sees of one output.
   */
  forward(view: Value, { weights, within }: ForwardOptions = {}): ReadonlyMap<string, Value> {
    const { inputs: [image], outputs } = this.#network;
    const shown = new Map<string, Value>();
    const values = this.#b.inline(
      this.#network,
      (name) => (name === image ? view : weights?.get(name) ?? this.#weights.inputs.get(name)),
      (node, known) => {
        const y = node.op === "BatchNormalization" ? this.#batchNorm(node, known) : undefined;
        if (node.output !== within?.output) return y;
        const own = y ?? this.#b.add(node.op, node.inputs.map((n) => (n === "" ? null : known.get(n)!)), node.attrs);
        shown.set(node.output, own);
        return within.as(own);
      },
    );
    return new Map(outputs.map((name) => [name, shown.get(name) ?? values.get(name)!]));
  }

  #batchNorm(node: Node, known: ReadonlyMap<string, Value>): Value {
    const [x, scale, bias] = node.inputs.slice(0, 3).map((n) => known.get(n)!);
    const [meanKey, varianceKey] = node.inputs.slice(3);
    const current = (key: string) => this.buffers.get(key) ?? known.get(key)!;
    const { y, nextMean, nextVariance } = batchNorm(
      this.#b.op,
      { x, scale, bias, mean: current(meanKey), variance: current(varianceKey) },
      {
        epsilon: Number(node.attrs.epsilon),
        statistics: this.#averaged.has(node.output) && x.shape[0] === 1 ? "running" : "batch",
      },
    );
    this.buffers.set(meanKey, nextMean).set(varianceKey, nextVariance);
    return y;
  }
}

/** Whether a node averages [N, C, …] over everything behind C. */
function isGlobalAverage({ op, inputs }: Node, { types, constants }: Graph): boolean {
  if (op !== "ReduceMean") return op === "GlobalAveragePool";
  const axes = [...constants.get(inputs[1])?.data ?? []].map(Number), { shape } = types.get(inputs[0])!;
  return shape.length > 2 && shape.every((_, k) => (k > 1) === (axes.includes(k) || axes.includes(k - shape.length)));
}

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

/** The scalars of an update, from the inputs `learningRate` and `step`. */
export function updateScalars(b: GraphBuilder, config: AdamConfig): AdamScalars {
  const scalar = (name: string) => b.input(name, { dtype: "float32", shape: [] });
  return adamScalars(b.op, scalar("learningRate"), scalar("step"), config);
}

/**
 * Updates parameter `key` with the gradient of this micro-batch, or adds the gradient to the sum of the update. Without a
 * gradient it is zero.
 */
export function updateParameter(
  b: GraphBuilder,
  to: StepOutputs,
  { key, p, gradient, optimizer, scalars, accumulate }: {
    key: string;
    p: Value;
    gradient: Value | null;
    optimizer: AdamConfig;
    scalars: AdamScalars;
    accumulate?: Accumulation;
  },
): void {
  const { op } = b;
  let g = gradient;
  if (accumulate !== undefined) {
    if (gradient === null && !accumulate.last) return;
    const sum = b.input(`sum/${key}`, p);
    g = gradient === null ? sum : op.Add(sum, op.Div(gradient, accumulate.of));
    to.replace(`sum/${key}`, accumulate.last ? op.Mul(sum, 0) : g);
    if (!accumulate.last) return;
  }
  const next = adamUpdate(
    op,
    { p, g: g ?? zeroLike(op, p), m: b.input(`m/${key}`, p), v: b.input(`v/${key}`, p) },
    scalars,
    optimizer,
  );
  to.replace(key, next.p);
  to.replace(`m/${key}`, next.m);
  to.replace(`v/${key}`, next.v);
}

const zeroLike = (op: Ops, p: Value): Value => op.Mul(p, 0);
