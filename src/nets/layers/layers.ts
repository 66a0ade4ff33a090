/** The layers that the networks share, as docs/method A.0 and A.2.1 define them. Volumes are [N, C, X, Y, Z]. */
import { sizeOf } from "../../tensor/mod.ts";
import { type Value } from "../../graph/mod.ts";
import type { Init, Scope, Values } from "./scope.ts";

const ONE: Init = { kind: "constant", value: 1 };
const ZERO: Init = { kind: "constant", value: 0 };

/**
 * How convolutions start: `kaiming` = N(0, 2/fan_out) and zero bias, `torch` = PyTorch's defaults (docs/method A.0),
 * `biased` = kaiming with PyTorch's bias.
 */
export type ConvInit = "kaiming" | "torch" | "biased";

/** U(−1/√fan_in, 1/√fan_in); PyTorch takes axis 1 for the fan of transposed convolutions too. */
const torchInit = (shape: readonly number[]): Init => ({
  kind: "uniform",
  bound: 1 / Math.sqrt(sizeOf(shape.slice(1))),
});

/** N(0, 2/fan_out) with fan_out = size(0)·k³; groups are not divided out. */
const kaimingInit = ([out, , ...kernel]: readonly number[]): Init => ({
  kind: "normal",
  std: Math.sqrt(2 / (out * sizeOf(kernel))),
});

export interface ConvOptions {
  /** Output channels. */
  readonly out: number;
  /** Edge of the cubic kernel, voxels. Odd kernels are padded to keep the size, even ones are not padded. */
  readonly kernel: number;
  readonly stride?: number;
  readonly group?: number;
  readonly bias?: boolean;
  readonly init?: ConvInit;
}

/** Conv3d; weight [out, in/group, k, k, k]. */
export function conv(
  s: Scope,
  x: Value,
  { out, kernel, stride = 1, group = 1, bias = true, init = "kaiming" }: ConvOptions,
): Value {
  const shape = [out, x.shape[1] / group, kernel, kernel, kernel];
  const w = s.weight("weight", shape, init === "torch" ? torchInit(shape) : kaimingInit(shape));
  const b = bias ? s.weight("bias", [out], init === "kaiming" ? ZERO : torchInit(shape)) : null;
  const pad = Math.floor((kernel - 1) / 2);
  return s.op.Conv(x, w, b, { strides: Array(3).fill(stride), pads: Array(6).fill(pad), group });
}

/** ConvTranspose3d without bias whose kernel and stride are `factors`; weight [in, out, …factors]. */
export function upConv(
  s: Scope,
  x: Value,
  { out, factors = [2, 2, 2] }: { out: number; factors?: readonly number[] },
): Value {
  const shape = [x.shape[1], out, ...factors];
  return s.op.ConvTranspose(x, s.weight("weight", shape, torchInit(shape)), null, { strides: factors });
}

/** Linear over the last axis; weight [out, in]. */
export function linear(s: Scope, x: Value, out: number): Value {
  const shape = [out, x.shape.at(-1)!];
  const w = s.weight("weight", shape, torchInit(shape));
  return s.op.Add(s.op.MatMul(x, s.op.Transpose(w, { perm: [1, 0] })), s.weight("bias", [out], torchInit(shape)));
}

/** BatchNorm3d with running statistics, eps 1e-5. */
export function batchNorm(s: Scope, x: Value): Value {
  const shape = [x.shape[1]];
  return s.op.BatchNormalization(
    x,
    s.weight("weight", shape, ONE),
    s.weight("bias", shape, ZERO),
    s.weight("running_mean", shape, ZERO),
    s.weight("running_var", shape, ONE),
    { epsilon: 1e-5 },
  );
}

/** LayerNorm over the last axis of tokens [N, V, C]. */
export function layerNorm(s: Scope, x: Value, epsilon: number): Value {
  const shape = [x.shape.at(-1)!];
  return s.op.LayerNormalization(x, s.weight("weight", shape, ONE), s.weight("bias", shape, ZERO), { epsilon });
}

/** LayerNorm over the channels of every voxel, eps 1e-5. */
export function channelNorm(s: Scope, x: Value): Value {
  return toVolume(s, layerNorm(s, toTokens(s, x), 1e-5), x.shape.slice(2));
}

/** GroupNorm, eps 1e-5, with weights per channel. */
export function groupNorm(s: Scope, x: Value, groups: number): Value {
  const { op } = s;
  const [n, c, ...size] = x.shape;
  const perChannel = (v: Value) => op.Reshape(v, [c, 1, 1, 1]);
  const grouped = plainInstanceNorm(s, op.Reshape(x, [n, groups, (c / groups) * sizeOf(size)]));
  const scaled = op.Mul(op.Reshape(grouped, x.shape), perChannel(s.weight("weight", [c], ONE)));
  return op.Add(scaled, perChannel(s.weight("bias", [c], ZERO)));
}

