/** UNET3D of BrainMVP and M3AE (docs/method A.3): a residual U-Net with group normalisation and additive skips. */
import type { Value } from "../../graph/mod.ts";
import { classificationHead, conv, groupNorm, resizeLinear } from "../layers/layers.ts";
import type { Scope, Values } from "../layers/scope.ts";
import {
  type Checkpoint,
  define,
  type DownstreamRequest,
  type Family,
  type IdentifyOptions,
  isDotted,
  type Shapes,
  sizeIn,
  type Spec,
  TEMPLATE_KEY,
} from "./family.ts";

export interface Unet3dConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Channels at full resolution, a multiple of 8; doubled at each of three halvings. */
  readonly width: number;
  /** Deep supervision: two more heads in training. */
  readonly deepSupervision: boolean;
}

type Unet3dEncoderConfig = Pick<Unet3dConfig, "inChannels" | "width">;

/** The downstream network, four modalities to three regions. */
export const UNET3D: Unet3dConfig = Object.freeze({ inChannels: 4, outChannels: 3, width: 32, deepSupervision: true });

interface Unet3dClassifierConfig extends Unet3dEncoderConfig {
  readonly classes: number;
}

/** The fault of a configuration, or null. */
function unet3dFault({ width }: Unet3dEncoderConfig): string | null {
  return width % 8 === 0 ? null : `expected width to be a multiple of 8 (group normalisation), got ${width}`;
}

const conv3 = (s: Scope, x: Value, out: number, stride = 1) => conv(s, x, { out, kernel: 3, stride, init: "torch" });
const conv1 = (s: Scope, x: Value, out: number) => conv(s, x, { out, kernel: 1, init: "torch" });

/** x + two times (GroupNorm, ReLU, 3³ convolution). */
function basicBlock(s: Scope, x: Value): Value {
  const unit = (i: number, v: Value) => conv3(s.at(`conv${i}`), s.op.Relu(groupNorm(s.at(`gn${i}`), v, 8)), x.shape[1]);
  return s.op.Add(unit(2, unit(1, x)), x);
}

/** The contracting half on `image` [N, inChannels, X, Y, Z], sizes multiples of 8. `skips` and `downs` from shallow to deep. */
function unet3dEncoder(
  s: Scope,
  image: Value,
  { width }: Unet3dEncoderConfig,
): { skips: readonly Value[]; downs: readonly Value[]; deepest: Value } {
  const blocks = (x: Value, ...names: string[]) => names.reduce((v, name) => basicBlock(s.at(name), v), x);
  const c1 = blocks(conv3(s.at("conv1a"), image, width), "conv1b");
  const d1 = conv3(s.at("ds1"), c1, 2 * width, 2);
  const c2 = blocks(d1, "conv2a", "conv2b");
  const d2 = conv3(s.at("ds2"), c2, 4 * width, 2);
  const c3 = blocks(d2, "conv3a", "conv3b");
  const d3 = conv3(s.at("ds3"), c3, 8 * width, 2);
  const deepest = blocks(d3, "conv4a", "conv4b", "conv4c", "conv4d");
  return { skips: [c1, c2, c3], downs: [d1, d2, d3], deepest };
}

/** The expanding half up to `out` at the image's size; `skips` are added where given. */
function expand(
  s: Scope,
  deepest: Value,
  { outChannels, skips }: { outChannels: number; skips: readonly Value[] | null },
): { out: Value; u4: Value; u3: Value } {
  const up = (level: number, x: Value) => {
    const half = conv1(s.at(`up${level}conva`), x, x.shape[1] / 2);
    const doubled = s.op.Resize(half, null, null, half.shape.map((d, i) => (i < 2 ? d : 2 * d)), {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    });
    const joined = skips === null ? doubled : s.op.Add(doubled, skips[level - 2]);
    return basicBlock(s.at(`up${level}convb`), joined);
  };
  const u4 = up(4, deepest), u3 = up(3, u4), u2 = up(2, u3);
  return { out: conv1(s.at("up1conv"), u2, outChannels), u4, u3 };
}

/** UNET3D; outputs as those of `uniUnet()`. */
function unet3d(s: Scope, image: Value, c: Unet3dConfig, { deep }: { deep: boolean }): Values {
  const { skips, deepest } = unet3dEncoder(s, image, c);
  const { out, u4, u3 } = expand(s, deepest, { outChannels: c.outChannels, skips });
  const head = (i: number, x: Value) =>
    resizeLinear(s, conv1(s.at(`ds_out.${i}`), x, c.outChannels), image.shape.slice(2));
  return { out, x4: deepest, ...(deep && c.deepSupervision && { out4: head(0, u4), out3: head(1, u3) }) };
}

