/**
 * The fine-tuning step as one inference graph: forward of one or two views, losses, reverse mode, optimizer update.
 * `losses.ts` and `optimizers.ts` hold the formulas; `finetuning/phases/trainer.ts` runs the graph.
 */
import { gradients, type Graph, GraphBuilder, type Value, waitFor } from "../../graph/mod.ts";
import { CRITERIA, type Criterion } from "./criteria.ts";
import { meanSquaredError } from "./losses.ts";
import {
  type Accumulation,
  addToAverage,
  type BaseRate,
  declareWeights,
  type ForwardOptions,
  StepNetwork,
  StepOutputs,
  updateScalars,
  updateWeights,
} from "./network_step.ts";
import type { AdamConfig } from "../recipe/optimizer.ts";

export interface StepConfig {
  readonly task: "segmentation" | "classification";
  /** How logits and labels are compared. Default: as networks that are made here need it. */
  readonly criterion?: Criterion | undefined;
  /** Outputs of the network that are compared with labels, from the finest. */
  readonly heads: readonly string[];
  /** Their weights in the loss: each 1 (default), or as in nnU-Net half of the one before, together 1. */
  readonly headWeights?: "equal" | "halved" | undefined;
  /** Output compared between the views (docs/method B.3 row 12), and its weight; null: no consistency. */
  readonly consistency: { readonly on: string; readonly weight: number } | null;
  /** One or two views of the same crop, each forwarded with batch statistics of its own. */
  readonly views: 1 | 2;
  /** `sum`: the views' supervised losses added (paper); `concat`: one loss over both (official code). */
  readonly supervision: "sum" | "concat";
  readonly optimizer: AdamConfig;
  /** As of `Update`. With a number, the graph also puts out {@link GRADIENT_NORM}. */
  readonly clipNorm?: number | null;
  /** As of `updateWeights()`. */
  readonly baseRate?: BaseRate | undefined;
  /**
   * As of `Update`. With a number, the state also holds `average/weights`, the averages of all weights in their order, and
   * `average/<key>` of every running statistic, each times 1 − dᵗ after t updates.
   */
  readonly ema?: number | null;
  /** The running means of BatchNormalizations that normalise as at inference; default: none. */
  readonly isFrozen?: (key: string) => boolean;
  /** Which constants of the network are trained; running statistics never are. */
  readonly isTrainable: (key: string) => boolean;
  /** Absent: a micro-batch is an update of its own. */
  readonly accumulate?: Accumulation;
  /**
   * The network's batch is all views of this many crops, first views first. Each crop and view has batch statistics and
   * losses of its own, and the losses are averaged over the crops: one pass equals accumulated micro-batches of one crop.
   */
  readonly crops?: number;
  /** Also output the gradients, as `gradient/<key>`; for tests. */
  readonly exposeGradients?: boolean;
}

/** A training step. Inputs: the state, `learningRate`, `step`, `view1`, `view2`, `target`. */
export interface TrainingStep {
  readonly graph: Graph;
  /** State that the step reads and replaces: input name → output name. */
  readonly state: ReadonlyMap<string, string>;
  /** Keys of the trained weights; their optimizer state is one vector each, `m/weights` and `v/weights`. */
  readonly trainable: readonly string[];
}

export const LOSS_OUTPUTS = ["loss", "supervision", "consistency"] as const;

/**
 * Compiles the step for `network`, whose single input is the image [N, C, X, Y, Z] and whose constants are the weights.
 * @throws {NoGradientError} an operator of the network has no gradient and something trainable lies below it
 * @throws {RangeError} a head or the consistency output is not an output of the network
 */
