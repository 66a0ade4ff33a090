/**
 * The networks that nnU-Net v2 plans: a U-Net of convolutions (`PlainConvUNet`) or with a residual encoder
 * (`ResidualEncoderUNet`), in the keys of their state dictionaries. Axes are those of nnU-Net's arrays, whichever they are.
 * Source: dynamic_network_architectures 0.4, architectures/unet.py and building_blocks/.
 */
import type { Value } from "../../graph/mod.ts";
import { anisotropicConv, anisotropicUpConv, averageOver, convNorm, leakyRelu } from "../layers/anisotropic.ts";
import { classificationHead, resizeLinear } from "../layers/layers.ts";
import type { Scope, Values } from "../layers/scope.ts";
import { type Config, define, type DownstreamRequest, type Family, isDotted, type Spec } from "./family.ts";
import { NNUNET_CHECKPOINT } from "./nnunet_checkpoint.ts";

export interface NnunetEncoderConfig {
  readonly inChannels: number;
  /** Channels of each stage; the first is at full resolution. */
  readonly features: readonly number[];
  /** Three edges of the kernel for each stage. */
  readonly kernels: readonly number[];
  /** Three steps for each stage, by which it reduces its input; 1, 1, 1 for the first. */
  readonly strides: readonly number[];
  /** Convolutions, or residual blocks, of each stage. */
  readonly blocks: readonly number[];
  /** True: the encoder has residual blocks. */
  readonly residual: boolean;
  /** True: the convolutions before normalisations have a bias. */
  readonly bias: boolean;
}

export interface NnunetConfig extends NnunetEncoderConfig {
  /** Labels, and with softmax the background before them. */
  readonly outChannels: number;
  /** Convolutions of each stage of the decoder, the deepest first. */
  readonly decoderBlocks: readonly number[];
  /** Deep supervision: up to two more heads in training. */
  readonly deepSupervision: boolean;
}

/** Per stage, three numbers. */
const at = (values: readonly number[], stage: number) => values.slice(3 * stage, 3 * stage + 3);

/** The sizes of as many stages as the configuration names, as nnU-Net plans them for large volumes. */
function encoderDefaults({ features }: Config): NnunetEncoderConfig {
  const stages = Array.isArray(features) ? features.length : 6;
  return {
    inChannels: 1,
    features: Array.from({ length: stages }, (_, i) => Math.min(32 * 2 ** i, 320)),
    kernels: Array<number>(3 * stages).fill(3),
    strides: Array.from({ length: 3 * stages }, (_, i) => i < 3 ? 1 : 2),
    blocks: Array<number>(stages).fill(2),
    residual: false,
    bias: true,
  };
}

function encoderFault({ features, kernels, strides }: NnunetEncoderConfig): string | null {
  if (features.length < 2) return `expected two stages or more, got ${features.length}`;
  if (kernels.some((k) => k % 2 === 0)) return `expected kernels with odd edges, got ${kernels}`;
  return at(strides, 0).every((s) => s === 1)
    ? null
    : `expected strides 1,1,1 in the first stage, got ${at(strides, 0)}`;
}

/** Sizes of the input must be multiples of these: the strides of all stages together. */
function multiples({ strides, features }: NnunetEncoderConfig): number[] {
  return [0, 1, 2].map((axis) => features.reduce((product, _, stage) => product * strides[3 * stage + axis], 1));
}

type ConvShape = Parameters<typeof convNorm>[2];

const unit = (s: Scope, x: Value, options: ConvShape) => leakyRelu(s, convNorm(s, x, options));

/** nnU-Net's `StackedConvBlocks`; only the first one has the stride. */
function stacked(s: Scope, x: Value, { count, stride, ...options }: ConvShape & { readonly count: number }): Value {
  const convs = s.at("convs");
  return Array.from({ length: count }).reduce<Value>(
    (v, _, i) => unit(convs.at(`${i}`), v, { ...options, ...(i === 0 && stride && { stride }) }),
    x,
  );
}

/** nnU-Net's `BasicBlockD`: two convolutions beside a path of means and, where the channels change, a 1³ convolution. */
function residualBlock(s: Scope, x: Value, { stride = [1, 1, 1], ...options }: ConvShape): Value {
  const steps = stride.some((d) => d !== 1), { out } = options;
  const pooled = steps ? averageOver(s, x, stride) : x;
  const skip = x.shape[1] === out
    ? pooled
    : convNorm(s.at(`skip.${steps ? 1 : 0}`), pooled, { out, kernel: [1, 1, 1], bias: false });
  const inner = unit(s.at("conv1"), x, { ...options, stride });
  return leakyRelu(s, s.op.Add(convNorm(s.at("conv2"), inner, { ...options, scale: 0 }), skip));
}

