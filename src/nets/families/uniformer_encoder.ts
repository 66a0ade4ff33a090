/**
 * The 3-D UniFormer encoder of BrainMVP (docs/method A.1): convolutional blocks in stages 1 and 2, self-attention in
 * stages 3 and 4. Works in the order X, Y, Z throughout; `checkpoint/layout.ts` transposes official kernels.
 */
import type { Value } from "../../graph/mod.ts";
import { instanceNorm } from "../layers/anisotropic.ts";
import {
  batchNorm,
  channelNorm,
  conv,
  type ConvInit,
  layerNorm,
  linear,
  toTokens,
  toVolume,
} from "../layers/layers.ts";
import type { Scope } from "../layers/scope.ts";

/** A value per stage, from the shallowest. */
export type Stages = readonly [number, number, number, number];

export interface UniformerConfig {
  readonly inChannels: number;
  /** Channels of each stage. */
  readonly widths: Stages;
  /** Blocks in each stage. */
  readonly depths: Stages;
  /** Channels of one attention head; divides the widths of stages 3 and 4. */
  readonly headDim: number;
  /** Hidden channels of an MLP over its channels. */
  readonly mlpRatio: number;
  /**
   * Starts the convolutions of the image with a drawn bias instead of 0. A LayerNorm over channels follows them: without a
   * bias it removes the brightness of a voxel, and a bias of 0 needs very many updates to grow.
   */
  readonly biasedStem: boolean;
  /**
   * The convolutional blocks and the last features are normalised by the statistics of each image, in use too, instead of
   * by those of a batch in training and running ones in use. Default: false, as published.
   */
  readonly instanceNorm?: boolean;
}

/** UniFormer-small for one modality, the encoder that BrainMVP pre-trains. */
export const UNIFORMER_SMALL: UniformerConfig = Object.freeze({
  inChannels: 1,
  widths: [64, 128, 320, 512] as const,
  depths: [3, 4, 8, 3] as const,
  headDim: 64,
  mlpRatio: 4,
  biasedStem: false,
});

/** Feature maps [N, widths[i], X/2^(i+1), …]; x4 is after the final norm. */
export type Features = Readonly<Record<"x1" | "x2" | "x3" | "x4", Value>>;

/** The fault of a configuration, or null. */
export function uniformerFault({ widths, headDim }: UniformerConfig): string | null {
  const attending = [widths[2], widths[3]];
  if (attending.every((w) => w % headDim === 0)) return null;
  return `expected headDim to divide the widths of stages 3 and 4, got ${headDim} for ${attending.join(", ")}`;
}

/** The norm of the convolutional blocks. */
const normOf = ({ instanceNorm: isOwn = false }: UniformerConfig) => isOwn ? instanceNorm : batchNorm;

/**
 * The encoder on `image` [N, inChannels, X, Y, Z], sizes multiples of 16. `isAveraged`: means over space of x4 are all
 * that is used of it; it keeps its BatchNorm then, because by its own statistics every image has the same means.
 */
export function uniformer(
  s: Scope,
  image: Value,
  c: UniformerConfig,
  { isAveraged = false }: { readonly isAveraged?: boolean } = {},
): Features {
  let x = image;
  const [x1, x2, x3, last] = c.widths.map((width, i) => {
    const init = i === 0 && c.biasedStem ? "biased" : "kaiming";
    x = patchEmbed(s.at(`patch_embed${i + 1}`), x, { out: width, init });
    const block = i < 2 ? convBlock : attentionBlock;
    for (let j = 0; j < c.depths[i]; j++) x = block(s.at(`blocks${i + 1}.${j}`), x, c);
    return x;
  });
  const norm = isAveraged ? batchNorm : normOf(c);
  return { x1, x2, x3, x4: norm(s.at("norm"), last) };
}

/** 2³ convolution with stride 2, then LayerNorm over channels. */
function patchEmbed(s: Scope, x: Value, { out, init }: { out: number; init: ConvInit }): Value {
  return channelNorm(s.at("norm"), conv(s.at("proj"), x, { out, kernel: 2, stride: 2, init }));
}

/** x + DW3(x): the depthwise convolution encodes position. */
function positionEmbed(s: Scope, x: Value): Value {
  return s.op.Add(x, conv(s.at("pos_embed"), x, { out: x.shape[1], kernel: 3, group: x.shape[1] }));
}

/** CBlock: depthwise 5³ between two 1³ convolutions, then a convolutional MLP. */
function convBlock(s: Scope, input: Value, c: UniformerConfig): Value {
  const { op } = s, { mlpRatio } = c, norm = normOf(c);
  const d = input.shape[1];
  const pointwise = (name: string, x: Value, out: number) => conv(s.at(name), x, { out, kernel: 1 });
  let x = positionEmbed(s, input);
  const mixed = conv(s.at("attn"), pointwise("conv1", norm(s.at("norm1"), x), d), { out: d, kernel: 5, group: d });
  x = op.Add(x, pointwise("conv2", mixed, d));
  const hidden = op.Gelu(pointwise("mlp.fc1", norm(s.at("norm2"), x), mlpRatio * d), {});
  return op.Add(x, pointwise("mlp.fc2", hidden, d));
}

/** SABlock: multi-head self-attention over all voxels, then an MLP; LayerNorm eps 1e-6. */
function attentionBlock(s: Scope, input: Value, { headDim, mlpRatio }: UniformerConfig): Value {
  const { op } = s;
  const d = input.shape[1];
  let t = toTokens(s, positionEmbed(s, input));
  t = op.Add(t, attention(s.at("attn"), layerNorm(s.at("norm1"), t, 1e-6), headDim));
  const hidden = op.Gelu(linear(s.at("mlp.fc1"), layerNorm(s.at("norm2"), t, 1e-6), mlpRatio * d), {});
  t = op.Add(t, linear(s.at("mlp.fc2"), hidden, d));
  return toVolume(s, t, input.shape.slice(2));
}

/** softmax(q kᵀ / √headDim) v on tokens [N, V, d]; the rows of `qkv` are q, k, v, each in chunks of `headDim`. */
function attention(s: Scope, t: Value, headDim: number): Value {
  const { op } = s;
  const [n, v, d] = t.shape;
  const qkv = linear(s.at("qkv"), t, 3 * d);
  const heads = (i: number, perm: readonly number[]) => {
    const part = op.Slice(qkv, [i * d], [(i + 1) * d], [2], [1]);
    return op.Transpose(op.Reshape(part, [n, v, d / headDim, headDim]), { perm });
  };
  const rows = [0, 2, 1, 3], columns = [0, 2, 3, 1];
  const scores = op.MatMul(op.Mul(heads(0, rows), headDim ** -0.5), heads(1, columns));
  const mixed = op.MatMul(op.Softmax(scores, { axis: -1 }), heads(2, rows));
  return linear(s.at("proj"), op.Reshape(op.Transpose(mixed, { perm: rows }), [n, v, d]), d);
}
