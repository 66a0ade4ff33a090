/** Runs the fine-tuning step in the training loop. Knows nothing of volumes: a function returns the samples. */
import type { Engine, Traits } from "../../../engine/mod.ts";
import { bytesOf, type Tensor, tensor } from "../../../tensor/mod.ts";
import { type Graph } from "../../../graph/mod.ts";
import { joinedSamples, type Sample } from "../../data/augment.ts";
import { runLoop } from "../../loop/loop.ts";
import type { LoopEvent, Watch } from "../../loop/options.ts";
import { compiled, rateFeeds, startState } from "../../loop/program.ts";
import { leastAfter, memoryBudget, withinMemory } from "../../loop/fit.ts";
import { type Accumulation, GRADIENT_NORM } from "../../step/network_step.ts";
import { spanBytesOf } from "../../loop/device_calls.ts";
import { averages, reestimated } from "./averages.ts";
import { LOSS_OUTPUTS, type StepConfig, trainingStep } from "../../step/finetuning_step.ts";

export interface TrainerOptions {
  readonly engine: Engine;
  /** In training form, for as many crops as share a pass; its constants are the start weights. */
  readonly network: Graph;
  /** The same network for more crops at once; absent where `network` takes a fixed number. */
  readonly networkOf?: ((crops: number) => Graph) | undefined;
  readonly step: Omit<StepConfig, "accumulate" | "crops">;
  readonly steps: number;
  readonly rateOf: (step: number) => number;
  /** True: the running statistics of the result are computed anew, over further crops by its final weights. */
  readonly reestimate?: boolean | undefined;
  /** Crops per update, a multiple of those of a pass. */
  readonly batchSize: number;
  readonly checkpointEverySteps: number;
  /** Returns true to end before the last step. */
  readonly stop?: ((losses: readonly number[]) => boolean) | undefined;
  /** Made anew for every attempt to run: a device that failed has lost what a watch held on it. */
  readonly watchesOf?: (() => readonly Watch[]) | undefined;
  /** As of `runLoop()`. */
  readonly directory: string;
  readonly run: string;
  /** Crop `i` of update `step`; the same for the same arguments. */
  readonly sample: (step: number, i: number) => Promise<Sample>;
  /** As of `runLoop()`. */
  readonly drawsElsewhere?: boolean;
  readonly signal?: AbortSignal;
  readonly onStep: (event: Omit<LoopEvent, "values"> & { readonly loss: number }) => void;
  /** Messages for the user. */
  readonly onLog: (message: string) => void;
}

export interface Trained {
  /** Weights and statistics by key. */
  readonly weights: Map<string, Tensor>;
  /** Loss of every update. */
  readonly losses: readonly number[];
  /** Norm of every update's gradient, −1 of one that was skipped; empty where they are not measured. */
  readonly norms: readonly number[];
  /** As of `runLoop()`. */
  readonly waitShare: number;
}

/** Losses are smoothed over this many updates before early stopping compares them. */
const SMOOTHING = 20;

/** Reports whether a network that takes all crops and views at once is faster than one pass after the other. */
export function passesAtOnce({ atOnceBytes }: Pick<Traits, "atOnceBytes">, { nodes, types }: Graph): boolean {
  return nodes.reduce((sum, { output }) => sum + bytesOf(types.get(output)!), 0) <= atOnceBytes;
}

/** How an update's crops and views pass through the network. */
interface Form {
  /** Crops that pass at once with all their views; absent: a view at a time. */
  readonly crops?: number;
  readonly budgetBytes: number;
}

/** The forms, from the fastest to the one that takes the least memory; their weights differ by rounding only. */
function formsOf({ engine, networkOf, step, batchSize }: TrainerOptions): Form[] {
  const budgetBytes = memoryBudget(engine.traits);
  const isTaken = (n: number) =>
    networkOf !== undefined && n * step.views > 1 &&
    passesAtOnce(engine.traits, networkOf(n * step.views));
  const crops = [...new Set([batchSize, 1])].filter(isTaken);
  return [
    ...crops.map((n) => ({ crops: n, budgetBytes })),
    ...leastAfter(budgetBytes).map((b) => ({ budgetBytes: b })),
  ];
}

