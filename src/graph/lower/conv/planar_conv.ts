/**
 * Convolutions in 3-D for a device that is fast in 2-D only, or has grouped ones in 2-D only. Each tap along depth is a
 * 2-D convolution of the depth slices that it reads; the taps are summed. A kernel of one voxel is a matrix product.
 */
import type { AttrsOf, Ops, Value } from "../../ir/ir.ts";
import { DEPTHWISE_KINDS } from "./depthwise.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { type Match, pass } from "../pass.ts";
import { byChannels, convSample, cube } from "../samples.ts";

interface Operands {
  readonly x: Value;
  readonly w: Value;
  readonly bias: Value | null | undefined;
}

interface Layer {
  readonly attrs: AttrsOf<"Conv">;
  /** Of the output. */
  readonly shape: readonly number[];
}

/** [N, C, D, H, W] → depth slices as batch, one 2-D Conv a tap → [N, M, oD, oH, oW]. */
function bySlices(op: Ops, { x, w, bias }: Operands, { attrs, shape: [, , depth, oh, ow] }: Layer): Value {
  const [n, c, , h, width] = x.shape, [m, perGroup, taps, kh, kw] = w.shape;
  const [stride, ...strides] = attrs.strides, [dilation, ...dilations] = attrs.dilations;
  const [front, top, left, back, bottom, right] = attrs.pads;
  const swapped = { perm: [0, 2, 1, 3, 4] };
  const slices = op.Transpose(x, swapped);
  const padded = front + back > 0 ? op.Pad(slices, [0, front, 0, 0, 0, 0, back, 0, 0, 0], 0, {}) : slices;
  const parts = Array.from({ length: taps }, (_, k) => {
    const first = k * dilation, last = first + (depth - 1) * stride;
    const read = op.Reshape(op.Slice(padded, [first], [last + 1], [1], [stride]), [n * depth, c, h, width]);
    const kernel = op.Reshape(op.Slice(w, [k], [k + 1], [2], [1]), [m, perGroup, kh, kw]);
    return op.Conv(read, kernel, k === 0 && bias ? bias : null, {
      strides,
      dilations,
      pads: [top, left, bottom, right],
      group: attrs.group,
    });
  });
  const sum = parts.reduce((a, part) => op.Add(a, part));
  return op.Transpose(op.Reshape(sum, [n, depth, m, oh, ow]), swapped);
}

export const PLANAR_GROUPED_CONV = pass({
  name: "planar-grouped-conv",
  ops: ["Conv"],
  match: ({ node: { attrs }, x: [, w], y: { shape } }) => {
    if (w.shape.length !== 5) return undefined;
    return attrs.group === 1 ? "not grouped: the device has it" : { attrs, shape };
  },
  kinds: DEPTHWISE_KINDS,
  rewrite: (op, [x, w, bias], layer) => bySlices(op, { x, w, bias }, layer),
});

const isDense = ({ node: { attrs }, x: [, w] }: Match<"Conv">) => w.shape.length === 5 && attrs.group === 1;

/** Reports whether every output is a combination of the channels of one voxel. */
function isPointwise({ node: { attrs }, x: [, w] }: Match<"Conv">): boolean {
  return sizeOf(w.shape.slice(2)) === 1 && attrs.strides.every((s) => s === 1) && attrs.pads.every((p) => p === 0);
}

const dense = (channels: number, edge: number, taps: number) =>
  convSample({
    x: cube(channels, edge),
    w: [channels, channels, taps, taps, taps],
    attrs: { pads: Array<number>(6).fill((taps - 1) / 2) },
  });

export const PLANAR_CONV = pass({
  name: "planar-conv",
  ops: ["Conv"],
  match: (match) => {
    if (!isDense(match)) return undefined;
    return isPointwise(match) ? "a product" : { attrs: match.node.attrs, shape: match.y.shape };
  },
  kinds: byChannels(16, 1, [dense(8, 32, 3), dense(64, 24, 3)]),
  rewrite: (op, [x, w, bias], layer) => bySlices(op, { x, w, bias }, layer),
});

export const PRODUCT_CONV = pass({
  name: "product-conv",
  ops: ["Conv"],
  match: (match) => {
    if (!isDense(match)) return undefined;
    return isPointwise(match) ? { shape: match.y.shape } : "several voxels an output";
  },
  kinds: byChannels(16, 1, [dense(8, 32, 1), dense(64, 24, 1)]),
  rewrite: (op, [x, w, bias], { shape }) => {
    const [n, c, ...size] = x.shape, m = w.shape[0];
    const product = op.MatMul(op.Reshape(w, [m, c]), op.Reshape(x, [n, c, sizeOf(size)]));
    const rows = bias == null ? product : op.Add(product, op.Reshape(bias, [m, 1]));
    return op.Reshape(rows, shape);
  },
});