export function trainingStep(network: Graph, config: StepConfig): TrainingStep {
  const b = new GraphBuilder();
  for (const name of [...config.heads, ...(config.consistency === null ? [] : [config.consistency.on])]) {
    if (!network.outputs.includes(name)) {
      throw new RangeError(`Cannot build the training step: expected an output of the network, got ${name}`);
    }
  }
  const scalars = updateScalars(b, config.optimizer, config.accumulate);
  const weights = declareWeights(b, network, config);
  const model = new StepNetwork(b, network, { weights, isFrozen: config.isFrozen });
  const order = isSeparable(config) ? new ViewOrder(b, weights.trained, config.consistency!.on) : null;
  const losses = config.crops === undefined
    ? viewByView(b, model, { network, config, order })
    : atOnce(b, model, { network, config, crops: config.crops });

  const trained = [...weights.trained.values()];
  const grads = order === null ? gradients(b, losses.loss, trained) : order.gradients(losses.loss);
  const all = new StepOutputs();
  Object.assign(all.outputs, losses);
  [...weights.trained.keys()].forEach((key, i) => {
    if (config.exposeGradients) all.outputs[`gradient/${key}`] = grads[i];
  });
  const { optimizer, accumulate, clipNorm, ema, baseRate } = config;
  const update = { optimizer, scalars, accumulate, clipNorm, ema, baseRate };
  updateWeights(b, all, { weights: weights.trained, gradients: grads, ...update });
  for (const [key, value] of model.buffers) {
    all.replace(key, value);
    const isAveraged = typeof ema === "number" && accumulate?.last !== false;
    if (isAveraged) addToAverage(b, all, { key, next: value, ema, ...scalars });
  }
  const graph = b.build("training-step", all.outputs);
  return {
    graph: order === null ? graph : order.apply(graph),
    state: all.state,
    trainable: [...weights.trained.keys()],
  };
}

type Losses = Record<(typeof LOSS_OUTPUTS)[number], Value>;

/** The losses when every view passes by itself. */
function viewByView(
  b: GraphBuilder,
  model: StepNetwork,
  { network, config, order }: { network: Graph; config: StepConfig; order: ViewOrder | null },
): Losses {
  const image = network.types.get(network.inputs[0])!;
  const shape = criterionOf(config).target(network.types.get(config.heads[0])!.shape);
  const views = numbers(config.views).map((i) => model.forward(b.input(`view${i + 1}`, image), order?.view(i)));
  return stepLosses(b, views, b.input("target", { dtype: "float32", shape }), config);
}

/** The losses when all crops and views pass as one batch. @throws {RangeError} the network's batch is of another size */
function atOnce(
  b: GraphBuilder,
  model: StepNetwork,
  { network, config, crops }: { network: Graph; config: StepConfig; crops: number },
): Losses {
  const { op } = b;
  const { dtype, shape: [batch, ...image] } = network.types.get(network.inputs[0])!;
  if (batch !== crops * config.views) {
    throw new RangeError(
      `Cannot build the training step: expected a batch of ${config.views} views of ${crops} crops, got ${batch}`,
    );
  }
  const views = numbers(config.views).map((i) => b.input(`view${i + 1}`, { dtype, shape: [crops, ...image] }));
  const [, ...labels] = criterionOf(config).target(network.types.get(config.heads[0])!.shape);
  const target = b.input("target", { dtype: "float32", shape: [crops, ...labels] });
  const row = (v: Value, i: number) => op.Slice(v, [i], [i + 1], [0], [1]);
  const apart = numbers(crops).flatMap((crop) => numbers(config.views).map((view) => view * crops + crop));
  const outputs = model.forward(views.length === 1 ? views[0] : op.Concat(...views, { axis: 0 }), { apart });
  const compared = [...config.heads, ...(config.consistency === null ? [] : [config.consistency.on])];
  const perCrop = numbers(crops).map((crop) => {
    const seen = numbers(config.views).map((view) =>
      new Map(compared.map((name) => [name, row(outputs.get(name)!, view * crops + crop)]))
    );
    return stepLosses(b, seen, row(target, crop), config);
  });
  const mean = (name: keyof Losses) =>
    op.Div(perCrop.map((losses) => losses[name]).reduce((sum, v) => op.Add(sum, v)), crops);
  return { loss: mean("loss"), supervision: mean("supervision"), consistency: mean("consistency") };
}