/** InstanceNorm without weights, eps 1e-5. */
export function plainInstanceNorm({ op, builder }: Scope, x: Value): Value {
  const fill = (value: number) => builder.literal(x.dtype, Array(x.shape[1]).fill(value));
  return op.InstanceNormalization(x, fill(1), fill(0), { epsilon: 1e-5 });
}

/** Voxels as tokens: [N, C, X, Y, Z] → [N, X·Y·Z, C]. */
export function toTokens({ op }: Scope, x: Value): Value {
  const [n, c, ...size] = x.shape;
  return op.Transpose(op.Reshape(x, [n, c, sizeOf(size)]), { perm: [0, 2, 1] });
}

/** The inverse of `toTokens()` for a volume of `size` voxels. */
export function toVolume({ op }: Scope, tokens: Value, size: readonly number[]): Value {
  const [n, , c] = tokens.shape;
  return op.Reshape(op.Transpose(tokens, { perm: [0, 2, 1] }), [n, c, ...size]);
}

/** Mean over the voxels of every channel: [N, C, X, Y, Z] → [N, C]. */
export function globalAverage({ op }: Scope, x: Value): Value {
  return op.ReduceMean(x, [2, 3, 4], { keepdims: 0 });
}

/** Trilinear up-sampling to `size` voxels with aligned corners. */
export function resizeLinear({ op }: Scope, x: Value, size: readonly number[]): Value {
  return op.Resize(x, null, null, [...x.shape.slice(0, 2), ...size], {
    mode: "linear",
    coordinate_transformation_mode: "align_corners",
  });
}

/** MONAI's UnetResBlock, any number of channels → `out`, stride 1 (docs/method A.2.1). */
export function unetResBlock(s: Scope, x: Value, out: number): Value {
  const unit = (name: string, v: Value, kernel: number) =>
    plainInstanceNorm(s, conv(s.at(`${name}.conv`), v, { out, kernel, bias: false }));
  const lrelu = (v: Value) => s.op.LeakyRelu(v, { alpha: 0.01 });
  const y = unit("conv2", lrelu(unit("conv1", x, 3)), 3);
  return lrelu(s.op.Add(y, x.shape[1] === out ? x : unit("conv3", x, 1)));
}

/**
 * MONAI's UnetUpBlock: `x` up-sampled to the size of `skip`, then both through a residual block to `out` channels. `factors`
 * are those between the sizes; where they are no whole multiples, the end of each axis is cut off, or repeated.
 */
export function unetUpBlock(
  s: Scope,
  x: Value,
  { skip, out, factors = [2, 3, 4].map((axis) => skip.shape[axis] / x.shape[axis]) }: {
    skip: Value;
    out: number;
    factors?: readonly number[];
  },
): Value {
  const up = upConv(s.at("transp_conv.conv"), x, { out, factors });
  return unetResBlock(s.at("conv_block"), s.op.Concat(fitted(s, up, skip.shape.slice(2)), skip, { axis: 1 }), out);
}

/** [N, C, …] at `size` voxels: the end of each axis is cut off, or its last voxel repeated. */
function fitted({ op }: Scope, x: Value, size: readonly number[]): Value {
  const more = size.map((d, k) => d - x.shape[k + 2]);
  if (more.every((d) => d === 0)) return x;
  const axes = [2, 3, 4];
  const cut = more.some((d) => d < 0)
    ? op.Slice(x, [0, 0, 0], size.map((d, k) => Math.min(d, x.shape[k + 2])), axes, [1, 1, 1])
    : x;
  const missing = more.map((d) => Math.max(d, 0));
  return missing.every((d) => d === 0) ? cut : op.Pad(cut, [...Array(7).fill(0), ...missing], null, { mode: "edge" });
}

/** A 3³ convolution of the image at full resolution, then LayerNorm over channels: UniUnet's `proj1`. */
export function stem(
  s: Scope,
  image: Value,
  { stemWidth, biasedStem = false }: { readonly stemWidth: number; readonly biasedStem?: boolean },
): Value {
  const init = biasedStem ? "biased" : "kaiming";
  return channelNorm(s.at("norm"), conv(s.at("proj"), image, { out: stemWidth, kernel: 3, init }));
}

/** `logits` [N, classes]: one linear layer on the means of the deepest features [N, C, X, Y, Z] (docs/method A.6). */
export function classificationHead(s: Scope, x4: Value, { classes }: { readonly classes: number }): Values {
  return { logits: linear(s.at("head"), globalAverage(s, x4), classes), x4 };
}
