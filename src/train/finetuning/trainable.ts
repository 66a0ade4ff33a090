/** The network that a fine-tune trains: the base's encoder or whole network, with the head that the task needs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Graph, importModel } from "../../graph/mod.ts";
import { sameShape, sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { type Architecture, type ModelSpec } from "../../inference/mod.ts";
import {
  buildNetwork,
  downstream,
  familyOf,
  initialTensor,
  isBuffer,
  isFirstKernel,
  isFreshDownstream,
  type Net,
  type Parameter,
  parametersOf,
} from "../../nets/mod.ts";
import { TrainingError } from "../types.ts";
import type { WeightReport } from "../report/finetuning.ts";
import type { FinetuneRequest } from "./types.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

/** A network to train. */
export interface Trainable {
  readonly architecture: Architecture;
  /** In training form for crops of the recipe's size, start weights as constants. */
  readonly network: Graph;
  /** The same for more crops; absent where all crops share their statistics, or the graph takes one crop only. */
  readonly networkOf?: (crops: number) => Graph;
  readonly isTrainable: (key: string) => boolean;
  readonly heads: readonly string[];
  readonly report: WeightReport;
  /** The inference graph with these weights. */
  inference(weights: ReadonlyMap<string, Tensor>): Graph;
}

export interface TrainableOptions {
  readonly request: FinetuneRequest;
  readonly recipe: ResolvedRecipe;
  /** Ignore the base's weights: the from-scratch twin. */
  readonly scratch?: boolean;
}

/**
 * Builds the network of a fine-tune and fills it with the base's weights where key and shape agree; an encoder base's
 * first kernels are fresh (docs/method A.1.4) or inflated, and the bias of a fresh kernel is fresh.
 * @throws {TrainingError} `invalid-recipe`: the base cannot be used for this task or crop size
 */
export async function trainable({ request, recipe, scratch = false }: TrainableOptions): Promise<Trainable> {
  const { base, modalities } = request;
  const inputOf = (crops: number) => [crops, modalities.length, ...recipe.roi];
  const input = inputOf(1);
  const { kind } = base.spec.architecture;
  const family = familyOf(kind);
  const bytes = await readFile(join(base.directory, "network.onnx"));
  const { net, architecture, parameters, known } = networkOn(bytes, { request, recipe, input });
  const isDropped = (key: string) => base.spec.task === "encoder" && isFreshDownstream({ kind, key });
  const usable = ({ key, shape }: Parameter) => {
    const found = known.get(key);
    if (scratch || found === undefined) return undefined;
    if (isDropped(key)) {
      return recipe.firstKernel === "inflate" && isFirstKernel({ kind, key }) ? inflated(found, shape) : undefined;
    }
    return sameShape(found.shape, shape) ? found : undefined;
  };
  const weights = new Map<string, Tensor>(), fresh: string[] = [];
  for (const parameter of parameters) {
    const { key, init } = parameter;
    const found = usable(parameter);
    const kernelIsFresh = fresh.includes(key.replace(/\.bias$/, ".weight"));
    if (found !== undefined && !kernelIsFresh) weights.set(key, found);
    else {
      weights.set(key, initialTensor(parameter, recipe.seed));
      if (init.kind !== "given") fresh.push(key);
    }
  }
  const trained = new Set(parameters.filter((p) => !p.buffer && !isBuffer(p.key)).map((p) => p.key));
  const isJoint = recipe.batch === "joint";
  const networkOf = (crops: number) => {
    const built = buildNetwork(net, { input: inputOf(crops), weights, outputs: "training" });
    return request.task === "segmentation" && recipe.headBias !== null
      ? withHeadBias(
        built,
        headBiases(built, headsOf(net, built)).filter((key) => fresh.includes(key)),
        recipe.headBias,
      )
      : built;
  };
  const network = networkOf(isJoint ? recipe.batchSize : 1);
  return {
    architecture,
    network,
    ...(!isJoint && family.graph === "function" && { networkOf }),
    isTrainable: (key) => trained.has(key),
    heads: headsOf(net, network),
    report: {
      loaded: weights.size - fresh.length,
      dropped: [...known].flatMap(([key, constant]) =>
        fresh.includes(key) || (family.isWeight(key, constant) && !weights.has(key)) ? [key] : []
      ),
      fresh,
    },
    inference: (final) => buildNetwork(net, { input, weights: final, outputs: "inference" }),
  };
}

