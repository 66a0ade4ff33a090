/** The network that a fine-tune trains: the base's encoder or whole network, with the head that the task needs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel, ensembleOf, type Graph, importModel, mainOf, membersOf } from "../../../graph/mod.ts";
import { type Tensor } from "../../../tensor/mod.ts";
import { type Architecture } from "../../../inference/mod.ts";
import {
  buildNetwork,
  continued,
  downstream,
  familyOf,
  type FinalOperator,
  imageAxes,
  initialTensor,
  isBuffer,
  type NamedAxes,
  type Net,
  outputAxes,
  type Parameter,
  parametersOf,
  readingOf,
  varied,
} from "../../../nets/mod.ts";
import type { Criterion } from "../../step/criteria.ts";
import { TrainingError } from "../../types.ts";
import type { WeightReport } from "../../report/weights.ts";
import { BaseWeights, channelNames, outputNames } from "./base_weights.ts";
import { appliedBy, type KeptHead, keptHead } from "./keep_head.ts";
import { type OpenSizes, openSizes } from "./open_sizes.ts";
import type { NetworkRequest } from "../types.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";

/** A network to train. */
export interface Trainable {
  readonly architecture: Architecture;
  /** In training form for crops of the recipe's size, start weights as constants. */
  readonly network: Graph;
  /** The same for more crops; absent where all crops share their statistics, or the graph takes one crop only. */
  readonly networkOf?: (crops: number) => Graph;
  readonly isTrainable: (key: string) => boolean;
  /** BatchNormalizations of the base that keep its statistics, by the key of their mean. */
  readonly isFrozen: (key: string) => boolean;
  readonly heads: readonly string[];
  /** How the base's head continues; null: what fits of it is taken, the rest is fresh. */
  readonly kept: KeptHead | null;
  /** How its outputs are compared with labels; absent: as fresh heads with a logit a label or class need it. */
  readonly criterion: Criterion | undefined;
  /** Reports whether a weight starts from the base's. */
  readonly isFromBase: (key: string) => boolean;
  readonly report: WeightReport;
  /** The inference graph with these weights. */
  inference(weights: ReadonlyMap<string, Tensor>): Graph;
  /**
   * The bytes of the result's `network.onnx`: the inference graph, whose sizes stay open where the base's are. With weights
   * of `others` it answers by the mean of the logits of all, for windows of one size.
   */
  encoded(weights: ReadonlyMap<string, Tensor>, others?: readonly ReadonlyMap<string, Tensor>[]): Uint8Array;
}

export interface TrainableOptions {
  readonly request: NetworkRequest;
  readonly recipe: ResolvedRecipe;
  /** Ignore the base's weights: the from-scratch twin. */
  readonly scratch?: boolean;
}

/**
 * Builds the network of a fine-tune and fills it with the base's weights where key and shape agree, those of channels and
 * outputs where their names agree (`base_weights.ts`). The bias of a fresh kernel is fresh.
 * @throws {TrainingError} `invalid-recipe`: the base cannot be used for this task, crop size or order of modalities
 */
