/**
 * Convolutions with three taps along depth by Winograd's minimal filtering F(4, 3) along that axis: four output slices
 * from six products instead of twelve. The products are 2-D convolutions of depth slices that were combined before, a group
 * each, and the combinations, before and after, are matrix products with small constant matrices (Lavin and Gray, CVPR 2016).
 */
import type { Ops, Value } from "../ir.ts";
import { type DType, sizeOf, type Tensor, tensor } from "../tensor.ts";
import { matrix } from "./matrix.ts";
import type { Match, Pass, Target } from "./pass.ts";
import { byChannels, convSample, dense } from "./samples.ts";
import { isWeightGradient } from "./weight_gradient.ts";

/** Output slices of a tile, taps, and the input slices that a tile reads. */
export const TILE = 4, TAPS = 3, READS = TILE + TAPS - 1;

// y = Aᵀ((G·g) ⊙ (Bᵀ·d)) for four outputs y of taps g over six inputs d, with the points 0, ±1, ±2, ∞; G's rows are divided
// by `DIVISORS` at last, so that every constant is a whole number
const B_T = [
  [4, 0, -5, 0, 1, 0],
  [0, -4, -4, 1, 1, 0],
  [0, 4, -4, -1, 1, 0],
  [0, -2, -1, 2, 1, 0],
  [0, 2, -1, -2, 1, 0],
  [0, 4, 0, -5, 0, 1],
];
export const G = [
  [1, 0, 0],
  [1, 1, 1],
  [1, -1, 1],
  [1, 2, 4],
  [1, -2, 4],
  [0, 0, 1],
];
export const DIVISORS = [4, -6, -6, 24, 24, 1];
export const A_T = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
/** The product whose result each of a tile's outputs contains once: the bias goes there. */
const BIASED = 1;

/** The six products. */
export const POINTS: readonly number[] = Array.from({ length: READS }, (_, t) => t);

/** Some neighbouring tiles: the first of them and their number, and the slices of input and output that they touch. */
export interface Slab {
  readonly first: number;
  readonly tiles: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}

interface Depths {
  readonly input: number;
  readonly output: number;
  readonly pad: number;
}

/** The tiles of an axis in slabs of at most `most`, equal but for the last. */
export function slabs({ input, output, pad }: Depths, most: number): Slab[] {
  const all = Math.ceil(output / TILE);
  const size = Math.ceil(all / Math.ceil(all / most));
  return Array.from({ length: Math.ceil(all / size) }, (_, i): Slab => {
    const first = i * size, end = Math.min(first + size, all);
    return {
      first,
      tiles: end - first,
      input: [Math.max(first * TILE - pad, 0), Math.min((end - 1) * TILE - pad + READS, input)],
      output: [first * TILE, Math.min(end * TILE, output)],
    };
  });
}

/** [tiles · points, input slices]: what products read of each tile. */
export function inputMatrix(dtype: DType, slab: Slab, { pad, points }: { pad: number; points: readonly number[] }) {
  const { first, tiles, input: [from, to] } = slab;
  return matrix(dtype, [tiles * points.length, to - from], (row, d) => {
    const tile = first + Math.floor(row / points.length);
    return B_T[points[row % points.length]][d + from + pad - tile * TILE] ?? 0;
  });
}

/** [output slices, tiles · 6] */
function outputMatrix(dtype: DType, { tiles, output: [from, to] }: Slab): Tensor {
  return matrix(
    dtype,
    [to - from, tiles * READS],
    (d, column) => A_T[d - Math.floor(column / READS) * TILE]?.[column % READS] ?? 0,
  );
}

/** Depth slices of one sample, from `from` on, and what each combination takes of each: [E, slices]. */
export interface Combination {
  readonly sample: number;
  readonly sampleAxis: 0 | 1;
  readonly from: number;
  readonly by: Tensor;
}

/** Combines depth slices of [N, C, D, H, W] or [C, N, D, H, W], each with all of its channels: [E, C · H · W]. */
export function combined(op: Ops, v: Value, { sample, sampleAxis, from, by }: Combination): Value {
  const slices = by.shape[1];
  const read = op.Slice(v, [sample, from], [sample + 1, from + slices], [sampleAxis, 2], [1, 1]);
  const turned = op.Transpose(read, { perm: [sampleAxis, 2, 1 - sampleAxis, 3, 4] });
  return op.MatMul(by, op.Reshape(turned, [slices, sizeOf(read.shape) / slices]));
}

/** Most tiles of a slab: its matrices are full, so that more of them would be more multiplications with zero. */
const MAX_TILES = 2;

const FLOAT_BYTES = 4;

