/**
 * Weight gradients of convolutions. `ops/conv.ts` writes them as a convolution whose kernel is as large as the volume;
 * on the CPU that form is 3 to 10 times slower than the matrix products here.
 */
import type { Ops, Value } from "../ir.ts";
import { flip } from "../ops/shape.ts";
import { sizeOf } from "../tensor.ts";
import type { Match, Pass, Target } from "./pass.ts";

interface Geometry {
  /** Channels of x, channels of dy, batch. */
  readonly c: number;
  readonly m: number;
  readonly n: number;
  /** Spatial sizes of x, of dy and of the kernel. */
  readonly size: readonly number[];
  readonly out: readonly number[];
  readonly kernel: readonly number[];
  /** Stride and padding of the convolution that is differentiated. */
  readonly stride: readonly number[];
  readonly pads: readonly number[];
}

/** Reads the pattern: rows [C, N, D, H, W], kernels [M, N, oD, oH, oW] → dw [C, M, k…]. */
function geometry({ node, x: [rows, kernels], y }: Match): Geometry {
  const list = (name: string) => node.attrs[name] as readonly number[];
  return {
    c: rows.shape[0],
    m: kernels.shape[0],
    n: kernels.shape[1],
    size: rows.shape.slice(2),
    out: kernels.shape.slice(2),
    kernel: y.shape.slice(2),
    stride: list("dilations"),
    pads: list("pads"),
  };
}

/** Whether a Conv is a weight gradient in its exchanged form: the kernel covers more than the output. */
function isWeightGradient({ x: [, kernels, bias], y }: Match): boolean {
  return bias === undefined && kernels.shape.length === 5 && sizeOf(kernels.shape.slice(2)) > sizeOf(y.shape.slice(2));
}

const FLOAT_BYTES = 4;

/** Voxels moved so that each output voxel meets its kernel element: [C, D, H, W] → the slice for offset `k`, strided. */
function shifted(
  op: Ops,
  x: Value,
  { k, out, stride }: { k: number[]; out: readonly number[]; stride: readonly number[] },
): Value {
  const first = x.shape.length - k.length;
  const axes = k.map((_, i) => i + first);
  return op.Slice(x, k, k.map((s, i) => s + (out[i] - 1) * stride[i] + 1), axes, stride);
}

/**
 * Depth slices as the batch of one matrix product: the in-plane shifts of x as rows, the depth shifts of dy as columns,
 * summed over slices. In chunks of slices, so that the shifted copies stay inside the budget.
 */
function dense(op: Ops, rows: Value, kernels: Value, g: Geometry, target: Target): Value {
  const [kd, kh, kw] = g.kernel, [od, oh, ow] = g.out, [sd] = g.stride;
  const taps = kh * kw;
  const volumes = Array.from({ length: g.n }, (_, i) => {
    const x = op.Transpose(pick(op, rows, i, g.size), { perm: [1, 0, 2, 3] });
    const wide = op.Pad(x, [g.pads[0], 0, g.pads[1], g.pads[2], g.pads[3], 0, g.pads[4], g.pads[5]], 0, {});
    return { wide, dy: op.Transpose(pick(op, kernels, i, g.out), { perm: [1, 0, 2, 3] }) };
  });
  const bytesPerSlice = (taps * g.c + kd * g.m) * oh * ow * FLOAT_BYTES;
  const chunk = Math.max(1, Math.min(od, Math.floor(target.temporaryBytes / bytesPerSlice)));
  const parts: Value[] = [];
  for (const { wide, dy } of volumes) {
    for (let from = 0; from < od; from += chunk) {
      const count = Math.min(chunk, od - from);
      if (sd === 1) parts.push(sliceProducts(op, { wide, dy, from, count, g }));
      else for (let z = 0; z < kd; z++) parts.push(tapProducts(op, { wide, dy, from, count, z, g }));
    }
  }
  if (sd === 1) {
    const sum = parts.reduce((a, v) => op.Add(a, v)); // [taps·C, kd·M]
    const apart = op.Transpose(op.Reshape(sum, [taps, g.c, kd, g.m]), { perm: [1, 3, 2, 0] });
    return op.Reshape(apart, [g.c, g.m, kd, kh, kw]);
  }
  const perTap = Array.from({ length: kd }, (_, z) => {
    const sum = parts.filter((_, i) => i % kd === z).reduce((a, v) => op.Add(a, v)); // [taps·C, M]
    return op.Reshape(op.Transpose(op.Reshape(sum, [taps, g.c, g.m]), { perm: [1, 2, 0] }), [g.c, g.m, 1, kh, kw]);
  });
  return perTap.length === 1 ? perTap[0] : op.Concat(...perTap, { axis: 2 });
}