/** Reconstruction `out` [N, 1, X, Y, Z] without skips, and the features that pre-training contrasts. */
function unet3dPretraining(s: Scope, image: Value, c: Unet3dEncoderConfig): Values {
  const { downs: [x1, x2, x3], deepest } = unet3dEncoder(s, image, c);
  const { out } = expand(s, deepest, { outChannels: 1, skips: null });
  return { out, x1, x2, x3, x4: deepest };
}

const SHARED = { fault: unet3dFault, multiple: 8 };

const KINDS = {
  unet3d: define<Unet3dConfig>("unet3d", {
    ...SHARED,
    task: "segmentation",
    unseen: ["deepSupervision"],
    defaults: () => UNET3D,
    inference: ["out"],
    heads: ["out", "out4", "out3"],
    forward: (s, image, config, { training }) => unet3d(s, image, config, { deep: training }),
  }),
  "unet3d-classifier": define<Unet3dClassifierConfig>("unet3d-classifier", {
    ...SHARED,
    task: "classification",
    unseen: [],
    defaults: () => ({ inChannels: 1, width: UNET3D.width, classes: 2 }),
    inference: ["logits"],
    heads: ["logits"],
    forward: (s, image, config) => classificationHead(s, unet3dEncoder(s, image, config).deepest, config),
  }),
  "unet3d-pretraining": define<Unet3dEncoderConfig>("unet3d-pretraining", {
    ...SHARED,
    task: "encoder",
    pretrains: true,
    unseen: [],
    defaults: () => ({ inChannels: 1, width: UNET3D.width }),
    inference: ["out"],
    forward: unet3dPretraining,
  }),
};

type Unet3dKind = keyof typeof KINDS;

function downstreamSpec({ config }: Spec, { task, inputs, outputs }: DownstreamRequest): Spec<Unet3dKind> {
  const { outChannels: _o, classes: _c, ...shared } = config;
  if (task === "segmentation") {
    return { kind: "unet3d", config: { ...shared, inChannels: inputs, outChannels: outputs } };
  }
  const { deepSupervision: _d, ...encoder } = shared;
  return { kind: "unet3d-classifier", config: { ...encoder, inChannels: inputs, classes: outputs } };
}

const CHECKPOINT: Checkpoint<Unet3dKind> = {
  title: "UNET3D (conv1a.…)",
  markers: ["conv1a.weight"],
  identify: (shapes, options) => ({ spec: specOf(shapes, options), assumed: [] }),
  plainKey: (key) => key,
  officialKey: (key) => key,
  permuted: /(?!)/,
  firstKernel: /^conv1a\./,
  freshDownstream: /^(conv1a|up1conv)\./,
  decoder: /^up\d/,
  trainingHeads: /^ds_out\./,
};

function specOf(shapes: Shapes, { segmentation }: IdentifyOptions): Spec<Unet3dKind> {
  const encoder = { inChannels: sizeIn(shapes, "conv1a.weight", 1), width: sizeIn(shapes, "conv1a.weight", 0) };
  if (shapes.has("head.weight")) {
    return { kind: "unet3d-classifier", config: { ...encoder, classes: sizeIn(shapes, "head.weight", 0) } };
  }
  const outChannels = sizeIn(shapes, "up1conv.weight", 0);
  const deepSupervision = shapes.has("ds_out.0.weight");
  const mayPretrain = encoder.inChannels === 1 && outChannels === 1 && !deepSupervision;
  if (shapes.has(TEMPLATE_KEY) || (mayPretrain && !segmentation)) {
    return { kind: "unet3d-pretraining", config: encoder };
  }
  return { kind: "unet3d", config: { ...encoder, outChannels, deepSupervision } };
}

export const UNET3D_FAMILY: Family<Unet3dKind> = {
  kinds: KINDS,
  graph: "function",
  isWeight: isDotted,
  downstream: (base, request) => {
    const spec = downstreamSpec(base, request);
    return { spec, net: () => KINDS[spec.kind].net(spec.config) };
  },
  varied: (config, { task, deepSupervision }) =>
    task === "segmentation" && !deepSupervision ? { ...config, deepSupervision } : config,
  checkpoint: CHECKPOINT,
  finetuning: { paperWeightDecay: 1e-5, allStages: false },
};
