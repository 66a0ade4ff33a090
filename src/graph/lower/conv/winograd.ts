/**
 * Convolutions with three taps along depth by minimal filtering along that axis (`minimal_filter.ts`). Products with
 * small constant matrices combine depth slices; a 2-D convolution with one group for each product of the filter
 * follows; further small matrices combine its results.
 */
import type { Ops, Value } from "../../ir/ir.ts";
import { sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";
import { matrix } from "./matrix.ts";
import { type Filter, inputMatrix, ONCE, outputMatrix, pointsOf, slabs, TAPS, whyNoTiles } from "./minimal_filter.ts";
import { FLOAT_BYTES, pass, type Target } from "../pass.ts";
import { byChannels, convSample, dense } from "../samples.ts";
import { isWeightGradient } from "./weight_gradient.ts";

/**
 * Combines depth slices of one sample, [1, C, S, H, W] or [C, 1, S, H, W], each with all of its channels, by a matrix
 * [E, S]: [E, C · H · W].
 */
export function combined(op: Ops, slices: Value, { sampleAxis, by }: { sampleAxis: 0 | 1; by: Tensor }): Value {
  const { shape } = slices;
  const turned = op.Transpose(slices, { perm: [sampleAxis, 2, 1 - sampleAxis, 3, 4] });
  return op.MatMul(by, op.Reshape(turned, [shape[2], sizeOf(shape) / shape[2]]));
}

/** Most products of a slab of several tiles. */
const MAX_PRODUCTS = 16;
/** Largest slab of several tiles, bytes without the kernels: about the size of a processor's cache. */
const SLAB_BYTES = 24 * 2 ** 20;

/** The kernels of a filter's products, one group each: [products · M, C, kh, kw] from [M, C, 3, kh, kw]. */
function productKernels(op: Ops, w: Value, { reads, taps, divisor }: Filter): Value {
  const [m, c, , kh, kw] = w.shape;
  const products = op.MatMul(
    matrix(w.dtype, [reads, TAPS], (t, k) => taps[t][k]),
    op.Reshape(op.Div(w, tensor(w.dtype, [], [divisor])), [m * c, TAPS, kh * kw]),
  );
  const turned = op.Transpose(op.Reshape(products, [m, c, reads, kh * kw]), { perm: [2, 0, 1, 3] });
  return op.Reshape(turned, [reads * m, c, kh, kw]);
}

/** [products · M] */
function productBias(op: Ops, bias: Value, { reads }: Filter): Value {
  const [m] = bias.shape, zeros = (groups: number) => tensor(bias.dtype, [groups * m], Array(groups * m).fill(0));
  return op.Concat(zeros(ONCE), bias, zeros(reads - ONCE - 1), { axis: 0 });
}

interface Tiled {
  readonly pads: readonly number[];
  /** Of the output. */
  readonly shape: readonly number[];
}

/** Slab by slab: combines slices, convolves them as groups of one 2-D convolution, combines the results. */
function byTiles(
  op: Ops,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | null | undefined },
  { pads: [pad, top, left, , bottom, right], shape: [n, m, depth, oh, ow] }: Tiled,
  target: Target,
): Value {
  const [, c, input, h, width] = x.shape;
  const sliceBytes = FLOAT_BYTES * (c * h * width + m * oh * ow);
  const most = Math.min(target.temporaryBytes / sliceBytes, SLAB_BYTES / sliceBytes, MAX_PRODUCTS);
  const work = slabs({ input, output: depth, pad }, most);
  const weights = new Map([...new Set(work.map(({ filter }) => filter))].map((filter) => {
    const kernels = productKernels(op, w, filter);
    return [filter, { kernels, shift: bias == null ? null : productBias(op, bias, filter) }];
  }));
  const samples = Array.from({ length: n }, (_, sample) => {
    const parts = work.map((slab) => {
      const { filter, tiles, input: [from, to] } = slab, points = pointsOf(filter);
      const { kernels, shift } = weights.get(filter)!;
      const slices = op.Slice(x, [sample, from], [sample + 1, to], [0, 2], [1, 1]);
      const read = combined(op, slices, { sampleAxis: 0, by: inputMatrix(x.dtype, slab, { pad, points }) });
      const made = op.Conv(op.Reshape(read, [tiles, filter.reads * c, h, width]), kernels, shift, {
        pads: [top, left, bottom, right],
        group: filter.reads,
      });
      return op.MatMul(outputMatrix(x.dtype, slab, points), op.Reshape(made, [tiles * filter.reads, m * oh * ow]));
    });
    const slices = parts.length === 1 ? parts[0] : op.Concat(...parts, { axis: 0 });
    return op.Transpose(op.Reshape(slices, [1, depth, m, oh, ow]), { perm: [0, 2, 1, 3, 4] });
  });
  return n === 1 ? samples[0] : op.Concat(...samples, { axis: 0 });
}

export const WINOGRAD_CONV = pass({
  name: "winograd-conv",
  ops: ["Conv"],
  match: (match) => {
    const { node: { attrs }, x: [, w], y: { shape } } = match, { pads } = attrs;
    if (w.shape.length !== 5 || attrs.group !== 1 || w.shape[2] !== TAPS || isWeightGradient(match)) return undefined;
    if ([...attrs.strides, ...attrs.dilations].some((s) => s !== 1)) return "strided or dilated";
    const layer = { c: w.shape[1], m: w.shape[0], size: shape.slice(2), pads: [pads[0], pads[3]] };
    return whyNoTiles(layer, { channels: 8, pairs: 64 }) ?? { pads, shape };
  },
  kinds: byChannels(32, 1, [convSample(dense(32, 32, 24)), convSample(dense(64, 64, 24))]),
  rewrite: (op, [x, w, bias], found, target) => byTiles(op, { x, w, bias }, found, target),
});