/** Sample `i` of a [C, N, …] tensor as [C, …]. */
function pick(op: Ops, v: Value, i: number, spatial: readonly number[]): Value {
  const one = v.shape[1] === 1 ? v : op.Slice(v, [i], [i + 1], [1], [1]);
  return op.Reshape(one, [v.shape[0], ...spatial]);
}

interface Chunk {
  /** Padded x [D + pads, C, H + pads, W + pads] and dy [oD, M, oH, oW]. */
  readonly wide: Value;
  readonly dy: Value;
  /** Output slices of this chunk. */
  readonly from: number;
  readonly count: number;
  readonly g: Geometry;
}

/** In-plane shifts of some depth slices, stacked as channels: [slices, taps·C, oH·oW]. */
function planes(
  op: Ops,
  slices: Value,
  { kernel: [, kh, kw], out: [, oh, ow], stride: [, sh, sw], c }: Geometry,
): Value {
  const depth = slices.shape[0];
  if (kh * kw === 1 && sh * sw === 1) return op.Reshape(slices, [depth, c, oh * ow]);
  const taps = Array.from({ length: kh * kw }, (_, t) =>
    op.Reshape(
      shifted(op, slices, { k: [Math.floor(t / kw), t % kw], out: [oh, ow], stride: [sh, sw] }),
      [depth, c, oh * ow],
    ));
  return op.Concat(...taps, { axis: 1 });
}

/** Σ over slices of x-planes · dy-planesᵀ, all depth taps at once (stride 1 in depth): [taps·C, kd·M]. */
function sliceProducts(op: Ops, { wide, dy, from, count, g }: Chunk): Value {
  const [kd] = g.kernel, plane = g.out[1] * g.out[2];
  const depth = count + kd - 1;
  const x = planes(op, op.Slice(wide, [from], [from + depth], [0], [1]), g);
  const slices = op.Reshape(op.Slice(dy, [from], [from + count], [0], [1]), [count, g.m, plane]);
  const stacked = kd === 1
    ? slices
    : op.Concat(...Array.from({ length: kd }, (_, z) => op.Pad(slices, [z, 0, 0, kd - 1 - z, 0, 0], 0, {})), {
      axis: 1,
    });
  const product = op.MatMul(x, op.Transpose(stacked, { perm: [0, 2, 1] }));
  return op.ReduceSum(product, [0], { keepdims: 0 });
}

/** The same for one depth tap of a strided convolution: [taps·C, M]. */
function tapProducts(op: Ops, { wide, dy, from, count, z, g }: Chunk & { z: number }): Value {
  const [sd] = g.stride;
  const start = from * sd + z;
  const x = planes(op, op.Slice(wide, [start], [start + (count - 1) * sd + 1], [0], [sd]), g);
  const slices = op.Reshape(op.Slice(dy, [from], [from + count], [0], [1]), [count, g.m, g.out[1] * g.out[2]]);
  return op.ReduceSum(op.MatMul(x, op.Transpose(slices, { perm: [0, 2, 1] })), [0], { keepdims: 0 });
}

export const DENSE_WEIGHT_GRADIENT: Pass = {
  name: "dense-weight-gradient",
  op: "Conv",
  check: (match) => {
    if (!isWeightGradient(match) || match.node.attrs.group !== 1) return undefined;
    const { stride, size, out, kernel, pads } = geometry(match);
    if ((match.node.attrs.strides as number[]).some((d) => d !== 1)) return "the convolution is dilated";
    const reach = out.map((o, i) => (o - 1) * stride[i] + kernel[i]);
    return reach.every((r, i) => r <= size[i] + pads[i] + pads[i + 3])
      ? null
      : "the windows reach beyond the padded volume";
  },
  rewrite: (op, [rows, kernels], match, target) => {
    const g = geometry(match);
    return worthExchanging(g) ? exchanged(op, rows, kernels, g, target) : dense(op, rows, kernels, g, target);
  },
};

