/** The network that a fine-tune trains: the base's encoder or whole network with the head that the data set asks for. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Graph, importModel, sameShape, type Tensor } from "../graph/mod.ts";
import { type Architecture, type ModelSpec } from "../inference/mod.ts";
import {
  buildNetwork,
  featureClassifier,
  featureDecoder,
  initialTensor,
  isBuffer,
  type Net,
  netOf,
  parametersOf,
} from "../nets/mod.ts";
import type { FinetuneRequest } from "./types.ts";
import { TrainingError } from "./types.ts";
import type { ResolvedRecipe } from "./recipes.ts";

/** What became of the base's weights; keys as in METHODS.md. */
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
 * first kernel is always fresh (METHODS.md A.1.4).
 * @throws {TrainingError} `invalid-recipe`: the base cannot be used for this task or crop size
 */
export async function trainable({ request, recipe, scratch = false }: TrainableOptions): Promise<Trainable> {
  const { base, modalities } = request;
  const input = [1, modalities.length, ...recipe.roi];
  const bytes = await readFile(join(base.directory, "network.onnx"));
  const { net, architecture } = base.spec.architecture.kind === "onnx"
    ? importedNet(request, bytes, input)
    : ownNet(request);
  const known = architecture.kind === "onnx" ? new Map<string, Tensor>() : importModel(bytes).constants;
  const dropFirst = base.spec.task === "encoder" ? /^encoder\.patch_embed1\.proj\.|^conv1a\./ : /(?!)/;
  const weights = new Map<string, Tensor>(), fresh: string[] = [];
  const parameters = parametersOf(net).filter((p) => !p.idle);
  for (const parameter of parameters) {
    const { key, shape, init } = parameter;
    const found = known.get(key);
    if (!scratch && found !== undefined && sameShape(found.shape, shape) && !dropFirst.test(key)) {
      weights.set(key, found);
    } else {
      weights.set(key, initialTensor(parameter, recipe.seed));
      if (init.kind !== "given") fresh.push(key);
    }
  }
  const trained = new Set(parameters.filter((p) => !p.buffer && !isBuffer(p.key)).map((p) => p.key));
  const network = buildNetwork(net, { input, weights, outputs: "training" });
  return {
    architecture,
    network,
    isTrainable: (key) => trained.has(key),
    heads: network.outputs.filter((name) => name === "logits" || name.startsWith("out")),
    report: {
      loaded: weights.size - fresh.length,
      dropped: [...known.keys()].filter((k) => k.includes(".") && (fresh.includes(k) || !weights.has(k))),
      fresh,
    },
    inference: (final) => buildNetwork(net, { input, weights: final, outputs: "inference" }),
  };
}

/** The downstream architecture of each base. */
const DOWNSTREAM = {
  uniformer: { segmentation: "uniunet", classification: "uniformer-classifier" },
  unet3d: { segmentation: "unet3d", classification: "unet3d-classifier" },
} as const;

function ownNet(
  { base, task, modalities, labels, classes }: FinetuneRequest,
): { net: Net; architecture: Architecture } {
  const { kind, config } = base.spec.architecture;
  const family = kind.startsWith("unet3d") ? "unet3d" : "uniformer";
  const next = DOWNSTREAM[family][task];
  const outputs = task === "segmentation" ? { outChannels: labels.length } : { classes: classes.length };
  const { outChannels: _o, classes: _c, ...shared } = config;
  const kept = task === "segmentation" ? shared : withoutDecoder(shared);
  const architecture = { kind: next, config: { ...kept, inChannels: modalities.length, ...outputs } };
  return { net: netOf(architecture), architecture };
}

function withoutDecoder(
  { stemWidth: _s, multiScale: _m, deepSupervision: _d, ...encoder }: Readonly<Record<string, unknown>>,
) {
  return encoder;
}

/** Channels of the decoder on an imported encoder. */
const IMPORTED_DECODER = { stemWidth: 16, maxWidth: 128 };

function importedNet(
  { base, task, labels, classes }: FinetuneRequest,
  bytes: Uint8Array,
  input: readonly number[],
): { net: Net; architecture: Architecture } {
  const { config } = base.spec.architecture;
  const features = config.features as readonly string[];
  let graph: Graph;
  try {
    graph = importModel(bytes, { inputShape: input });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TrainingError("invalid-recipe", `Cannot train ${base.name} on crops [${input}]: ${why}`, {
      cause: error,
    });
  }
  const encoder = { graph, features };
  const net = task === "segmentation"
    ? featureDecoder(encoder, { ...IMPORTED_DECODER, outChannels: labels.length })
    : featureClassifier(encoder, { classes: classes.length });
  return { net, architecture: { kind: "onnx", config: { ...config, head: task } } };
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
