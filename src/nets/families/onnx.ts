/** The family of networks that other software exported: an encoder's graph from a file, and heads of ours on it. */
import { gradients, type Graph, GraphBuilder, NoGradientError } from "../../graph/mod.ts";
import { isFloat } from "../../tensor/mod.ts";
import type { DownstreamRequest, Family, Kind, Net, Spec } from "./family.ts";
import { featureClassifier, featureDecoder, featureOutputs } from "./feature_decoder.ts";
import { encoderOf } from "./features/encoder.ts";
import { isOwnName } from "./features/names.ts";

/** Channels of the decoder on an imported encoder. */
const DECODER = { stemWidth: 16, maxWidth: 128 };

const ONNX: Kind = {
  task: null,
  pretrains: false,
  unseen: [],
  net: () => {
    throw new TypeError("Cannot build an imported network: its graph comes from its file only");
  },
};

/** The names of the feature maps in a package's graph. @throws {TypeError} its configuration does not name them */
function featuresOf({ config: { features } }: Spec): readonly string[] {
  if (Array.isArray(features) && features.every((f) => typeof f === "string")) return features;
  throw new TypeError(
    "expected its manifest's architecture.config.features to name feature maps, " +
      `got ${JSON.stringify(features) ?? "nothing"}`,
  );
}

function netOn(graph: Graph, features: readonly string[], { task, outputs }: DownstreamRequest): Net {
  const encoder = { graph, features };
  const net = task === "segmentation"
    ? featureDecoder(encoder, { ...DECODER, outChannels: outputs })
    : featureClassifier(encoder, { classes: outputs });
  checkGradients(graph, features);
  return net;
}

/** @throws {TypeError} an operator between weights and feature maps has no gradient; names it as the file does */
function checkGradients(graph: Graph, features: readonly string[]): void {
  const b = new GraphBuilder();
  const { op } = b;
  const { graph: encoder, constants } = encoderOf({ graph, features });
  const trained = new Set(constants.trained);
  const values = b.inline(
    encoder,
    (name, type, constant) => constant === undefined || trained.has(name) ? b.input(name, type) : undefined,
  );
  const means = features.map((name) => op.ReduceMean(values.get(name)!, null, { keepdims: 0 }));
  try {
    gradients(b, means.reduce((a, v) => op.Add(a, v)), b.inputs.filter((v) => trained.has(v.name)));
  } catch (error) {
    if (!(error instanceof NoGradientError)) throw error;
    const node = [...values].find(([, v]) => v.name === error.value.name)?.[0] ?? error.value.name;
    throw new TypeError(`${error.op} (node ${node}) has no gradient: ${error.why}`, { cause: error });
  }
}

export const ONNX_FAMILY: Family<"onnx"> = {
  kinds: { onnx: ONNX },
  graph: "file",
  isWeight: (name, { dtype }) => isFloat(dtype) && isOwnName(name),
  downstream: (base, request) => {
    const features = featuresOf(base);
    const { layout: _, output: __, ...config } = base.config; // of the base's file; the network's own is read unchanged
    return {
      spec: { kind: "onnx", config: { ...config, features: featureOutputs(features), head: request.task } },
      net: (graph) => netOn(graph, features, request),
    };
  },
  checkpoint: null,
  finetuning: { paperWeightDecay: 1e-4, allStages: false, isForeign: true },
};
