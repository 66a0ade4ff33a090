/** The family around BrainMVP's UniFormer encoder: UniUnet, the classifier and the network of pre-training. */
import type { Value } from "../../graph/mod.ts";
import { batchNorm, classificationHead, globalAverage, linear } from "../layers/layers.ts";
import type { Scope, Values } from "../layers/scope.ts";
import {
  type Checkpoint,
  type Config,
  define,
  type DownstreamRequest,
  type Family,
  type Identified,
  type IdentifyOptions,
  isDotted,
  type Shapes,
  sizeIn,
  type Spec,
} from "./family.ts";
import {
  uniformerPretraining,
  type UniformerPretrainingConfig,
  UNIUNET,
  uniUnet,
  type UniUnetConfig,
} from "./uni_unet.ts";
import { uniformer, UNIFORMER_SMALL, type UniformerConfig, uniformerFault } from "./uniformer_encoder.ts";

interface UniformerClassifierConfig extends UniformerConfig {
  readonly classes: number;
  /**
   * The head sees the means of every stage, brought to one scale by a BatchNorm, instead of the deepest features alone:
   * shallow features hold contrast and texture.
   */
  readonly allStages: boolean;
}

/** UniFormer with a head on x4, after its BatchNorm, or on all stages. */
function classifier(s: Scope, image: Value, c: UniformerClassifierConfig): Values {
  const { x1, x2, x3, x4 } = uniformer(s.at("encoder"), image, c, { isAveraged: true });
  if (!c.allStages) return classificationHead(s, x4, c);
  const means = s.op.Concat(...[x1, x2, x3, x4].map((x) => globalAverage(s, x)), { axis: 1 });
  return { logits: linear(s.at("head"), batchNorm(s.at("head_norm"), means), c.classes), x4 };
}

/** The fields that most configurations leave away. */
const inFull = <C extends UniformerConfig>(defaults: C) => ({ ...defaults, instanceNorm: false });

/** The stem is as wide as stage 1 unless the configuration says otherwise. */
const withStem = <C extends UniformerConfig>(defaults: C) => ({ widths }: Config) => ({
  ...inFull(defaults),
  stemWidth: Array.isArray(widths) ? Number(widths[0]) : defaults.widths[0],
});

const SHARED = { fault: uniformerFault, multiple: 16 };
/** Attention heads share one kernel, and the stem has a bias in either case. */
const UNSEEN = ["headDim", "biasedStem"] as const;

const KINDS = {
  uniformer: define<UniformerConfig>("uniformer", {
    ...SHARED,
    task: "encoder",
    unseen: UNSEEN,
    defaults: () => inFull(UNIFORMER_SMALL),
    inference: ["x1", "x2", "x3", "x4"],
    forward: (s, image, config) => uniformer(s.at("encoder"), image, config),
  }),
  uniunet: define<UniUnetConfig>("uniunet", {
    ...SHARED,
    task: "segmentation",
    unseen: [...UNSEEN, "multiScale"],
    defaults: withStem(UNIUNET),
    inference: ["out"],
    heads: ["out", "out4", "out3"],
    forward: (s, image, config, { training }) => uniUnet(s, image, config, { deep: training }),
  }),
  "uniformer-classifier": define<UniformerClassifierConfig>("uniformer-classifier", {
    ...SHARED,
    task: "classification",
    unseen: UNSEEN,
    defaults: () => inFull({ ...UNIFORMER_SMALL, classes: 2, allStages: false }),
    inference: ["logits"],
    heads: ["logits"],
    forward: classifier,
  }),
  "uniformer-pretraining": define<UniformerPretrainingConfig>("uniformer-pretraining", {
    ...SHARED,
    task: "encoder",
    pretrains: true,
    unseen: UNSEEN,
    defaults: withStem(UNIFORMER_SMALL),
    inference: ["out"],
    forward: uniformerPretraining,
  }),
};

type UniformerKind = keyof typeof KINDS;

/** The downstream network keeps the encoder's sizes; a classifier has no stem, and only it sees all stages. */
function downstreamSpec(
  { config }: Spec,
  { task, inputs, outputs, allStages = false }: DownstreamRequest,
): Spec<UniformerKind> {
  const { outChannels: _o, classes: _c, allStages: _a, ...shared } = config;
  if (task === "segmentation") {
    return { kind: "uniunet", config: { ...shared, inChannels: inputs, outChannels: outputs } };
  }
  const { stemWidth: _s, multiScale: _m, ...encoder } = shared;
  return {
    kind: "uniformer-classifier",
    config: { ...encoder, inChannels: inputs, classes: outputs, ...(allStages && { allStages }) },
  };
}

