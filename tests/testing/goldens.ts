/**
 * The compiler's output as hashes: training and inference graphs of every network, as built and as lowered for each
 * provider. A refactoring changes none of them.
 */
import { createHash } from "node:crypto";
import {
  CPU_PASSES,
  CUDA_PASSES,
  encodeModel,
  type Graph,
  lower,
  MIXED_CUDA_PASSES,
  MIXED_OPENVINO_PASSES,
  OPENVINO_PASSES,
  print,
  WEBGPU_PASSES,
} from "../../src/graph/mod.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, kindOf, netOf, type NetworkSpec } from "../../src/nets/mod.ts";
import { ADAM_DEFAULTS, fitted, pretrainingStep, trainingStep } from "../../src/train/mod.ts";

/** UniFormers and a UNET3D of a few channels: every layer of the real ones. */
const SMALL = { widths: [8, 8, 16, 16], depths: [1, 1, 1, 1], headDim: 8, mlpRatio: 2 };
const NETWORKS: readonly NetworkSpec[] = [
  { kind: "uniformer", config: { ...SMALL, inChannels: 2 } },
  { kind: "uniunet", config: { ...SMALL, inChannels: 2, stemWidth: 8, outChannels: 3 } },
  { kind: "uniformer-classifier", config: { ...SMALL, inChannels: 2, classes: 3, allStages: true } },
  { kind: "uniformer-pretraining", config: { ...SMALL, inChannels: 1, stemWidth: 8 } },
  { kind: "unet3d", config: { inChannels: 2, width: 8, outChannels: 3 } },
  { kind: "unet3d-classifier", config: { inChannels: 2, width: 8, classes: 3 } },
  { kind: "unet3d-pretraining", config: { inChannels: 1, width: 8 } },
  { kind: "uniunet", config: { ...EDGE, inChannels: 4, outChannels: 1 } },
];

const PASSES = {
  cpu: CPU_PASSES,
  cuda: CUDA_PASSES,
  webgpu: WEBGPU_PASSES,
};

/** Of one network of each shape, which is enough to show a change of these. */
const FURTHER_PASSES = {
  openvino: OPENVINO_PASSES,
  "cuda in mixed precision": MIXED_CUDA_PASSES,
  "openvino in mixed precision": MIXED_OPENVINO_PASSES,
};

function network(spec: NetworkSpec, outputs: "inference" | "training", batch = 1): Graph {
  const weights = initialWeights(spec, { seed: 3 });
  return buildNetwork(spec, { input: [batch, Number(spec.config.inChannels), 32, 32, 32], weights, outputs });
}

function isTrainableIn(spec: NetworkSpec): (key: string) => boolean {
  const weights = initialWeights(spec, { seed: 3 });
  return (key) => weights.has(key) && !isBuffer(key);
}

function finetuningStep(spec: NetworkSpec, views: 1 | 2, supervision: "sum" | "concat"): Graph {
  const built = network(spec, "training");
  return trainingStep(built, {
    task: kindOf(spec.kind).task === "classification" ? "classification" : "segmentation",
    heads: netOf(spec).heads.filter((head) => built.outputs.includes(head)),
    consistency: views === 2 ? { on: "x4", weight: 0.1 } : null,
    views,
    supervision,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: isTrainableIn(spec),
  }).graph;
}

function pretraining(spec: NetworkSpec): Graph {
  return pretrainingStep(network(spec, "training", 4), {
    weights: { md: 1, cmr: 1 },
    temperature: 1,
    optimizer: { kind: "adamw", weightDecay: 1e-5, ...ADAM_DEFAULTS },
    templates: { sizeVox: [48, 48, 40], runs: [1, 1], resting: 1, epsilon: 1e-9, rate: 0.3 },
    isTrainable: isTrainableIn(spec),
  }).graph;
}

const hash = (content: string | Uint8Array) => createHash("sha256").update(content).digest("hex").slice(0, 16);

/** Name → hashes of the printed graph and of the ONNX file. */
export function goldens(): Record<string, string> {
  const graphs = new Map<string, Graph>();
  NETWORKS.forEach((spec, i) => {
    const name = `${i} ${spec.kind}`;
    graphs.set(`${name}, inference`, network(spec, "inference"));
    if (kindOf(spec.kind).pretrains) graphs.set(`${name}, step`, pretraining(spec));
    else if (kindOf(spec.kind).task !== "encoder") {
      graphs.set(`${name}, step of one view`, finetuningStep(spec, 1, "sum"));
      graphs.set(`${name}, step of two views`, finetuningStep(spec, 2, i % 2 === 0 ? "concat" : "sum"));
    }
  });
  const found: Record<string, string> = {};
  for (const [name, graph] of graphs) {
    found[name] = `${hash(print(graph))} ${hash(encodeModel(graph))}`;
    const isShown = name.startsWith("1 uniunet") || name.startsWith("4 unet3d");
    for (const [provider, passes] of Object.entries({ ...PASSES, ...(isShown && FURTHER_PASSES) })) {
      const lowered = lower(graph, { passes }).graph;
      found[`${name}, ${provider}`] = `${hash(print(lowered))} ${hash(encodeModel(lowered))}`;
      if (provider === "cpu" && name.includes("step")) {
        found[`${name}, cpu, in 1 byte`] = hash(encodeModel(fitted(lowered, 1).graph));
      }
    }
  }
  return found;
}