/** Trains to the end. @throws as `runLoop()` */
export async function train(options: TrainerOptions): Promise<Trained> {
  const { engine, onLog } = options;
  return await withinMemory(engine, { forms: formsOf(options), onLog }, (form) => trainAs(form, options));
}

async function trainAs({ crops, budgetBytes }: Form, options: TrainerOptions): Promise<Trained> {
  const { networkOf, step: config, batchSize, stop } = options;
  const { engine: device } = options;
  const network = crops === undefined ? options.network : networkOf!(crops * config.views);
  const together = crops ?? network.types.get(network.inputs[0])!.shape[0];
  const passes = batchSize / together;
  const programOf = (last: Accumulation["last"]) => {
    const accumulate = passes === 1 ? undefined : { of: passes, last };
    const step = { ...trainingStep(network, { ...config, accumulate, crops }), isForAll: last === "fed" };
    return compiled(step, { device, budgetBytes, ...(last && { onLog: options.onLog }) });
  };
  const isForAll = passes === 1 || spanBytesOf({ ...options, stop }) > 0;
  const applying = programOf(isForAll ? "fed" : true), adding = isForAll ? applying : programOf(false);
  const { state, curves, waitShare } = await runLoop({
    ...options,
    title: "fine-tune",
    watches: options.watchesOf?.(),
    state: startState(applying, network),
    curves: [LOSS_OUTPUTS[0], ...(applying.graph.outputs.includes(GRADIENT_NORM) ? [GRADIENT_NORM] : [])],
    update: (step) => {
      const learningRate = options.rateOf(step);
      return {
        learningRate,
        count: passes,
        micro: async (i) => {
          const program = i === passes - 1 ? applying : adding;
          const crops = Array.from({ length: together }, (_, k) => options.sample(step, i * together + k));
          const sample = joinedSamples(await Promise.all(crops));
          const apply = Number(i === passes - 1);
          return { program, feeds: stepFeeds(program.graph, sample, { learningRate, step, apply }) };
        },
      };
    },
    onStep: ({ values: { loss }, ...event }) => options.onStep({ ...event, loss }),
  });
  const trained = new Map([...state].filter(([name]) => network.constants.has(name)));
  const averaged = averages(state, { trained, ema: config.ema, updates: curves.loss.length });
  const weights = new Map([...network.constants, ...trained, ...averaged]);
  const again = options.reestimate ? await reestimated(weights, options) : [];
  return {
    weights: new Map([...weights, ...again]),
    losses: curves.loss,
    norms: curves[GRADIENT_NORM] ?? [],
    waitShare,
  };
}

function stepFeeds(
  graph: Graph,
  sample: Sample,
  { learningRate, step, apply }: { learningRate: number; step: number; apply: number },
): Record<string, Tensor> {
  const shaped = (name: string, data: Float32Array) => tensor("float32", graph.types.get(name)!.shape, data);
  const views = sample.views.map((view, i) => [`view${i + 1}`, shaped(`view${i + 1}`, view)]);
  return {
    target: shaped("target", sample.target),
    ...Object.fromEntries(views),
    ...(graph.inputs.includes("learningRate") && rateFeeds(learningRate, step)),
    ...(graph.inputs.includes("apply") && { apply: tensor("float32", [], [apply]) }),
  };
}

/** Reports whether the smoothed loss has not fallen for `patience` updates. */
export function stalled(losses: readonly number[], patience: number): boolean {
  if (losses.length < patience + SMOOTHING) return false;
  const end = losses.length - SMOOTHING;
  let sum = losses.slice(0, SMOOTHING).reduce((a, b) => a + b, 0);
  let best = sum;
  for (let i = 1; i <= end; i++) {
    sum += losses[i + SMOOTHING - 1] - losses[i - 1];
    if (i <= end - patience) best = Math.min(best, sum);
    else if (sum < best) return false;
  }
  return true;
}
