/**
 * The training step as one inference graph: forward of two views, losses, reverse mode, optimizer update.
 * Not the loop: `trainer.ts` runs the graph; `losses.ts` and `optimizers.ts` hold the formulas.
 */
import { gradients, type Graph, GraphBuilder, type TensorType, type Value } from "../graph/mod.ts";
import { type AdamConfig, adamScalars, adamUpdate } from "./optimizers.ts";
import { batchNorm } from "./batch_norm.ts";
import { crossEntropy, diceAndCrossEntropy, meanSquaredError } from "./losses.ts";

export interface StepConfig {
  readonly task: "segmentation" | "classification";
  /** Outputs of the network that are supervised, each with weight 1. */
  readonly heads: readonly string[];
  /** Output compared between the views (METHODS.md B.3 row 12), and its weight; null: no consistency. */
  readonly consistency: { readonly on: string; readonly weight: number } | null;
  /** One or two views of the same crop, each forwarded with batch statistics of its own. */
  readonly views: 1 | 2;
  /** `sum`: the views' supervised losses added (paper); `concat`: one loss over both (official code). */
  readonly supervision: "sum" | "concat";
  readonly optimizer: AdamConfig;
  /** Which constants of the network are trained; running statistics never are. */
  readonly isTrainable: (key: string) => boolean;
  /**
   * Part of an accumulated update over `of` micro-batches: all but the last only add gradients, the last one applies.
   * Absent: a micro-batch is an update.
   */
  readonly accumulate?: { readonly of: number; readonly last: boolean };
  /** Also output the gradients, as `gradient/<key>`; for tests. */
  readonly exposeGradients?: boolean;
}

/** A training step. Inputs: the state, `learningRate`, `step`, `view1`, `view2`, `target`. */
export interface TrainingStep {
  readonly graph: Graph;
  /** State that the step reads and replaces: input name → output name. */
  readonly state: ReadonlyMap<string, string>;
  /** Keys of the trained weights; their optimizer state is `m/<key>` and `v/<key>`. */
  readonly trainable: readonly string[];
}

export const LOSS_OUTPUTS = ["loss", "supervision", "consistency"] as const;

const SCALAR: TensorType = { dtype: "float32", shape: [] };

/**
 * Compiles the step for `network`, whose single input is the image [N, C, X, Y, Z] and whose constants are the weights.
 * @throws {NoGradientError} an operator of the network has no gradient and something trainable lies below it
 * @throws {RangeError} a head or the consistency output is not an output of the network
 */
export function trainingStep(network: Graph, config: StepConfig): TrainingStep {
  const b = new GraphBuilder();
  const { op } = b;
  for (const name of [...config.heads, ...(config.consistency === null ? [] : [config.consistency.on])]) {
    if (!network.outputs.includes(name)) {
      throw new RangeError(`Cannot build the training step: expected an output of the network, got ${name}`);
    }
  }
  const learningRate = b.input("learningRate", SCALAR), step = b.input("step", SCALAR);
  const weights = declareWeights(b, network, config);
  const forward = forwardViews(b, network, { weights, config });
  const target = b.input("target", forward.target);
  const losses = stepLosses(b, forward.outputs, target, config);

  const grads = gradients(b, losses.loss, [...weights.trained.values()]);
  const outputs: Record<string, Value> = { ...losses };
  const state = new Map<string, string>();
  const replace = (name: string, next: Value) => {
    state.set(name, `next/${name}`);
    outputs[`next/${name}`] = next;
  };
  const scalars = adamScalars(op, learningRate, step, config.optimizer);
  // ONNX Runtime runs what the last node of the file needs first, then the one before: with the updates in the order of
  // the layers, each layer's gradient is used as soon as it is there and its activations are freed
  [...weights.trained].forEach(([key, p], i) => {
    const own = grads[i];
    if (config.exposeGradients) outputs[`gradient/${key}`] = own;
    let g = own;
    if (config.accumulate !== undefined) {
      const sum = b.input(`sum/${key}`, p);
      g = op.Add(sum, op.Div(own, config.accumulate.of));
      replace(`sum/${key}`, config.accumulate.last ? op.Mul(sum, 0) : g);
      if (!config.accumulate.last) return;
    }
    const next = adamUpdate(
      op,
      { p, g, m: b.input(`m/${key}`, p), v: b.input(`v/${key}`, p) },
      scalars,
      config.optimizer,
    );
    replace(key, next.p);
    replace(`m/${key}`, next.m);
    replace(`v/${key}`, next.v);
  });
  for (const [key, value] of forward.buffers) replace(key, value);
  return { graph: b.build("training-step", outputs), state, trainable: [...weights.trained.keys()] };
}

