/** A step in the form that a device runs, the state that it carries between updates, and the micro-batches that feed it. */
import type { Engine } from "../../engine/mod.ts";
import { type Graph, lower } from "../../graph/mod.ts";
import { sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { fitMessage, fitted } from "./fit.ts";

/** A compiled step. */
export interface Program {
  readonly graph: Graph;
  /** State that the step reads and replaces: input name → output name. */
  readonly state: ReadonlyMap<string, string>;
  /** True if it runs every micro-batch; its input `apply` is then 1 for the last one of an update, else 0. */
  readonly isForAll?: boolean;
}

export interface CompileOptions {
  readonly device: Pick<Engine, "lowering" | "traits">;
  /** Memory that a step may take. */
  readonly budgetBytes: number;
  /** Receives a message where fitting costs time or memory. */
  readonly onLog?: ((message: string) => void) | undefined;
}

/** Lowers a step for a device and fits it into `budgetBytes`, if possible. */
export function compiled({ graph, state, isForAll }: Program, { device, budgetBytes, onLog }: CompileOptions): Program {
  const fit = fitted(lower(graph, device.lowering).graph, budgetBytes, device.traits);
  const message = fitMessage(fit, budgetBytes);
  if (message !== undefined) onLog?.(message);
  return { graph: fit.graph, state, isForAll };
}

export interface MicroBatch {
  readonly program: Program;
  /** Inputs of the program; its other inputs are state. */
  readonly feeds: Readonly<Record<string, Tensor>>;
  /** The state tensor behind a state input of the program. Default: the one of the same name. */
  readonly tensorOf?: (input: string) => string;
  /** Further numbers for the curves. */
  readonly values?: Readonly<Record<string, number>>;
}

export interface Update {
  readonly learningRate: number;
  /** Micro-batches; the last one's program applies the update. */
  readonly count: number;
  micro(i: number): Promise<MicroBatch>;
}

/** A tensor that is carried from step to step. */
export interface StateTensor {
  readonly shape: readonly number[];
  start(): Tensor | Promise<Tensor>;
  /** Every update ends with its start value, so checkpoints leave it out. */
  readonly isTransient?: boolean;
}

/** The state of a step: weights start with the network's values, everything else with zeros. */
export function startState({ graph, state }: Program, network: Graph): Map<string, StateTensor> {
  return new Map([...state.keys()].map((name) => {
    const zero = zeroState(name, graph.types.get(name)!.shape);
    return [name, { ...zero, start: () => network.constants.get(name) ?? zero.start() }];
  }));
}

/** State that starts with zeros; sums of gradients are zero again after every update. */
export function zeroState(name: string, shape: readonly number[]): StateTensor {
  return { shape, start: () => zeros(shape), isTransient: name.startsWith("sum/") };
}

/** A tensor of zeros. */
export function zeros(shape: readonly number[]): Tensor {
  return tensor("float32", shape, new Float32Array(sizeOf(shape)));
}

export interface RateFeeds extends Record<string, Tensor> {
  readonly learningRate: Tensor;
  readonly step: Tensor;
}

/** The feeds of an update's optimizer; `step` counts from 0. */
export function rateFeeds(learningRate: number, step: number): RateFeeds {
  return { learningRate: tensor("float32", [], [learningRate]), step: tensor("float32", [], [step + 1]) };
}
