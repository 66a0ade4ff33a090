/**
 * Depthwise convolutions in 3-D: one filter a group does too little work for the voxels that the kernel gathers. Here
 * each group computes a block of neighbouring rows at once, as that many filters of a convolution strided by the block.
 */
import type { AttrsOf, Ops, Value } from "../../ir/ir.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { type Kind, type Match, pass } from "../pass.ts";
import { blockOf, tapMatrix } from "./rows.ts";
import { convSample, cube, depthwise } from "../samples.ts";

/** Most rows of a block along depth and along height. */
const MAX_ROWS = 4;

/** The most rows along an axis that divide the output's size there. */
const rowsOf = (size: number) => [MAX_ROWS, 2].find((rows) => size % rows === 0) ?? 1;

interface Blocks {
  readonly attrs: AttrsOf<"Conv">;
  /** Rows of a block along depth and height. */
  readonly size: readonly [number, number];
  /** Of the output. */
  readonly shape: readonly number[];
}

function byBlocks(
  op: Ops,
  { x, w, bias }: { readonly x: Value; readonly w: Value; readonly bias: Value | null | undefined },
  { attrs, size, shape: [n, filters, depth, height, width] }: Blocks,
): Value {
  const [kd, kh, kw] = attrs.kernel_shape, rows = sizeOf(size);
  const block = blockOf(size, { kernel: [kd, kh], read: (_axis, u, k) => u + k });
  const spread = op.Transpose(tapMatrix(block, [kd, kh], w.dtype), { perm: [1, 0] }); // [rows · reach, taps]
  const kernels = op.Reshape(op.MatMul(spread, op.Reshape(w, [filters, kd * kh, kw])), [
    filters * rows,
    1,
    ...block.reads.map((reads) => reads.length),
    kw,
  ]);
  const shift = bias && op.Reshape(op.Expand(op.Reshape(bias, [filters, 1]), [filters, rows]), [filters * rows]);
  const blocks = op.Conv(x, kernels, shift ?? null, {
    pads: attrs.pads,
    strides: [...size, 1],
    group: attrs.group,
  });
  const apart = op.Reshape(blocks, [n, filters, ...size, depth / size[0], height / size[1], width]);
  return op.Reshape(op.Transpose(apart, { perm: [0, 1, 4, 2, 5, 3, 6] }), [n, filters, depth, height, width]);
}

const isDepthwise = ({ x: [, w], y }: Match<"Conv">) =>
  w.shape[1] === 1 && sizeOf(w.shape.slice(2)) <= sizeOf(y.shape.slice(2));

/** Edge of the small volumes of a network's deep levels, voxels. */
const SMALL_EDGE = 8;

/** Depthwise convolutions that are no weight gradients. */
export const DEPTHWISE_KINDS: readonly Kind<"Conv">[] = [
  {
    name: "small volumes",
    includes: (match) => isDepthwise(match) && sizeOf(match.y.shape.slice(2)) <= SMALL_EDGE ** 3,
    sample: convSample(depthwise(cube(96, SMALL_EDGE), 3)),
  },
  {
    name: "up to 27 taps",
    includes: (match) => isDepthwise(match) && sizeOf(match.x[1].shape.slice(2)) <= 27,
    sample: convSample(depthwise(cube(16, 32), 3)),
  },
  { name: "more than 27 taps", includes: isDepthwise, sample: convSample(depthwise(cube(16, 32), 5)) },
];

export const BLOCKED_DEPTHWISE = pass({
  name: "blocked-depthwise",
  ops: ["Conv"],
  match: ({ node: { attrs }, x: [, w], y: { shape } }) => {
    if (w.shape.length !== 5 || w.shape[1] !== 1 || attrs.group === 1) return undefined;
    if ([...attrs.strides, ...attrs.dilations].some((s) => s !== 1)) return "strided or dilated";
    if (sizeOf(w.shape.slice(2)) > sizeOf(shape.slice(2))) return "the kernel is larger than the output";
    if (w.shape[2] * w.shape[3] === 1) return "the kernel is a single row";
    const size = [rowsOf(shape[2]), rowsOf(shape[3])] as const;
    return size.every((rows) => rows === 1) ? "depth and height of the output are odd" : { attrs, size, shape };
  },
  kinds: DEPTHWISE_KINDS,
  rewrite: (op, [x, w, bias], blocks) => byBlocks(op, { x, w, bias }, blocks),
});
