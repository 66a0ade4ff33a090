/**
 * Depthwise convolutions in 3-D: one filter a group is too little work for the voxels that are gathered for it. Here each
 * group computes a block of neighbouring rows at once, as that many filters of a convolution strided by the block.
 */
import type { Ops, Value } from "../../ir/ir.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import type { Kind, Match, Pass } from "../pass.ts";
import { blockOf, tapMatrix } from "./rows.ts";
import { convSample, cube, depthwise } from "../samples.ts";

/** Most rows of a block along depth and along height. */
const MAX_ROWS = 4;

/** Rows along depth and height: the most that divide the output. */
function blockSize({ y }: Match): [number, number] {
  return [2, 3].map((axis) => [MAX_ROWS, 2, 1].find((b) => y.shape[axis] % b === 0)!) as [number, number];
}

function byBlocks(op: Ops, [x, w, bias]: readonly Value[], match: Match): Value {
  const { node: { attrs }, y: { shape: [n, filters, depth, height, width] } } = match;
  const [kd, kh, kw] = attrs.kernel_shape as readonly number[];
  const size = blockSize(match), rows = sizeOf(size);
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
    pads: attrs.pads as readonly number[],
    strides: [...size, 1],
    group: Number(attrs.group),
  });
  const apart = op.Reshape(blocks, [n, filters, ...size, depth / size[0], height / size[1], width]);
  return op.Reshape(op.Transpose(apart, { perm: [0, 1, 4, 2, 5, 3, 6] }), [n, filters, depth, height, width]);
}

const isDepthwise = ({ x: [, w], y }: Match) =>
  w.shape[1] === 1 && sizeOf(w.shape.slice(2)) <= sizeOf(y.shape.slice(2));

/** Edge of the small volumes of a network's deep levels, voxels. */
const SMALL_EDGE = 8;

/** Depthwise convolutions that are no weight gradients. */
export const DEPTHWISE_KINDS: readonly Kind[] = [
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

export const BLOCKED_DEPTHWISE: Pass = {
  name: "blocked-depthwise",
  op: "Conv",
  check: (match) => {
    const { node: { attrs }, x: [, w], y } = match;
    if (w.shape.length !== 5 || w.shape[1] !== 1 || attrs.group === 1) return undefined;
    const list = (name: string) => attrs[name] as readonly number[];
    if ([...list("strides"), ...list("dilations")].some((s) => s !== 1)) return "strided or dilated";
    if (sizeOf(w.shape.slice(2)) > sizeOf(y.shape.slice(2))) return "the kernel is larger than the output";
    if (w.shape[2] * w.shape[3] === 1) return "the kernel is a single row";
    return blockSize(match).every((b) => b === 1) ? "depth and height of the output are odd" : null;
  },
  kinds: DEPTHWISE_KINDS,
  rewrite: (op, inputs, match) => byBlocks(op, inputs, match),
};
