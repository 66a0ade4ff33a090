/** Whole work that stands for a user's: a calibration times it on providers that share their hardware. */
import type { Work } from "../../engine/mod.ts";
import type { Graph } from "../../graph/mod.ts";
import { buildNetwork, EDGE, initialWeights, isBuffer, type NetworkSpec } from "../../nets/mod.ts";
import { ADAM_DEFAULTS } from "../recipe/optimizer.ts";
import { trainingStep } from "./finetuning_step.ts";

const NETWORK: NetworkSpec = { kind: "uniunet", config: { ...EDGE, inChannels: 4, outChannels: 1 } };
const WINDOW = [1, 4, 64, 64, 64] as const;

/** One window of the edge network, and one update of its fine-tuning with two views. */
export function referenceWork(): Record<Work, Graph> {
  const weights = initialWeights(NETWORK, { seed: 0 });
  const network = (outputs: "inference" | "training") =>
    buildNetwork(NETWORK, { input: [...WINDOW], weights, outputs });
  const training = network("training");
  const { graph } = trainingStep(training, {
    task: "segmentation",
    heads: training.outputs.filter((name) => name.startsWith("out")),
    consistency: { on: "x4", weight: 0.1 },
    views: 2,
    supervision: "sum",
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: (key) => weights.has(key) && !isBuffer(key),
  });
  return { inference: network("inference"), training: graph };
}
