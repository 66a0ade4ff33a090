/** The shape of a family's record: everything that the program asks of a family of networks. */
import type { Graph, Value } from "../../graph/mod.ts";
import { isFloat, type Tensor } from "../../tensor/mod.ts";
import { configOf } from "./config.ts";
import type { Scope, Values, Weights } from "../layers/scope.ts";

/**
 * Fields of a kind's configuration; an absent field has the official network's value. In every family `inChannels` counts
 * modalities, `outChannels` the labels of a segmentation, and `classes` the classes of a classification.
 */
export type Config = Readonly<Record<string, unknown>>;

/** A network by its kind and configuration. */
export interface Spec<K extends string = string> {
  readonly kind: K;
  readonly config: Config;
}

/** The purpose of a network. An encoder is the base of other networks and answers nothing by itself. */
export type Task = "encoder" | "segmentation" | "classification";

/** The use of an imported graph's float constants; names as in the file. */
export interface ConstantReport {
  readonly trained: readonly string[];
  /** Running statistics, which training updates. */
  readonly statistics: readonly string[];
  /** Reason → constants that stay. */
  readonly kept: Readonly<Record<string, readonly string[]>>;
  /** Constants that were one in the file and are several weights now: name → number. */
  readonly untied: Readonly<Record<string, number>>;
  /** Weights that several nodes share, as in the source. */
  readonly tied: readonly string[];
}

/** A network with its configuration closed in. */
export interface Net {
  readonly name: string;
  /** Of an imported network: what becomes of the constants of its graph. */
  readonly constants?: ConstantReport;
  /** Of an imported network: the head alone; its inputs are values of the file, by their names there. */
  readonly head?: (weights: Weights) => Graph;
  /** An input shape [N, C, X, Y, Z] that it accepts. */
  readonly example: readonly number[];
  /** The input shape that it expects instead of this one, in words, or null. */
  inputFault(shape: readonly number[]): string | null;
  /** The outputs that inference needs. */
  readonly inference: readonly string[];
  /** The outputs that a loss compares with labels; those of deep supervision exist in training only. */
  readonly heads: readonly string[];
  /** Every output; in inference at least those of `inference`. */
  forward(s: Scope, image: Value, options: { readonly training: boolean }): Values;
}

/** A kind of network within a family. */
export interface Kind {
  /** null: the task that its package's manifest states. */
  readonly task: Task | null;
  /** True if pre-training makes networks of this kind. */
  readonly pretrains: boolean;
  /**
   * Configuration fields that the keys and shapes of a file do not show: settings without weights of their own, and heads
   * of training, which files of networks for inference lack.
   */
  readonly unseen: readonly string[];
  /** @throws {TypeError} the configuration is wrong, or the graph can only come from a file */
  readonly net: (config: Config) => Net;
}

/** The key of learnt templates, [modalities, X, Y, Z], in files of every family. */
export const TEMPLATE_KEY = "rep_template";

/** Shapes by key; keys as `plainKey()` writes them. */
export type Shapes = ReadonlyMap<string, readonly number[]>;

export interface IdentifyOptions {
  /** Channels of one attention head, which shapes do not show. */
  readonly headDim?: number;
  /** Says that a UNET3D without template is a segmentation network and not one of pre-training. */
  readonly segmentation?: boolean;
}

export interface Identified<K extends string = string> {
  readonly spec: Spec<K>;
  /** Assumptions made, in words for users. */
  readonly assumed: readonly string[];
}

/** How official files name and lay out the weights of a family. */
export interface Checkpoint<K extends string = string> {
  /** The family and its first key, in words for users. */
  readonly title: string;
  /** Plain keys: every file of this family has one of them, and no file of another family. */
  readonly markers: readonly string[];
  /** @throws {TypeError} a tensor that shows the network's sizes is missing */
  identify(shapes: Shapes, options: IdentifyOptions): Identified<K>;
  /** The key in `nets/` of an official key without wrappers. */
  plainKey(officialKey: string): string;
  /** The inverse of `plainKey()` for networks of this kind. */
  officialKey(key: string, kind: K): string;
  /** Keys of kernels whose axes are (Z, X, Y) in official files. */
  readonly permuted: RegExp;
  /** Keys of the encoder's convolution of the image, whose input channels are the modalities. */
  readonly firstKernel: RegExp;
  /** Keys that a network made from an encoder never takes from it (docs/method A.1.4 step 2, A.3). */
  readonly freshDownstream: RegExp;
  /** Keys of the decoder of a network of pre-training; default none. */
  readonly decoder?: RegExp;
  /** Keys under which official files hold tensors once more; default none. */
  readonly repeated?: RegExp;
  /** Keys of the heads that only training uses. */
  readonly trainingHeads: RegExp;
}

/** Changes of a configuration that a training may ask for; a family ignores those that it has no field for. */
export interface Variation {
  readonly task: Exclude<Task, "encoder">;
  /** Each image is normalised by its own statistics where it would be by those of a batch. */
  readonly instanceNorm: boolean;
  /** False: only the last output is compared with labels. */
  readonly deepSupervision: boolean;
}

