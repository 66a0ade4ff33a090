/** The network that a fine-tune trains: the base's encoder or whole network with the head that the data set asks for. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gradients, type Graph, GraphBuilder, importModel, NoGradientError } from "../../graph/mod.ts";
import { isFloat, sameShape, sizeOf, type Tensor, tensor, type TensorType } from "../../tensor/mod.ts";
import { type Architecture, type ModelSpec } from "../../inference/mod.ts";
import {
  buildNetwork,
  downstreamSpec,
  featureClassifier,
  featureDecoder,
  featureOutputs,
  initialTensor,
  isBuffer,
  isFirstKernel,
  isFreshDownstream,
  type Net,
  netOf,
  type Parameter,
  parametersOf,
} from "../../nets/mod.ts";
import { type FinetuneRequest, TrainingError } from "../types.ts";
import type { ResolvedRecipe } from "../recipe/finetuning.ts";

/** What became of the base's weights; keys as in docs/method. */
export interface WeightReport {
  readonly loaded: number;
  /** In the base, but with no place in the new network. */
  readonly dropped: readonly string[];
  /** Fresh in the new network. */
  readonly fresh: readonly string[];
}

/** A network to train. */
export interface Trainable {
  readonly architecture: Architecture;
  /** In training form for crops of the recipe's size, start weights as constants. */
  readonly network: Graph;
  /** The same for more crops; absent where statistics are those of all crops together, or the network takes one only. */
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
  const bytes = await readFile(join(base.directory, "network.onnx"));
  const imported = base.spec.architecture.kind === "onnx";
  const { net, architecture, known } = imported ? importedNet(request, bytes, input) : {
    ...ownNet(request, recipe),
    known: importModel(bytes).constants,
  };
  const isDropped = (key: string) => !imported && base.spec.task === "encoder" && isFreshDownstream(key);
  const usable = ({ key, shape }: Parameter) => {
    const found = known.get(key);
    if (scratch || found === undefined) return undefined;
    if (isDropped(key)) {
      return recipe.firstKernel === "inflate" && isFirstKernel(key) ? inflated(found, shape) : undefined;
    }
    return sameShape(found.shape, shape) ? found : undefined;
  };
  const weights = new Map<string, Tensor>(), fresh: string[] = [];
  const parameters = parametersOf(net).filter((p) => !p.idle);
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
      ? withHeadBias(built, headBiases(built, headsOf(built)).filter((key) => fresh.includes(key)), recipe.headBias)
      : built;
  };
  const network = networkOf(isJoint ? recipe.batchSize : 1);
  return {
    architecture,
    network,
    ...(!isJoint && !imported && { networkOf }),
    isTrainable: (key) => trained.has(key),
    heads: headsOf(network),
    report: {
      loaded: weights.size - fresh.length,
      dropped: [...known].flatMap(([key, { dtype, data }]) => {
        // numbers that are no weights have no dotted names here; in an imported network single numbers are none
        const isWeight = key.includes(".") && isFloat(dtype) && (!imported || data.length > 1);
        return fresh.includes(key) || (isWeight && !weights.has(key)) ? [key] : [];
      }),
      fresh,
    },
    inference: (final) => buildNetwork(net, { input, weights: final, outputs: "inference" }),
  };
}

/** Outputs that are supervised. */
const headsOf = ({ outputs }: Graph) => outputs.filter((name) => name === "logits" || name.startsWith("out"));

/** A kernel of one channel as one of `shape`'s channels that gives their mean the same features; else what fits as it is. */
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

function ownNet(
  { base, task, modalities, labels, classes }: FinetuneRequest,
  { allStages }: ResolvedRecipe,
): { net: Net; architecture: Architecture } {
  const outputs = task === "segmentation" ? labels.length : classes.length;
  const architecture = downstreamSpec(base.spec.architecture, {
    task,
    inputs: modalities.length,
    outputs,
    allStages,
  });
  return { net: netOf(architecture), architecture };
}

/** Channels of the decoder on an imported encoder. */
const IMPORTED_DECODER = { stemWidth: 16, maxWidth: 128 };

/** The new head on the base's feature maps; weights of a head that was made here before go on under their keys. */
function importedNet(
  { base, task, labels, classes }: FinetuneRequest,
  bytes: Uint8Array,
  input: readonly number[],
): { net: Net; architecture: Architecture; known: ReadonlyMap<string, Tensor> } {
  const { config } = base.spec.architecture;
  const { features } = config;
  if (!Array.isArray(features) || !features.every((f) => typeof f === "string")) {
    throw new TrainingError(
      "invalid-recipe",
      `Cannot train ${base.name}: expected its manifest's architecture.config.features to name feature maps, ` +
        `got ${JSON.stringify(features) ?? "nothing"}`,
    );
  }
  try {
    const graph = importModel(bytes, { inputShape: input });
    const encoder = { graph, features };
    const net = task === "segmentation"
      ? featureDecoder(encoder, { ...IMPORTED_DECODER, outChannels: labels.length })
      : featureClassifier(encoder, { classes: classes.length });
    for (const { key, init } of parametersOf(net)) { // throws where a weight has the name of one of the head's
      if (init.kind === "given" && init.tensor.dtype !== "float32") {
        throw new TypeError(`expected float32 weights, got ${init.tensor.dtype} in ${key}`);
      }
    }
    checkGradients(graph, features);
    const architecture: Architecture = {
      kind: "onnx",
      config: { ...config, features: featureOutputs(features), head: task },
    };
    return { net, architecture, known: graph.constants };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TrainingError("invalid-recipe", `Cannot train ${base.name} on crops [${input}]: ${why}`, {
      cause: error,
    });
  }
}

/** @throws {TypeError} an operator between weights and feature maps has no gradient, by the names that the file has */
function checkGradients(graph: Graph, features: readonly string[]): void {
  const b = new GraphBuilder();
  const { op } = b;
  const isOpen = (type: TensorType, constant?: Tensor) =>
    constant === undefined || (isFloat(type.dtype) && constant.data.length > 1);
  const values = b.inline(graph, (name, type, constant) => isOpen(type, constant) ? b.input(name, type) : undefined);
  const means = features.map((name) => op.ReduceMean(values.get(name)!, null, { keepdims: 0 }));
  try {
    gradients(b, means.reduce((a, v) => op.Add(a, v)), b.inputs.filter((v) => graph.constants.has(v.name)));
  } catch (error) {
    if (!(error instanceof NoGradientError)) throw error;
    const node = [...values].find(([, v]) => v.name === error.value.name)?.[0] ?? error.value.name;
    throw new TypeError(`${error.op} (node ${node}) has no gradient: ${error.why}`, { cause: error });
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
    preprocessing: spec.preprocessing,
    inference: { ...spec.inference, roi: recipe.roi },
  };
}