/** The features of every stage, the first at full resolution. */
function encoder(s: Scope, image: Value, c: NnunetEncoderConfig): Value[] {
  const stages = s.at("encoder.stages"), { bias } = c;
  let x = c.residual
    ? stacked(s.at("encoder.stem"), image, { out: c.features[0], kernel: at(c.kernels, 0), bias, count: 1 })
    : image;
  return c.features.map((out, i) => {
    const options = { out, kernel: at(c.kernels, i), bias }, stride = at(c.strides, i);
    if (c.residual) {
      for (let block = 0; block < c.blocks[i]; block++) {
        x = residualBlock(stages.at(`${i}.blocks.${block}`), x, { ...options, ...(block === 0 && { stride }) });
      }
    } else x = stacked(stages.at(`${i}.0`), x, { ...options, stride, count: c.blocks[i] });
    return x;
  });
}

/** Logits `out` at the image's size, the deepest features `x4`, and with `deep` the logits of coarser stages. */
function nnunet(s: Scope, image: Value, c: NnunetConfig, { deep }: { readonly deep: boolean }): Values {
  const skips = encoder(s, image, c), decoder = s.at("decoder"), levels = c.features.length - 1;
  const [deepest] = skips.slice(-1);
  let x = deepest;
  const decoded = Array.from({ length: levels }, (_, i) => {
    const level = levels - 1 - i, out = c.features[level], { bias } = c;
    const up = anisotropicUpConv(decoder.at(`transpconvs.${i}`), x, { out, factors: at(c.strides, level + 1), bias });
    const joined = s.op.Concat(up, skips[level], { axis: 1 });
    const options = { out, kernel: at(c.kernels, level), bias, count: c.decoderBlocks[i] };
    return x = stacked(decoder.at(`stages.${i}`), joined, options);
  });
  const head = (i: number) =>
    anisotropicConv(decoder.at(`seg_layers.${i}`), decoded[i], { out: c.outChannels, kernel: [1, 1, 1], bias: true });
  const coarser = (i: number) => resizeLinear(s, head(i), image.shape.slice(2));
  const isDeep = deep && c.deepSupervision;
  return {
    out: head(levels - 1),
    x4: deepest,
    ...(isDeep && levels > 1 && { deep1: coarser(levels - 2) }),
    ...(isDeep && levels > 2 && { deep2: coarser(levels - 3) }),
  };
}

interface NnunetClassifierConfig extends NnunetEncoderConfig {
  readonly classes: number;
}

const KINDS = {
  nnunet: define<NnunetConfig>("nnunet", {
    task: "segmentation",
    unseen: ["deepSupervision"],
    defaults: (given) => {
      const sizes = encoderDefaults(given);
      const decoderBlocks = Array<number>(Math.max(sizes.features.length - 1, 0)).fill(2);
      return { ...sizes, outChannels: 2, decoderBlocks, deepSupervision: true };
    },
    fault: encoderFault,
    multiple: multiples,
    inference: ["out"],
    heads: ["out", "deep1", "deep2"],
    forward: (s, image, config, { training }) => nnunet(s, image, config, { deep: training }),
  }),
  "nnunet-classifier": define<NnunetClassifierConfig>("nnunet-classifier", {
    task: "classification",
    unseen: ["strides"],
    defaults: (given) => ({ ...encoderDefaults(given), classes: 2 }),
    fault: encoderFault,
    multiple: multiples,
    inference: ["logits"],
    heads: ["logits"],
    forward: (s, image, config) => classificationHead(s, encoder(s, image, config).at(-1)!, config),
  }),
};

type NnunetKind = keyof typeof KINDS;

function downstreamSpec({ config }: Spec, { task, inputs, outputs }: DownstreamRequest): Spec<NnunetKind> {
  const { outChannels: _o, classes: _c, ...shared } = config;
  if (task === "segmentation") {
    return { kind: "nnunet", config: { ...shared, inChannels: inputs, outChannels: outputs } };
  }
  const { deepSupervision: _d, decoderBlocks: _b, ...sizes } = shared;
  return { kind: "nnunet-classifier", config: { ...sizes, inChannels: inputs, classes: outputs } };
}

export const NNUNET_FAMILY: Family<NnunetKind> = {
  kinds: KINDS,
  graph: "function",
  isWeight: isDotted,
  downstream: (base, request) => {
    const spec = downstreamSpec(base, request);
    return { spec, net: () => KINDS[spec.kind].net(spec.config) };
  },
  varied: (config, { task, deepSupervision }) =>
    task === "segmentation" && !deepSupervision ? { ...config, deepSupervision } : config,
  checkpoint: NNUNET_CHECKPOINT,
  finetuning: { paperWeightDecay: 3e-5, allStages: false, isForeign: true },
};