/** The network that a task asks for. */
export interface DownstreamRequest {
  readonly task: Exclude<Task, "encoder">;
  /** Modalities. */
  readonly inputs: number;
  /** Labels or classes. */
  readonly outputs: number;
  /** Classification from the means of every stage, where the family offers it. */
  readonly allStages?: boolean;
}

export interface Downstream<K extends string = string> {
  readonly spec: Spec<K>;
  /**
   * The network itself; `base` is the graph of the network that it is made from.
   * @throws {TypeError | RangeError} it cannot be built on this base, or not be trained
   */
  net(base: Graph): Net;
}

/** An operator that a file's graph may apply to its logits. */
export type FinalOperator = "ArgMax" | "Sigmoid" | "Softmax";

/** A network that keeps its decoder and head. */
export interface ContinueRequest {
  readonly task: Exclude<Task, "encoder">;
  /** The operators behind the logits of which the last one is taken off; none: its output holds logits. */
  readonly applied: readonly FinalOperator[];
}

export interface Continued<K extends string = string> {
  readonly spec: Spec<K>;
  /** @throws {TypeError | RangeError} the graph does not end so, or cannot be trained */
  net(base: Graph): { readonly net: Net; readonly takenOff: FinalOperator | null };
}

/** A family of networks. */
export interface Family<K extends string = string> {
  readonly kinds: Readonly<Record<K, Kind>>;
  /**
   * Where graphs come from: a function here builds them for any size, from fresh weights too; a file holds one graph for
   * the size it was exported for, with its weights.
   */
  readonly graph: "function" | "file";
  /** True if a constant of a package's graph is a weight and no number of the architecture. */
  isWeight(name: string, constant: Tensor): boolean;
  /** The network for a task around the encoder of `base`. @throws {TypeError} the configuration of `base` is wrong */
  downstream(base: Spec, request: DownstreamRequest): Downstream<K>;
  /** The configuration of a network to train. Absent: nothing of it varies. */
  varied?(config: Config, variation: Variation): Config;
  /** A network of this family from a file, with its own head. Absent: its configuration describes it. */
  continued?(base: Spec, request: ContinueRequest): Continued<K>;
  /** null: no official files of weights without a graph. */
  readonly checkpoint: Checkpoint<K> | null;
  /** Defaults of fine-tuning that differ between families. */
  readonly finetuning: {
    /** Weight decay of the paper (docs/method B.3 row 2). */
    readonly paperWeightDecay: number;
    /** True if a classifier may see the means of every stage. */
    readonly allStages: boolean;
    /**
     * True if others trained its weights, by rates that are not known here: a fine-tune then finds its rate, warms up and
     * clips gradients unless it is asked not to.
     */
    readonly isForeign?: boolean;
  };
}

/** A kind whose graph is a function here: defaults and function, still open in the configuration. */
interface Definition<C> {
  readonly task: Task;
  readonly pretrains?: boolean;
  readonly unseen: readonly (keyof C & string)[];
  readonly defaults: (given: Config) => C;
  /** The fault of a configuration, or null. */
  readonly fault: (config: C) => string | null;
  /** Spatial sizes must be multiples of this, along every axis or along each. */
  readonly multiple: number | ((config: C) => readonly number[]);
  readonly inference: readonly string[];
  readonly heads?: readonly string[];
  readonly forward: (s: Scope, image: Value, config: C, options: { readonly training: boolean }) => Values;
}

/** Names a kind and closes its function over checked configurations. */
export function define<C extends { readonly inChannels: number }>(name: string, definition: Definition<C>): Kind {
  const { task, pretrains = false, unseen, multiple, inference, heads = [], forward } = definition;
  const net = (given: Config): Net => {
    const config = configOf(name, { given, defaults: definition.defaults(given) });
    const fault = definition.fault(config);
    if (fault !== null) throw new TypeError(`Cannot configure ${name}: ${fault}`);
    const multiples = typeof multiple === "number" ? [multiple, multiple, multiple] : multiple(config);
    const fits = ([n, c, ...size]: readonly number[]) =>
      n >= 1 && c === config.inChannels && size.length === 3 &&
      size.every((d, axis) => d >= multiples[axis] && d % multiples[axis] === 0);
    const shown = new Set(multiples).size === 1 ? multiples[0] : multiples.join(", ");
    return {
      name,
      example: [1, config.inChannels, ...multiples],
      inputFault: (shape) =>
        fits(shape) ? null : `[N, ${config.inChannels}, X, Y, Z] with sizes that are multiples of ${shown}`,
      inference,
      heads,
      forward: (s, image, options) => forward(s, image, config, options),
    };
  };
  return { task, pretrains, unseen, net };
}

/** The size of a tensor along an axis. @throws {TypeError} there is no such tensor */
export function sizeIn(shapes: Shapes, key: string, axis: number): number {
  const found = shapes.get(key)?.[axis];
  if (found === undefined) throw new TypeError(`Cannot find the network's sizes: expected a tensor ${key}, got none`);
  return found;
}

/** Weights have the dotted names of state dictionaries; other numbers of a graph have none. */
export const isDotted = (name: string, { dtype }: Tensor): boolean => name.includes(".") && isFloat(dtype);