const numbers = (n: number) => Array.from({ length: n }, (_, i) => i);

/** How a step compares logits with labels. */
export const criterionOf = (
  { task, criterion = task === "segmentation" ? "regions" : "classes" }: Pick<StepConfig, "task" | "criterion">,
) => CRITERIA[criterion];

/** Reports whether the first view's gradients need nothing of the second one but the compared output. */
function isSeparable({ views, supervision, consistency, heads, crops }: StepConfig): boolean {
  return crops === undefined && views === 2 && supervision === "sum" && consistency !== null &&
    !heads.includes(consistency.on);
}

/**
 * Runs one view after the other: the second one's decoder waits for the first one's gradients, so that memory holds the
 * activations of one decoder only.
 */
class ViewOrder {
  readonly #b: GraphBuilder;
  readonly #copies: readonly ReadonlyMap<string, Value>[];
  readonly #compared: string;
  #first: readonly Value[] = [];
  #waits: Value | undefined;

  constructor(b: GraphBuilder, trained: ReadonlyMap<string, Value>, compared: string) {
    this.#b = b;
    this.#compared = compared;
    this.#copies = [0, 1].map(() => new Map([...trained].map(([key, p]) => [key, b.op.Identity(p)])));
  }

  /** The forward pass of view `i`, with weights of its own. */
  view(i: number): ForwardOptions {
    const as = (v: Value) => this.#waits = this.#b.op.Identity(v);
    return { weights: this.#copies[i], ...(i === 1 && { within: { output: this.#compared, as } }) };
  }

  /** The gradient of every weight, summed over the views. */
  gradients(loss: Value): Value[] {
    const [one, two] = this.#copies.map((copies) => [...copies.values()]);
    const all = gradients(this.#b, loss, [...one, ...two]);
    this.#first = all.slice(0, one.length);
    return this.#first.map((g, i) => this.#b.op.Add(g, all[one.length + i]));
  }

  apply(graph: Graph): Graph {
    if (this.#waits === undefined || !graph.types.has(this.#waits.name)) return graph; // no node uses it
    return waitFor(graph, { value: this.#waits.name, after: this.#first.toReversed().map((v) => v.name) });
  }
}

function stepLosses(
  b: GraphBuilder,
  views: readonly ReadonlyMap<string, Value>[],
  target: Value,
  config: StepConfig,
): Losses {
  const { op } = b;
  const { loss: criterion } = criterionOf(config);
  const weights = config.headWeights === "halved" ? halved(config.heads.length) : null;
  const total = (values: readonly Value[]) => values.reduce((a, v) => op.Add(a, v));
  const perHead = config.heads.flatMap((head, i) => {
    const weighted = (loss: Value) => weights === null ? loss : op.Mul(loss, weights[i]);
    const logits = views.map((outputs) => outputs.get(head)!);
    if (config.supervision === "sum" || logits.length === 1) {
      return logits.map((l) => weighted(criterion(op, l, target)));
    }
    const both = op.Concat(target, target, { axis: 0 });
    return [weighted(criterion(op, op.Concat(...logits, { axis: 0 }), both))];
  });
  const supervision = total(perHead);
  if (config.consistency === null || views.length === 1) {
    return { loss: supervision, supervision: op.Identity(supervision), consistency: b.literal("float32", 0) };
  }
  const { on, weight } = config.consistency;
  const consistency = meanSquaredError(op, views[0].get(on)!, views[1].get(on)!);
  return { loss: op.Add(supervision, op.Mul(consistency, weight)), supervision, consistency };
}

/** Each half of the one before, together 1. */
function halved(count: number): number[] {
  const shares = numbers(count).map((i) => 0.5 ** i), sum = shares.reduce((a, b) => a + b, 0);
  return shares.map((share) => share / sum);
}
