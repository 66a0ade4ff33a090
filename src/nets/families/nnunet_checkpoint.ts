/** The keys and shapes of nnU-Net v2's state dictionaries, from which every size of its networks follows. */
import type { Checkpoint, Identified, Shapes } from "./family.ts";
import { sizeIn } from "./family.ts";

/** How many numbers follow each other in keys that begin with `before`, from 0. */
function countIn(shapes: Shapes, before: string): number {
  let count = 0;
  while ([...shapes.keys()].some((key) => key.startsWith(`${before}${count}.`))) count++;
  return count;
}

/** Sizes of a kernel's edges. @throws {TypeError} there is no such tensor, or it is none of a network of volumes */
function edgesIn(shapes: Shapes, key: string): readonly number[] {
  sizeIn(shapes, key, 0);
  const edges = shapes.get(key)!.slice(2);
  if (edges.length === 3) return edges;
  throw new TypeError(
    `Cannot find the network's sizes: expected ${key} with three spatial axes, got [${shapes.get(key)}]`,
  );
}

/** The encoder's convolution of the image, without and with residual blocks. */
const FIRST = ["encoder.stages.0.0.convs.0.conv", "encoder.stem.convs.0.conv"] as const;

function identify(shapes: Shapes): Identified<"nnunet" | "nnunet-classifier"> {
  const stages = countIn(shapes, "encoder.stages."), levels = stages - 1;
  const residual = shapes.has(`${FIRST[1]}.weight`), input = FIRST[residual ? 1 : 0];
  const each = Array.from({ length: stages }, (_, stage) => stage);
  const partsOf = (stage: number) => `encoder.stages.${stage}.${residual ? "blocks." : "0.convs."}`;
  const kernelOf = (stage: number) => `${partsOf(stage)}0.${residual ? "conv1." : ""}conv.weight`;
  const encoder = {
    inChannels: sizeIn(shapes, `${input}.weight`, 1),
    features: each.map((stage) => sizeIn(shapes, kernelOf(stage), 0)),
    kernels: each.flatMap((stage) => edgesIn(shapes, kernelOf(stage))),
    blocks: each.map((stage) => countIn(shapes, partsOf(stage))),
    residual,
    bias: shapes.has(`${input}.bias`),
  };
  if (shapes.has("head.weight")) {
    const config = { ...encoder, strides: each.flatMap((s) => Array(3).fill(s === 0 ? 1 : 2)) };
    return {
      spec: { kind: "nnunet-classifier", config: { ...config, classes: sizeIn(shapes, "head.weight", 0) } },
      assumed: ["every stage halves its input; shapes do not show it"],
    };
  }
  const config = {
    ...encoder,
    // a stage is reached from the one below by a transposed kernel of that one's strides
    strides: each.flatMap((stage) =>
      stage === 0 ? [1, 1, 1] : edgesIn(shapes, `decoder.transpconvs.${levels - stage}.weight`)
    ),
    outChannels: sizeIn(shapes, `decoder.seg_layers.${levels - 1}.weight`, 0),
    decoderBlocks: Array.from({ length: levels }, (_, i) => countIn(shapes, `decoder.stages.${i}.convs.`)),
    deepSupervision: true,
  };
  return { spec: { kind: "nnunet", config }, assumed: [] };
}

export const NNUNET_CHECKPOINT: Checkpoint<"nnunet" | "nnunet-classifier"> = {
  title: "nnU-Net v2 (encoder.stages.…)",
  markers: FIRST.map((key) => `${key}.weight`),
  identify,
  plainKey: (key) => key,
  officialKey: (key) => key,
  permuted: /(?!)/,
  firstKernel: /^encoder\.(stem|stages\.0\.0)\.convs\.0\.conv\./,
  freshDownstream: /^(encoder\.(stem|stages\.0\.0)\.convs\.0\.conv|decoder\.seg_layers\.\d+)\./,
  // modules that hold the same layers, or the encoder, under a second name
  repeated: /\.all_modules\.|^decoder\.encoder\./,
  trainingHeads: /^decoder\.seg_layers\./,
};
