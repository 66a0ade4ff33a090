/**
 * Transposed convolutions in 3-D. Where windows do not overlap (kernel = stride) a 2-D transposed convolution, fast on
 * a CPU, or a matrix product, for a device without the operator, computes them, and a transpose puts them in place.
 * Overlapping windows become a convolution of the input with zeros between its voxels.
 */
import type { AttrsOf, Ops, Value } from "../../ir/ir.ts";
import { transposedKernels } from "../../ops/conv.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { type Kind, pass } from "../pass.ts";
import { byChannels, cube, doublingSample } from "../samples.ts";

type Attrs = AttrsOf<"ConvTranspose">;

/** The reason why some outputs belong to more than one window, or null where every output belongs to one. */
function whyNotPatches({ pads, output_padding, dilations, kernel_shape, strides }: Attrs): string | null {
  if ([...pads, ...output_padding].some((p) => p !== 0)) return "padded";
  if (dilations.some((s) => s !== 1)) return "dilated";
  return kernel_shape.every((k, i) => k === strides[i]) ? null : "windows overlap";
}

const KINDS: readonly Kind[] = byChannels(32, 1, [doublingSample(cube(16, 24), 8), doublingSample(cube(64, 16), 64)]);

/**
 * [N, C, D, H, W] → depth slices as batch → a 2-D ConvTranspose with kd·M output channels → a transpose that moves rows
 * into place: [N, M, D·kd, H·kh, W·kw].
 */
function planar(op: Ops, x: Value, w: Value): Value {
  const [n, c, d, h, width] = x.shape, [, m, kd, kh, kw] = w.shape;
  const slices = op.Reshape(op.Transpose(x, { perm: [0, 2, 1, 3, 4] }), [n * d, c, h, width]);
  const kernels = op.Reshape(op.Transpose(w, { perm: [0, 2, 1, 3, 4] }), [c, kd * m, kh, kw]);
  const planes = op.ConvTranspose(slices, kernels, null, { strides: [kh, kw] });
  const apart = op.Reshape(planes, [n, d * kd, m, h * kh, width * kw]);
  return op.Transpose(apart, { perm: [0, 2, 1, 3, 4] });
}

export const PLANAR_CONV_TRANSPOSE = pass({
  name: "planar-conv-transpose",
  ops: ["ConvTranspose"],
  match: ({ node: { inputs, attrs }, x: [x] }) => {
    if (x.shape.length !== 5) return undefined;
    if (inputs.length > 2) return "has a bias";
    if (attrs.group !== 1) return "grouped";
    return whyNotPatches(attrs) ?? {};
  },
  kinds: KINDS,
  rewrite: (op, [x, w]) => planar(op, x, w),
});

/** A transposed convolution's operands. */
interface Operands {
  readonly x: Value;
  readonly w: Value;
  readonly bias: Value | null | undefined;
}

/** One product gives every voxel its window, [N, G, M·k³, D·H·W]; a transpose interleaves the windows. */
function byProduct(op: Ops, { x, w, bias }: Operands, group: number): Value {
  const [n, c, ...size] = x.shape, [, m, ...kernel] = w.shape;
  const window = sizeOf(kernel);
  const turned = op.Transpose(op.Reshape(w, [group, c / group, m * window]), { perm: [0, 2, 1] });
  const windows = op.MatMul(turned, op.Reshape(x, [n, group, c / group, sizeOf(size)]));
  const apart = op.Reshape(windows, [n * group * m, ...kernel, ...size]);
  const y = op.Reshape(
    op.Transpose(apart, { perm: [0, 4, 1, 5, 2, 6, 3] }),
    [n, group * m, ...size.map((d, i) => d * kernel[i])],
  );
  return bias == null ? y : op.Add(y, op.Reshape(bias, [1, group * m, 1, 1, 1]));
}

export const PRODUCT_CONV_TRANSPOSE = pass({
  name: "product-conv-transpose",
  ops: ["ConvTranspose"],
  match: ({ node: { attrs }, x: [x] }) =>
    x.shape.length === 5 ? whyNotPatches(attrs) ?? { group: attrs.group } : undefined,
  kinds: KINDS,
  rewrite: (op, [x, w, bias], { group }) => byProduct(op, { x, w, bias }, group),
});

/** Adds `stride` − 1 zeros after every voxel along an axis. */
function spread(op: Ops, x: Value, axis: number, stride: number): Value {
  if (stride === 1) return x;
  const { shape } = x;
  const lines = op.Reshape(x, [sizeOf(shape.slice(0, axis + 1)), 1, sizeOf(shape.slice(axis + 1))]);
  return op.Reshape(op.Pad(lines, [0, 0, 0, 0, stride - 1, 0], 0, {}), shape.with(axis, shape[axis] * stride));
}

/** A convolution with flipped kernels of the input spread by the strides; the padding widens its border or cuts it. */
function bySpreading(op: Ops, { x, w, bias }: Operands, attrs: Attrs): Value {
  const { strides, dilations, pads, kernel_shape, output_padding, group } = attrs;
  const n = strides.length;
  const axes = strides.map((_, i) => i + 2);
  const border = pads.map((p, i) => dilations[i % n] * (kernel_shape[i % n] - 1) - p);
  const cut = border.map((b) => Math.max(-b, 0));
  const wide = strides.reduce((v, s, i) => spread(op, v, i + 2, s), x);
  const ends = strides.map((s, i) => (x.shape[i + 2] - 1) * s + 1 + output_padding[i] - cut[i + n]);
  const seen = op.Slice(wide, cut.slice(0, n), ends, axes, strides.map(() => 1));
  const kernels = transposedKernels(op, w, group);
  return op.Conv(seen, kernels, bias ?? null, { dilations, group, pads: border.map((b) => Math.max(b, 0)) });
}

export const SPREAD_CONV_TRANSPOSE = pass({
  name: "spread-conv-transpose",
  ops: ["ConvTranspose"],
  match: ({ node: { attrs }, x: [x] }) => x.shape.length === 5 ? attrs : undefined,
  rewrite: (op, [x, w, bias], attrs) => bySpreading(op, { x, w, bias }, attrs),
});