export async function trainable({ request, recipe, scratch = false }: TrainableOptions): Promise<Trainable> {
  const { base, modalities } = request;
  const inputOf = (crops: number) => [crops, modalities.length, ...recipe.roi];
  const input = inputOf(1);
  const family = familyOf(base.spec.architecture.kind);
  const bytes = await readFile(join(base.directory, "network.onnx"));
  const { net, architecture, parameters, known, outputs, takenOff, sizes, members } = networkOn(bytes, {
    request,
    recipe,
    input,
  });
  const source = new BaseWeights({ request, recipe, known, axes: { image: imageAxes(net), outputs } });
  const weights = new Map<string, Tensor>(), fresh: string[] = [];
  for (const parameter of parameters) {
    const { key, init } = parameter;
    const found = scratch ? undefined : known.get(key);
    const kernelIsFresh = fresh.includes(key.replace(/\.bias$/, ".weight"));
    const taken = found === undefined || kernelIsFresh ? undefined : source.taken(parameter, found);
    weights.set(key, taken ?? source.fresh(parameter));
    if (taken === undefined && init.kind !== "given") fresh.push(key);
  }
  const kept = new Set(Object.values(net.constants?.kept ?? {}).flat());
  const trained = new Set(parameters.filter((p) => !p.buffer && !isBuffer(p.key)).map((p) => p.key));
  const ofBase = new Set([...known.keys(), ...net.constants?.statistics ?? []]);
  const isJoint = recipe.batch === "joint";
  const inference = (final: ReadonlyMap<string, Tensor>) =>
    buildNetwork(net, { input, weights: final, outputs: "inference" });
  const open = sizesOf(recipe, sizes(weights));
  const networkOf = (crops: number) => buildNetwork(net, { input: inputOf(crops), weights, outputs: "training" });
  const network = networkOf(isJoint ? recipe.batchSize : 1), heads = headsOf(net, network);
  const logits = network.types.get(heads[0])!.shape;
  const continuing = recipe.keepHead ? keptHead(request, { logits, takenOff }) : null;
  const isFromBase = (key: string) => known.has(key) && !fresh.includes(key);
  return {
    architecture,
    network,
    kept: continuing,
    criterion: continuing?.criterion ?? (recipe.exclusive ? "labels" : undefined),
    isFromBase,
    ...(!isJoint && family.graph === "function" && { networkOf }),
    isTrainable: (key) => trained.has(key),
    isFrozen: (key) => recipe.batchNorm === "frozen" && ofBase.has(key),
    heads,
    report: {
      loaded: weights.size - fresh.length,
      dropped: [...known].flatMap(([key, constant]) =>
        fresh.includes(key) || (family.isWeight(key, constant) && !weights.has(key) && !kept.has(key)) ? [key] : []
      ),
      fresh,
      ...(members > 1 && { baseMembers: members }),
      ...(net.constants && { constants: net.constants }),
      ...(open !== null && { sizes: "why" in open ? { fixed: open.why } : "open" }),
      ...source.names(isFromBase),
      ...(recipe.keepHead && { outputs: { loaded: outputNames(request), averaged: [], fresh: [], dropped: [] } }),
    },
    inference,
    encoded: (final, others = []) =>
      others.length > 0
        ? encodeModel(ensembleOf(inference(final), others.map(inference)))
        : open !== null && "encode" in open
        ? open.encode(final)
        : encodeModel(inference(final)),
  };
}

/** An ensemble is written as one graph here, and not by the nodes of the base's file. */
const sizesOf = ({ ensemble }: ResolvedRecipe, open: OpenSizes | null): OpenSizes | null =>
  ensemble === "folds" && open !== null ? { why: "its networks stand in one graph of that size" } : open;

/** The heads that the graph has: those of deep supervision depend on the configuration. */
const headsOf = ({ heads }: Net, { outputs }: Graph) => heads.filter((name) => outputs.includes(name));

interface OnBase {
  readonly architecture: Architecture;
  readonly net: Net;
  readonly parameters: readonly Parameter[];
  /** The constants of the base's graph. */
  readonly known: ReadonlyMap<string, Tensor>;
  /** The axes of labels or classes; none where the base's head is kept. */
  readonly outputs: NamedAxes;
  readonly sizes: (weights: ReadonlyMap<string, Tensor>) => OpenSizes | null;
  /** Of a kept head: what the base's graph applies to its logits, and this network does not. */
  readonly takenOff: FinalOperator | null;
  /** The number of networks by which the base answers; only its main one is trained. */
  readonly members: number;
}