/** The heads that the graph has: those of deep supervision depend on the configuration. */
const headsOf = ({ heads }: Net, { outputs }: Graph) => heads.filter((name) => outputs.includes(name));

/** A kernel of one channel, spread over `shape`'s channels so that their mean gives the same features; or one that fits. */
function inflated(found: Tensor, shape: readonly number[]): Tensor | undefined {
  if (sameShape(found.shape, shape)) return found;
  const [out, one, ...kernel] = found.shape, [, channels] = shape;
  if (one !== 1 || !sameShape([out, channels, ...kernel], shape)) return undefined;
  const taps = sizeOf(kernel);
  const from = found.data as Float32Array;
  const data = Float32Array.from(
    { length: sizeOf(shape) },
    (_, i) => from[Math.floor(i / (channels * taps)) * taps + i % taps] / channels,
  );
  return tensor("float32", shape, data);
}

/** Keys of the biases that the heads' last convolutions have, before any resizing. */
function headBiases({ nodes }: Graph, heads: readonly string[]): string[] {
  const producers = new Map(nodes.map((node) => [node.output, node]));
  return heads.flatMap((head) => {
    let node = producers.get(head);
    while (node?.op === "Resize") node = producers.get(node.inputs[0]);
    return node?.op === "Conv" && node.inputs.length > 2 ? [node.inputs[2]] : [];
  });
}

/** The graph with these constants filled with one value. */
function withHeadBias(graph: Graph, keys: readonly string[], value: number): Graph {
  const constants = new Map(graph.constants);
  for (const key of keys) {
    const { dtype, shape } = constants.get(key)!;
    constants.set(key, tensor(dtype, shape, new Float32Array(sizeOf(shape)).fill(value)));
  }
  return { ...graph, constants };
}

interface OnBase {
  readonly architecture: Architecture;
  readonly net: Net;
  readonly parameters: readonly Parameter[];
  /** The constants of the base's graph. */
  readonly known: ReadonlyMap<string, Tensor>;
}

/** The network for the task on the base whose `network.onnx` is `bytes`, for crops of shape `input`. */
function networkOn(
  bytes: Uint8Array,
  { request, recipe, input }: { request: FinetuneRequest; recipe: ResolvedRecipe; input: readonly number[] },
): OnBase {
  const { base, task, modalities, labels, classes } = request;
  const { architecture: from } = base.spec;
  const refuse = (what: string, error: unknown): never => {
    const why = error instanceof Error ? error.message : String(error);
    throw new TrainingError("invalid-recipe", `Cannot train ${what}: ${why}`, { cause: error });
  };
  let made;
  try {
    made = downstream(from, {
      task,
      inputs: modalities.length,
      outputs: task === "segmentation" ? labels.length : classes.length,
      allStages: recipe.allStages,
    });
  } catch (error) {
    return refuse(base.name, error);
  }
  try {
    // the graph of a file must fit the crops; of the others only the weights are taken
    const graph = importModel(bytes, familyOf(from.kind).graph === "file" ? { inputShape: input } : {});
    const net = made.net(graph);
    const expected = net.inputFault(input);
    if (expected !== null) throw new RangeError(`expected ${expected}`);
    const parameters = parametersOf(net).filter((p) => !p.idle);
    return { architecture: made.spec, net, parameters, known: graph.constants };
  } catch (error) {
    return refuse(`${base.name} on crops [${input}]`, error);
  }
}

/** The spec of the package that the fine-tune makes. */
export function resultSpec(request: FinetuneRequest, recipe: ResolvedRecipe, architecture: Architecture): ModelSpec {
  const { task, modalities, labels, classes, base: { spec } } = request;
  return {
    task,
    architecture,
    modalities,
    labels,
    classes,
    preprocessing: { ...spec.preprocessing, percentilesOver: recipe.percentilesOver },
    inference: { ...spec.inference, roi: recipe.roi },
  };
}
