/** The family of networks that other software exported: an encoder's graph from a file, and heads of ours on it. */
import type { Graph } from "../../graph/mod.ts";
import { isFloat } from "../../tensor/mod.ts";
import type { DownstreamRequest, Family, Kind, Net, Spec } from "./family.ts";
import { featureClassifier, featureDecoder, featureOutputs } from "./feature_decoder.ts";
import { isOwnName } from "./features/names.ts";
import { wholeNetwork } from "./onnx_whole.ts";

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
      `got ${
        JSON.stringify(features) ?? "nothing"
      }; name some (sulcus models features), or continue the network as a ` +
      "whole (keepHead)",
  );
}

function netOn(graph: Graph, features: readonly string[], { task, outputs }: DownstreamRequest): Net {
  const encoder = { graph, features };
  return task === "segmentation"
    ? featureDecoder(encoder, { ...DECODER, outChannels: outputs })
    : featureClassifier(encoder, { classes: outputs });
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
  continued: ({ config }, { task, applied }) => {
    const { layout: _, output, ...kept } = config; // of the base's file; the network's own is read unchanged
    const features = config.features === undefined ? [] : featuresOf({ kind: "onnx", config });
    const named = features.length === 0 ? {} : { features: featureOutputs(features) };
    return {
      spec: { kind: "onnx", config: { ...kept, ...named, head: task } },
      net: (graph) => {
        const known = { output: typeof output === "string" ? output : undefined, features };
        const { net, takenOff } = wholeNetwork({ graph, task, applied, ...known });
        return { net, takenOff };
      },
    };
  },
  checkpoint: null,
  finetuning: { paperWeightDecay: 1e-4, allStages: false, isForeign: true },
};