/** The network for the task on the base whose `network.onnx` is `bytes`, for crops of shape `input`. */
function networkOn(
  bytes: Uint8Array,
  { request, recipe, input }: { request: NetworkRequest; recipe: ResolvedRecipe; input: readonly number[] },
): OnBase {
  const { base, modalities } = request;
  const { architecture: from } = base.spec;
  if (familyOf(from.kind).graph === "file" && modalities.length !== base.spec.modalities.length) {
    const listed = (names: readonly string[]) => `${names.length} modalities (${names.join(", ")})`;
    throw new TrainingError(
      "invalid-recipe",
      `Cannot train ${base.name}: its network comes from a file for ${listed(base.spec.modalities)}, got ` +
        `${listed(modalities)}; make a data set with as many, or choose another base`,
    );
  }
  try {
    // the graph of a file must fit the crops; of the others only the weights are taken
    const reading = readingOf(from, "whole");
    const whole = importModel(bytes, familyOf(from.kind).graph === "file" ? { inputShape: input, ...reading } : {});
    const graph = mainOf(whole), members = membersOf(whole);
    const { architecture, net, outputs, takenOff, netOn } = (recipe.keepHead ? wholeOn : headOn)(graph, {
      request,
      recipe,
    });
    const expected = net.inputFault(input);
    if (expected !== null) throw new RangeError(`expected ${expected}`);
    if (recipe.norm === "instance") checkSpread(net, input);
    const parameters = parametersOf(net).filter((p) => !p.idle);
    const sizes: OnBase["sizes"] = (weights) => openSizes(bytes, { net, input, reading, netOn, weights });
    return { architecture, net, parameters, known: graph.constants, outputs, sizes, takenOff, members };
  } catch (error) {
    if (error instanceof TrainingError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    const what = `${base.name} on crops [${input}]`;
    throw new TrainingError("invalid-recipe", `Cannot train ${what}: ${why}`, { cause: error });
  }
}

/** @throws {RangeError} a feature map has one voxel, which its own statistics make 0 for every image */
function checkSpread(net: Net, input: readonly number[]): void {
  const weights = new Map(parametersOf(net).map((p) => [p.key, initialTensor(p, 0)]));
  const { nodes, types } = buildNetwork(net, { input, weights, outputs: "inference" });
  const isSingle = (name: string) => types.get(name)!.shape.slice(2).every((edge) => edge === 1);
  if (nodes.some(({ op, output }) => op === "InstanceNormalization" && isSingle(output))) {
    throw new RangeError(
      "its features have a single voxel, which normalised by itself is the same for every image; expected a larger roi " +
        "or norm batch",
    );
  }
}

interface OnGraph extends Omit<OnBase, "parameters" | "known" | "sizes" | "members"> {
  /** The same network on the base's graph of another size. */
  readonly netOn: (graph: Graph) => Net;
}

interface OnGraphOptions {
  readonly request: NetworkRequest;
  readonly recipe: ResolvedRecipe;
}

/** The base in the form that the recipe asks for. */
const variedBy = ({ norm, deepSupervision }: ResolvedRecipe, { base, task }: NetworkRequest) =>
  varied(base.spec.architecture, { task, instanceNorm: norm === "instance", deepSupervision });

/** The base's encoder under a head for the task. */
function headOn(graph: Graph, { request, recipe }: OnGraphOptions): OnGraph {
  const { base, task, modalities } = request, count = channelNames(request, recipe).length;
  const from = variedBy(recipe, request);
  const downstreamOf = (outputs: number) => {
    try {
      return downstream(from, {
        task,
        inputs: modalities.length,
        outputs,
        allStages: recipe.allStages,
      });
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new TrainingError("invalid-recipe", `Cannot train ${base.name}: ${why}`, { cause });
    }
  };
  const made = downstreamOf(count), net = made.net(graph);
  const outputs = outputAxes(net, downstreamOf(count + 1).net(graph));
  return { architecture: made.spec, net, outputs, takenOff: null, netOn: made.net };
}

/** The base as a whole. */
function wholeOn(graph: Graph, { request, recipe }: OnGraphOptions): OnGraph {
  const { base, task } = request;
  const made = continued(variedBy(recipe, request), { task, applied: appliedBy(base) });
  return { architecture: made.spec, ...made.net(graph), outputs: new Map(), netOn: (other) => made.net(other).net };
}
