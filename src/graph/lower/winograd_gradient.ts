/**
 * Weight gradients of convolutions with three taps along depth by Winograd's minimal filtering along that axis, F(3, 4): the
 * gradient of a tile's three taps from six products instead of twelve. With the matrices of `winograd.ts`, transposed:
 * dw = Gᵀ·((A·dy) ⊙ (Bᵀ·x)), summed over tiles.
 */
import type { Ops, Value } from "../ir.ts";
import { type DType, type Tensor, tensor } from "../tensor.ts";
import { matrix } from "./matrix.ts";
import type { Match, Pass, Target } from "./pass.ts";
import { byChannels, dense, weightGradientSample } from "./samples.ts";
import { type Geometry, geometry, isWeightGradient, joined } from "./weight_gradient.ts";
import {
  A_T,
  combined,
  DIVISORS,
  G,
  inputMatrix,
  POINTS,
  READS,
  type Slab,
  slabs,
  TAPS,
  TILE,
  whyNoTiles,
} from "./winograd.ts";

/** [E, C, H, W] moved along an axis of the plane by `shift` and cut or padded with zeros to `size`. */
function moved(op: Ops, v: Value, axis: 2 | 3, shift: number, size: number): Value {
  const end = size - v.shape[axis] - shift;
  if (shift === 0 && end === 0) return v;
  const pads = (amount: number) => [0, 0, axis === 2 ? amount : 0, axis === 3 ? amount : 0];
  return op.Pad(v, [...pads(shift), ...pads(end)], 0, {});
}

/** The sides as they meet: `far`, that of fewer channels, is copied for the taps along height, `near` moved along width. */
interface Meeting {
  readonly x: Value;
  readonly dy: Value;
  readonly farIsX: boolean;
}

const FLOAT_BYTES = 4;
/** Most tiles of a slab: its matrices are full, so that more of them would be more multiplications with zero. */
const MAX_TILES = 4;

/** Tiles and products that are made at a time, so that their copies stay in the budget. */
function atOnce({ c, m, size, kernel }: Geometry, { temporaryBytes }: Target): { tiles: number; products: number } {
  const [few, many] = [Math.min(c, m), Math.max(c, m)];
  const bytes = FLOAT_BYTES * (few * (kernel[1] + 1) + 2 * many) * size[1] * size[2];
  const room = Math.max(1, Math.floor(temporaryBytes / bytes));
  return {
    tiles: Math.min(Math.max(1, Math.floor(room / READS)), MAX_TILES),
    products: Math.ceil(READS / Math.ceil(READS / room)),
  };
}

/** The products `points` of a slab, summed over its tiles: [points, kw · kh · far channels · near channels]. */
function products(
  op: Ops,
  { x, dy, farIsX }: Meeting,
  { kernel: [, kh, kw], pads: [pad, top, left] }: Geometry,
  { sample, slab, points }: { sample: number; slab: Slab; points: readonly number[] },
): Value {
  const { tiles, input, output } = slab, batch = tiles * points.length;
  const slices = (v: Value, from: number, by: Tensor) =>
    op.Reshape(combined(op, v, { sample, sampleAxis: 1, from, by }), [batch, v.shape[0], ...v.shape.slice(3)]);
  const xs = slices(x, input[0], inputMatrix(x.dtype, slab, { pad, points }));
  const dys = slices(dy, output[0], gradientMatrix(dy.dtype, slab, points));
  const [far, near] = farIsX ? [xs, dys] : [dys, xs];
  const rows = near.shape[2], width = far.shape[3], sign = farIsX ? -1 : 1;
  const flat = (v: Value) => op.Reshape(v, [batch, v.shape[1], rows * width]);
  const lines = joined(op, kh, (k) => flat(moved(op, far, 2, sign * (k - top), rows)), 1);
  const taps = (k: number) => {
    const columns = flat(moved(op, near, 3, -sign * (k - left), width));
    return op.MatMul(lines, op.Transpose(columns, { perm: [0, 2, 1] }));
  };
  const all = op.Reshape(joined(op, kw, taps, 1), [tiles, points.length, kw * kh * far.shape[1] * near.shape[1]]);
  return tiles === 1 ? op.Reshape(all, all.shape.slice(1)) : op.ReduceSum(all, [0], { keepdims: 0 });
}

/** [tiles · points, output slices]: what products take of the gradient of each tile. */
function gradientMatrix(dtype: DType, { tiles, output: [from, to] }: Slab, points: readonly number[]): Tensor {
  return matrix(
    dtype,
    [tiles * points.length, to - from],
    (row, d) => A_T[d - Math.floor(row / points.length) * TILE]?.[points[row % points.length]] ?? 0,
  );
}

function byTiles(op: Ops, [rows, kernels]: readonly Value[], match: Match, target: Target): Value {
  const g = geometry(match);
  const { c, m, n, kernel: [, kh, kw] } = g;
  const meeting = { x: rows, dy: kernels, farIsX: c <= m };
  const most = atOnce(g, target);
  const work = slabs({ input: g.size[0], output: g.out[0], pad: g.pads[0] }, most.tiles);
  const sums: Value[] = [];
  for (let first = 0; first < READS; first += most.products) {
    const points = POINTS.slice(first, first + most.products);
    const parts = Array.from(
      { length: n },
      (_, sample) => work.map((slab) => products(op, meeting, g, { sample, slab, points })),
    ).flat();
    sums.push(parts.reduce((a, part) => op.Add(a, part)));
  }
  const all = sums.length === 1 ? sums[0] : op.Concat(...sums, { axis: 0 });
  const divided = op.Div(all, tensor(rows.dtype, [READS, 1], DIVISORS));
  const taps = op.MatMul(matrix(rows.dtype, [TAPS, READS], (k, t) => G[t][k]), divided);
  const sides = meeting.farIsX ? [c, m] : [m, c];
  const perm = meeting.farIsX ? [3, 4, 0, 2, 1] : [4, 3, 0, 2, 1];
  return op.Transpose(op.Reshape(taps, [TAPS, kw, kh, ...sides]), { perm });
}

export const WINOGRAD_WEIGHT_GRADIENT: Pass = {
  name: "winograd-weight-gradient",
  op: "Conv",
  check: (match) => {
    if (!isWeightGradient(match)) return undefined;
    const { groups, c, m, kernel, stride, pads: [front], size, out } = geometry(match);
    if (groups > 1 || kernel[0] !== TAPS) return undefined;
    if ([...stride, ...match.node.attrs.strides as number[]].some((s) => s !== 1)) return "strided or dilated";
    const layer = { c, m, size: out, pads: [front, out[0] + TAPS - 1 - size[0] - front] };
    return whyNoTiles(layer, { channels: 4, pairs: 128 });
  },
  kinds: byChannels(32, 0, [weightGradientSample(dense(32, 32, 24)), weightGradientSample(dense(64, 64, 24))]),
  rewrite: byTiles,
};