interface DeclaredWeights {
  readonly trained: ReadonlyMap<string, Value>;
  /** Trained weights and running statistics as graph inputs. */
  readonly inputs: ReadonlyMap<string, Value>;
}

function declareWeights(b: GraphBuilder, network: Graph, config: StepConfig): DeclaredWeights {
  const trained = new Map<string, Value>(), inputs = new Map<string, Value>();
  const normalised = new Set(network.nodes.flatMap((n) => (n.op === "BatchNormalization" ? n.inputs.slice(3, 5) : [])));
  for (const [key, { dtype, shape }] of network.constants) {
    const running = normalised.has(key);
    const wanted = !running && dtype === "float32" && config.isTrainable(key);
    if (!wanted && !running) continue;
    const value = b.input(key, { dtype, shape });
    inputs.set(key, value);
    if (wanted) trained.set(key, value);
  }
  return { trained, inputs };
}

interface Forward {
  readonly outputs: readonly ReadonlyMap<string, Value>[];
  readonly buffers: ReadonlyMap<string, Value>;
  readonly target: TensorType;
}

function forwardViews(
  b: GraphBuilder,
  network: Graph,
  { weights, config }: { weights: DeclaredWeights; config: StepConfig },
): Forward {
  const [image] = network.inputs;
  const running = new Map<string, Value>();
  const outputs = Array.from({ length: config.views }, (_, i) => {
    const view = b.input(`view${i + 1}`, network.types.get(image)!);
    const values = b.inline(
      network,
      (name) => (name === image ? view : weights.inputs.get(name)),
      (node, known) => {
        if (node.op !== "BatchNormalization") return undefined;
        const [x, scale, bias] = node.inputs.slice(0, 3).map((n) => known.get(n)!);
        const [meanKey, varianceKey] = node.inputs.slice(3);
        const current = (key: string) => running.get(key) ?? known.get(key)!;
        const { y, nextMean, nextVariance } = batchNorm(
          b.op,
          { x, scale, bias, mean: current(meanKey), variance: current(varianceKey) },
          { epsilon: Number(node.attrs.epsilon) },
        );
        running.set(meanKey, nextMean).set(varianceKey, nextVariance);
        return y;
      },
    );
    return new Map(network.outputs.map((name) => [name, values.get(name)!]));
  });
  const head = network.types.get(config.heads[0])!;
  return { outputs, buffers: running, target: { dtype: "float32", shape: head.shape } };
}

function stepLosses(
  b: GraphBuilder,
  views: readonly ReadonlyMap<string, Value>[],
  target: Value,
  config: StepConfig,
): Record<(typeof LOSS_OUTPUTS)[number], Value> {
  const { op } = b;
  const criterion = config.task === "segmentation" ? diceAndCrossEntropy : crossEntropy;
  const total = (values: readonly Value[]) => values.reduce((a, v) => op.Add(a, v));
  const perHead = config.heads.flatMap((head) => {
    const logits = views.map((outputs) => outputs.get(head)!);
    if (config.supervision === "sum" || logits.length === 1) return logits.map((l) => criterion(op, l, target));
    const both = op.Concat(target, target, { axis: 0 });
    return [criterion(op, op.Concat(...logits, { axis: 0 }), both)];
  });
  const supervision = total(perHead);
  if (config.consistency === null || views.length === 1) {
    return { loss: supervision, supervision: op.Identity(supervision), consistency: b.literal("float32", 0) };
  }
  const { on, weight } = config.consistency;
  const consistency = meanSquaredError(op, views[0].get(on)!, views[1].get(on)!);
  return { loss: op.Add(supervision, op.Mul(consistency, weight)), supervision, consistency };
}
