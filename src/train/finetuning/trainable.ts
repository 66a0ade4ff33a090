/** The network that a fine-tune trains: the base's encoder or whole network, with the head that the task needs. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel, type Graph, importModel } from "../../graph/mod.ts";
import { type Tensor } from "../../tensor/mod.ts";
import type { Architecture, ModelSpec, Preprocessing } from "../../inference/mod.ts";
import {
  buildNetwork,
  downstream,
  familyOf,
  imageAxes,
  isBuffer,
  type NamedAxes,
  type Net,
  outputAxes,
  type Parameter,
  parametersOf,
  readingOf,
} from "../../nets/mod.ts";
import { TrainingError } from "../types.ts";
import type { WeightReport } from "../report/weights.ts";
import { BaseWeights } from "./base_weights.ts";
import { placesOf } from "./by_name.ts";
import { type OpenSizes, openSizes } from "./open_sizes.ts";
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
  /** BatchNormalizations of the base that keep its statistics, by the key of their mean. */
  readonly isFrozen: (key: string) => boolean;
  readonly heads: readonly string[];
  readonly report: WeightReport;
  /** The inference graph with these weights. */
  inference(weights: ReadonlyMap<string, Tensor>): Graph;
  /** The bytes of the result's `network.onnx`: the inference graph, whose sizes stay open where the base's are. */
  encoded(weights: ReadonlyMap<string, Tensor>): Uint8Array;
}

export interface TrainableOptions {
  readonly request: FinetuneRequest;
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
  const { net, architecture, parameters, known, outputs, sizes } = networkOn(bytes, { request, recipe, input });
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
  const isJoint = recipe.batch === "joint";
  const inference = (final: ReadonlyMap<string, Tensor>) =>
    buildNetwork(net, { input, weights: final, outputs: "inference" });
  const open = sizes(weights);
  const networkOf = (crops: number) => buildNetwork(net, { input: inputOf(crops), weights, outputs: "training" });
  const network = networkOf(isJoint ? recipe.batchSize : 1);
  return {
    architecture,
    network,
    ...(!isJoint && family.graph === "function" && { networkOf }),
    isTrainable: (key) => trained.has(key),
    isFrozen: (key) => recipe.batchNorm === "frozen" && known.has(key),
    heads: headsOf(net, network),
    report: {
      loaded: weights.size - fresh.length,
      dropped: [...known].flatMap(([key, constant]) =>
        fresh.includes(key) || (family.isWeight(key, constant) && !weights.has(key) && !kept.has(key)) ? [key] : []
      ),
      fresh,
      ...(net.constants && { constants: net.constants }),
      ...(open !== null && { sizes: "why" in open ? { fixed: open.why } : "open" }),
      ...source.names((key) => known.has(key) && !fresh.includes(key)),
    },
    inference,
    encoded: (final) => open !== null && "encode" in open ? open.encode(final) : encodeModel(inference(final)),
  };
}

/** The heads that the graph has: those of deep supervision depend on the configuration. */
const headsOf = ({ heads }: Net, { outputs }: Graph) => heads.filter((name) => outputs.includes(name));

interface OnBase {
  readonly architecture: Architecture;
  readonly net: Net;
  readonly parameters: readonly Parameter[];
  /** The constants of the base's graph. */
  readonly known: ReadonlyMap<string, Tensor>;
  /** The axes of labels or classes. */
  readonly outputs: NamedAxes;
  readonly sizes: (weights: ReadonlyMap<string, Tensor>) => OpenSizes | null;
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
  if (familyOf(from.kind).graph === "file" && modalities.length !== base.spec.modalities.length) {
    const listed = (names: readonly string[]) => `${names.length} modalities (${names.join(", ")})`;
    throw new TrainingError(
      "invalid-recipe",
      `Cannot train ${base.name}: its network comes from a file for ${listed(base.spec.modalities)}, got ` +
        `${listed(modalities)}; make a data set with as many, or choose another base`,
    );
  }
  const count = task === "segmentation" ? labels.length : classes.length;
  const downstreamOf = (outputs: number) =>
    downstream(from, { task, inputs: modalities.length, outputs, allStages: recipe.allStages });
  let made, wider;
  try {
    [made, wider] = [downstreamOf(count), downstreamOf(count + 1)];
  } catch (error) {
    return refuse(base.name, error);
  }
  try {
    // the graph of a file must fit the crops; of the others only the weights are taken
    const reading = readingOf(from, "whole");
    const graph = importModel(bytes, familyOf(from.kind).graph === "file" ? { inputShape: input, ...reading } : {});
    const net = made.net(graph);
    const expected = net.inputFault(input);
    if (expected !== null) throw new RangeError(`expected ${expected}`);
    const parameters = parametersOf(net).filter((p) => !p.idle);
    const outputs = outputAxes(net, wider.net(graph));
    const sizes: OnBase["sizes"] = (weights) => openSizes(bytes, { net, input, reading, netOn: made.net, weights });
    return { architecture: made.spec, net, parameters, known: graph.constants, outputs, sizes };
  } catch (error) {
    return refuse(`${base.name} on crops [${input}]`, error);
  }
}

/**
 * The base's pre-processing for the modalities of the data. A base that states its normalisations keeps them: its weights know
 * no other images.
 * @throws {TrainingError} `invalid-recipe`: it states none for a modality
 */
function preprocessingFor(
  { modalities, base: { name, spec } }: FinetuneRequest,
  recipe: ResolvedRecipe,
): Preprocessing {
  const { preprocessing } = spec, { normalisation } = preprocessing;
  if (normalisation === undefined) return { ...preprocessing, percentilesOver: recipe.percentilesOver };
  const [first] = normalisation;
  if (normalisation.every((entry) => JSON.stringify(entry) === JSON.stringify(first))) {
    return { ...preprocessing, normalisation: [first] };
  }
  const own = placesOf(modalities, spec.modalities).map((at, i) => {
    if (at !== null) return normalisation[at];
    throw new TrainingError(
      "invalid-recipe",
      `Cannot train ${name}: it normalises each of ${spec.modalities.join(", ")} in its own way, and none of them is ` +
        `${modalities[i]}; make a data set with its modalities, or choose another base`,
    );
  });
  return { ...preprocessing, normalisation: own };
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
    preprocessing: preprocessingFor(request, recipe),
    inference: { ...spec.inference, roi: recipe.roi },
  };
}