const CHECKPOINT: Checkpoint<UniformerKind> = {
  title: "a UniFormer (encoder.patch_embed1.…)",
  markers: ["encoder.patch_embed1.proj.weight"],
  identify,
  plainKey: (key) => key.replace(/^encoder\.uniformer\./, "encoder."),
  officialKey: (key, kind) => kind === "uniformer-pretraining" ? key.replace(/^encoder\./, "encoder.uniformer.") : key,
  permuted: /^(encoder\.|decoder\.proj1\.proj\.weight$)/,
  firstKernel: /^encoder\.patch_embed1\.proj\./,
  freshDownstream: /^(encoder\.patch_embed1\.proj|decoder\.proj1\.proj)\./,
  decoder: /^decoder\./,
  trainingHeads: /^ms_out\./,
};

function identify(shapes: Shapes, options: IdentifyOptions): Identified<UniformerKind> {
  const stages = [1, 2, 3, 4];
  const widths = stages.map((i) => sizeIn(shapes, `encoder.patch_embed${i}.proj.weight`, 0));
  const depths = stages.map((i) => {
    const found = [...shapes.keys()].flatMap((key) => {
      const block = new RegExp(`^encoder\\.blocks${i}\\.(\\d{1,4})\\.`).exec(key);
      return block === null ? [] : [Number(block[1])];
    });
    return Math.max(-1, ...found) + 1;
  });
  const { headDim, assumed } = headDimOf(widths, options);
  const encoder = {
    inChannels: sizeIn(shapes, "encoder.patch_embed1.proj.weight", 1),
    widths,
    depths,
    headDim,
    mlpRatio: sizeIn(shapes, "encoder.blocks1.0.mlp.fc1.weight", 0) / widths[0],
    ...(hasOwnStatistics(shapes) && { instanceNorm: true }),
  };
  if (shapes.has("decoder.out_1.conv.conv.weight")) {
    const stemWidth = sizeIn(shapes, "decoder.decoder2.transp_conv.conv.weight", 1);
    return { spec: { kind: "uniformer-pretraining", config: { ...encoder, stemWidth } }, assumed };
  }
  if (shapes.has("decoder.out.conv.conv.weight")) {
    const config = {
      ...encoder,
      stemWidth: sizeIn(shapes, "decoder.proj1.proj.weight", 0),
      outChannels: sizeIn(shapes, "decoder.out.conv.conv.weight", 0),
      multiScale: shapes.has("ms_out.0.weight"),
    };
    return { spec: { kind: "uniunet", config }, assumed };
  }
  if (shapes.has("head.weight")) {
    const config = {
      ...encoder,
      classes: sizeIn(shapes, "head.weight", 0),
      allStages: shapes.has("head_norm.weight"),
    };
    return { spec: { kind: "uniformer-classifier", config }, assumed };
  }
  return { spec: { kind: "uniformer", config: encoder }, assumed };
}

/** Reports whether the convolutional blocks are normalised without running statistics; a file has all of them or none. */
const hasOwnStatistics = (shapes: Shapes): boolean =>
  !shapes.keys().some((key) => /^encoder\.blocks[12]\.\d{1,4}\.norm[12]\.running_/.test(key));

/**
 * Shapes do not show how wide attention heads are. In official networks they are as wide as stage 1, so that is assumed
 * where it divides the attending stages.
 */
function headDimOf(widths: readonly number[], { headDim }: IdentifyOptions): { headDim: number; assumed: string[] } {
  if (headDim !== undefined) return { headDim, assumed: [] };
  if (String(widths) === String(UNIFORMER_SMALL.widths)) return { headDim: UNIFORMER_SMALL.headDim, assumed: [] };
  const [guess] = widths;
  if (widths[2] % guess !== 0 || widths[3] % guess !== 0) {
    throw new TypeError(
      "Cannot find the width of attention heads from shapes: expected it to be given, a divisor of " +
        `${widths[2]} and ${widths[3]}`,
    );
  }
  return {
    headDim: guess,
    assumed: [
      `attention heads of ${guess} channels, the width of stage 1 as in official networks; shapes do not show it`,
    ],
  };
}

export const UNIFORMER_FAMILY: Family<UniformerKind> = {
  kinds: KINDS,
  graph: "function",
  isWeight: isDotted,
  downstream: (base, request) => {
    const spec = downstreamSpec(base, request);
    return { spec, net: () => KINDS[spec.kind].net(spec.config) };
  },
  varied: (config, { task, instanceNorm, deepSupervision }) => ({
    ...config,
    ...(instanceNorm && { instanceNorm }),
    ...(task === "segmentation" && !deepSupervision && { multiScale: false }),
  }),
  checkpoint: CHECKPOINT,
  finetuning: { paperWeightDecay: 1e-4, allStages: true },
};