/**
 * Whether to shift dy in the plane instead of x: it costs taps·M + kd·C copies instead of taps·C + kd·M. Only where every
 * stride is 1 and the padding is not wider than the kernel.
 */
function worthExchanging({ c, m, kernel, stride, pads }: Geometry): boolean {
  return c > m && stride.every((s) => s === 1) && pads.every((p, i) => p < kernel[i % 3]);
}

/** dw with the roles of x and dy exchanged: dw[c, m, k] = Σ x[q]·dy[q + pad − k], the mirrored gradient of the mirror. */
function exchanged(op: Ops, rows: Value, kernels: Value, g: Geometry, target: Target): Value {
  const mirror = {
    ...g,
    c: g.m,
    m: g.c,
    size: g.out,
    out: g.size,
    pads: g.pads.map((p, i) => g.kernel[i % 3] - 1 - p),
  };
  const mirrored = dense(op, kernels, rows, mirror, target); // [M, C, k…], every tap k at kernel − 1 − k
  const axes = g.kernel.flatMap((k, i) => (k > 1 ? [i + 2] : []));
  return flip(op, op.Transpose(mirrored, { perm: [1, 0, 2, 3, 4] }), axes);
}

/**
 * Depthwise: per channel and (z, y) tap one product of x-columns with dy-columns over all rows, [W + pads, W]; the k
 * diagonals of that matrix are the taps along the last axis, summed by a constant 0/1 matrix.
 */
function depthwise(op: Ops, rows: Value, kernels: Value, g: Geometry): Value {
  const channels = g.m * g.n, [kd, kh, kw] = g.kernel, [od, oh, ow] = g.out;
  const x = op.Reshape(rows, [channels, ...g.size]);
  const wide = op.Pad(x, [0, ...g.pads.slice(0, 3), 0, ...g.pads.slice(3)], 0, {});
  const width = g.size[2] + g.pads[2] + g.pads[5];
  const columns = op.Transpose(wide, { perm: [0, 3, 1, 2] });
  const dy = op.Reshape(kernels, [channels, od * oh, ow]);
  const grams = Array.from({ length: kd * kh }, (_, t) => {
    const z = Math.floor(t / kh), y = t % kh;
    const x = op.Reshape(op.Slice(columns, [z, y], [z + od, y + oh], [2, 3], [1, 1]), [channels, width, od * oh]);
    return op.Reshape(op.MatMul(x, dy), [channels, 1, width * ow]);
  });
  const all = op.Reshape(grams.length === 1 ? grams[0] : op.Concat(...grams, { axis: 1 }), [
    channels * kd * kh,
    width * ow,
  ]);
  const diagonals = new Float32Array(width * ow * kw);
  for (let k = 0; k < kw; k++) for (let i = 0; i < ow; i++) diagonals[((i + k) * ow + i) * kw + k] = 1;
  const taps = op.MatMul(all, { dtype: "float32", shape: [width * ow, kw], data: diagonals });
  const perSample = op.Reshape(taps, [g.m, g.n, kd, kh, kw]);
  return op.Reshape(g.n === 1 ? perSample : op.ReduceSum(perSample, [1], { keepdims: 0 }), [1, g.m, kd, kh, kw]);
}

export const DEPTHWISE_WEIGHT_GRADIENT: Pass = {
  name: "depthwise-weight-gradient",
  op: "Conv",
  check: (match) => {
    const group = Number(match.node.attrs.group);
    if (!isWeightGradient(match) || group === 1) return undefined;
    const [rows, kernels] = match.x;
    const { stride } = geometry(match);
    if (rows.dtype !== "float32") return "not float32";
    if (rows.shape[0] !== 1 || kernels.shape[0] !== group) return "grouped, but not depthwise";
    const plain = [...stride, ...(match.node.attrs.strides as number[])].every((s) => s === 1);
    return plain ? null : "strided or dilated";
  },
  rewrite: (op, [rows, kernels], match) => depthwise(op, rows, kernels, geometry(match)),
};