/** The tiles of a slab whose temporaries, `bytes` a tile, stay in the budget. */
const tilesIn = ({ temporaryBytes }: Target, bytes: number) =>
  Math.min(Math.max(Math.floor(temporaryBytes / bytes), 1), MAX_TILES);

/** The kernels of the six products, one group each: [6 · M, C, kh, kw] from [M, C, 3, kh, kw]. */
function productKernels(op: Ops, w: Value): Value {
  const [m, c, taps, kh, kw] = w.shape;
  const products = op.MatMul(
    matrix(w.dtype, [READS, TAPS], (t, k) => G[t][k]),
    op.Reshape(w, [m * c, taps, kh * kw]),
  );
  const spread = op.Div(products, tensor(w.dtype, [READS, 1], DIVISORS));
  const turned = op.Transpose(op.Reshape(spread, [m, c, READS, kh * kw]), { perm: [2, 0, 1, 3] });
  return op.Reshape(turned, [READS * m, c, kh, kw]);
}

/** [6 · M] */
function productBias(op: Ops, bias: Value): Value {
  const [m] = bias.shape, zeros = (groups: number) => tensor(bias.dtype, [groups * m], Array(groups * m).fill(0));
  return op.Concat(zeros(BIASED), bias, zeros(READS - BIASED - 1), { axis: 0 });
}

/** Slab by slab: combined slices as the groups of one 2-D convolution, whose results are combined. */
function byTiles(op: Ops, [x, w, bias]: readonly Value[], { node: { attrs }, y }: Match, target: Target): Value {
  const [n, m, depth, oh, ow] = y.shape, [, c, input, h, width] = x.shape;
  const [pad, top, left, , bottom, right] = attrs.pads as readonly number[];
  const tileBytes = FLOAT_BYTES * READS * (c * h * width + m * oh * ow);
  const kernels = productKernels(op, w), shift = bias === undefined ? null : productBias(op, bias);
  const work = slabs({ input, output: depth, pad }, tilesIn(target, tileBytes));
  const samples = Array.from({ length: n }, (_, sample) => {
    const parts = work.map((slab) => {
      const by = inputMatrix(x.dtype, slab, { pad, points: POINTS });
      const read = combined(op, x, { sample, sampleAxis: 0, from: slab.input[0], by });
      const made = op.Conv(op.Reshape(read, [slab.tiles, READS * c, h, width]), kernels, shift, {
        pads: [top, left, bottom, right],
        group: READS,
      });
      return op.MatMul(outputMatrix(x.dtype, slab), op.Reshape(made, [slab.tiles * READS, m * oh * ow]));
    });
    const slices = parts.length === 1 ? parts[0] : op.Concat(...parts, { axis: 0 });
    return op.Transpose(op.Reshape(slices, [1, depth, m, oh, ow]), { perm: [0, 2, 1, 3, 4] });
  });
  return n === 1 ? samples[0] : op.Concat(...samples, { axis: 0 });
}

/** What tiles are made for. */
interface Layer {
  /** Channels in and out. */
  readonly c: number;
  readonly m: number;
  /** Of the output: sizes, and leading and trailing padding along depth. */
  readonly size: readonly number[];
  readonly pads: readonly number[];
}

/** Below these the combinations cost about what they save. */
const MIN_VOXELS = 12 ** 3;

/** Why a layer is not made by tiles, below a number of channels on either side and of pairs of channels; else null. */
export function whyNoTiles({ c, m, size, pads }: Layer, least: { channels: number; pairs: number }): string | null {
  if (Math.max(...pads) >= TAPS) return "slices of padding alone";
  if (sizeOf(size) < MIN_VOXELS) return "a small volume";
  return Math.min(m, c) < least.channels || m * c < least.pairs ? `few channels: ${c} in, ${m} out` : null;
}

const isUnit = (values: unknown) => (values as readonly number[]).every((v) => v === 1);

export const WINOGRAD_CONV: Pass = {
  name: "winograd-conv",
  op: "Conv",
  check: (match) => {
    const { node: { attrs }, x: [, w], y } = match;
    if (w.shape.length !== 5 || attrs.group !== 1 || w.shape[2] !== TAPS || isWeightGradient(match)) return undefined;
    if (!isUnit(attrs.strides) || !isUnit(attrs.dilations)) return "strided or dilated";
    const [front, , , back] = attrs.pads as readonly number[];
    const layer = { c: w.shape[1], m: w.shape[0], size: y.shape.slice(2), pads: [front, back] };
    return whyNoTiles(layer, { channels: 8, pairs: 64 });
  },
  kinds: byChannels(32, 1, [convSample(dense(32, 32, 24)), convSample(dense(64, 64, 24))]),
  rewrite: byTiles,
};
