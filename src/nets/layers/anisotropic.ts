/** The layers of nnU-Net's networks, whose kernels and strides may differ from axis to axis. Volumes are [N, C, X, Y, Z]. */
import { sizeOf } from "../../tensor/mod.ts";
import type { Value } from "../../graph/mod.ts";
import type { Init, Scope } from "./scope.ts";

/** The slope of nnU-Net's LeakyReLU below 0. */
const SLOPE = 0.01;

/** N(0, 2/(1 + slope²)/fan_in), nnU-Net's `InitWeights_He`; PyTorch takes axis 1 for the fan of transposed kernels too. */
const heInit = (shape: readonly number[]): Init => ({
  kind: "normal",
  std: Math.sqrt(2 / (1 + SLOPE ** 2) / sizeOf(shape.slice(1))),
});
const ZERO: Init = { kind: "constant", value: 0 };

export interface AnisotropicConv {
  /** Output channels. */
  readonly out: number;
  /** Edges of the kernel, voxels, odd: padded to keep the size. */
  readonly kernel: readonly number[];
  readonly stride?: readonly number[];
  readonly bias: boolean;
}

/** Conv3d; weight [out, in, …kernel]. */
export function anisotropicConv(
  s: Scope,
  x: Value,
  { out, kernel, stride = [1, 1, 1], bias }: AnisotropicConv,
): Value {
  const shape = [out, x.shape[1], ...kernel], pads = kernel.map((k) => (k - 1) / 2);
  const b = bias ? s.weight("bias", [out], ZERO) : null;
  return s.op.Conv(x, s.weight("weight", shape, heInit(shape)), b, { strides: [...stride], pads: [...pads, ...pads] });
}

/** ConvTranspose3d whose kernel and stride are `factors`; weight [in, out, …factors]. */
export function anisotropicUpConv(
  s: Scope,
  x: Value,
  { out, factors, bias }: { readonly out: number; readonly factors: readonly number[]; readonly bias: boolean },
): Value {
  const shape = [x.shape[1], out, ...factors];
  const b = bias ? s.weight("bias", [out], ZERO) : null;
  return s.op.ConvTranspose(x, s.weight("weight", shape, heInit(shape)), b, { strides: [...factors] });
}

/** InstanceNorm with weights a channel, eps 1e-5; they start at `scale` and 0. */
export function instanceNorm(s: Scope, x: Value, scale = 1): Value {
  const shape = [x.shape[1]];
  const weight = s.weight("weight", shape, { kind: "constant", value: scale });
  return s.op.InstanceNormalization(x, weight, s.weight("bias", shape, ZERO), { epsilon: 1e-5 });
}

export const leakyRelu = ({ op }: Scope, x: Value): Value => op.LeakyRelu(x, { alpha: SLOPE });

/** nnU-Net's `ConvDropoutNormReLU`: convolution and InstanceNorm; the caller adds the activation where there is one. */
export function convNorm(
  s: Scope,
  x: Value,
  { scale, ...options }: AnisotropicConv & { readonly scale?: number },
): Value {
  return instanceNorm(s.at("norm"), anisotropicConv(s.at("conv"), x, options), scale);
}

/** Mean over windows of `factors` voxels. */
export function averageOver({ op }: Scope, x: Value, factors: readonly number[]): Value {
  return op.AveragePool(x, { kernel_shape: [...factors], strides: [...factors] });
}
