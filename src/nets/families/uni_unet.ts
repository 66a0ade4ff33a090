/**
 * Networks around the UniFormer encoder: UniUnet, the downstream segmentation network (docs/method A.2), and the
 * pre-training network with a decoder without skips (A.1.2).
 */
import type { Value } from "../../graph/mod.ts";
import { conv, resizeLinear, stem, unetResBlock, unetUpBlock, upConv } from "../layers/layers.ts";
import type { Scope, Values } from "../layers/scope.ts";
import { uniformer, UNIFORMER_SMALL, type UniformerConfig } from "./uniformer_encoder.ts";

interface StemConfig {
  /** Channels at full resolution; official networks have `widths[0]`. */
  readonly stemWidth: number;
}

export interface UniUnetConfig extends UniformerConfig, StemConfig {
  readonly outChannels: number;
  /** Deep supervision: two more heads in training. */
  readonly multiScale: boolean;
}

export interface UniformerPretrainingConfig extends UniformerConfig, StemConfig {}

/** The official downstream network, four modalities to three regions. */
export const UNIUNET: UniUnetConfig = Object.freeze({
  ...UNIFORMER_SMALL,
  inChannels: 4,
  outChannels: 3,
  multiScale: true,
  stemWidth: 64,
});

/** A network of 1.6 million parameters for laptops and small GPUs, meant for 64³ patches. */
export const EDGE: UniUnetConfig = Object.freeze({
  inChannels: 4,
  widths: [16, 32, 96, 128] as const,
  depths: [1, 2, 2, 1] as const,
  headDim: 32,
  mlpRatio: 4,
  biasedStem: true,
  outChannels: 3,
  multiScale: true,
  // LayerNorm over channels removes two degrees of freedom of every voxel; 4 channels kept too little of the image
  stemWidth: 8,
});

/**
 * Segmentation logits `out` [N, outChannels, X, Y, Z], the encoder's deepest features `x4`, and with `deep`, where the
 * configuration has them, the logits `out4` and `out3` of the heads for deep supervision.
 */
export function uniUnet(s: Scope, image: Value, c: UniUnetConfig, { deep }: { deep: boolean }): Values {
  const { x1, x2, x3, x4 } = uniformer(s.at("encoder"), image, c);
  const decoder = s.at("decoder");
  const [w1, w2, w3] = c.widths;
  const d5 = unetUpBlock(decoder.at("decoder5"), x4, { skip: x3, out: w3 });
  const d4 = unetUpBlock(decoder.at("decoder4"), d5, { skip: x2, out: w2 });
  const d3 = unetUpBlock(decoder.at("decoder3"), d4, { skip: x1, out: w1 });
  const d2 = unetUpBlock(decoder.at("decoder2"), d3, { skip: stem(decoder.at("proj1"), image, c), out: c.stemWidth });
  const out = conv(decoder.at("out.conv.conv"), d2, { out: c.outChannels, kernel: 1 });
  const head = (i: number, x: Value) =>
    resizeLinear(
      s,
      conv(s.at(`ms_out.${i}`), x, { out: c.outChannels, kernel: 1, init: "torch" }),
      image.shape.slice(2),
    );
  return { out, x4, ...(deep && c.multiScale && { out4: head(0, d4), out3: head(1, d3) }) };
}

/** Reconstruction `out` [N, 1, X, Y, Z], a linear map of x4, and the encoder's features. */
export function uniformerPretraining(
  s: Scope,
  image: Value,
  c: UniformerPretrainingConfig,
): Values {
  const features = uniformer(s.at("encoder"), image, c);
  const decoder = s.at("decoder");
  let x = features.x4;
  for (const [i, width] of [c.stemWidth, ...c.widths.slice(0, 3)].entries().toArray().reverse()) {
    const name = `decoder${i + 2}`;
    x = upConv(decoder.at(`${name}.transp_conv.conv`), x, { out: width });
    if (decoder.idle) unetResBlock(decoder.idle.at(`${name}.conv_block`), s.op.Concat(x, x, { axis: 1 }), width);
  }
  if (decoder.idle) stem(decoder.idle.at("proj1"), image, c);
  return { ...features, out: conv(decoder.at("out_1.conv.conv"), x, { out: 1, kernel: 1 }) };
}
