/**
 * Convolutions with three taps along depth by Winograd's minimal filtering F(4, 3) along that axis: four output slices
 * from six products instead of twelve. Each product is a convolution of depth slices that were combined before, and the
 * combinations, before and after, are matrix products with small constant matrices (Lavin and Gray, CVPR 2016).
 */
import type { Ops, Value } from "../ir.ts";
import { type DType, sizeOf, type Tensor, tensor } from "../tensor.ts";
import { matrix } from "./matrix.ts";
import type { Match, Pass, Target } from "./pass.ts";
import { byChannels, convSample, cube } from "./samples.ts";
import { isWeightGradient } from "./weight_gradient.ts";

/** Output slices of a tile, taps, and the input slices that a tile reads. */
const TILE = 4, TAPS = 3, READS = TILE + TAPS - 1;

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
const G = [
  [1, 0, 0],
  [1, 1, 1],
  [1, -1, 1],
  [1, 2, 4],
  [1, -2, 4],
  [0, 0, 1],
];
const DIVISORS = [4, -6, -6, 24, 24, 1];
const A_T = [
  [1, 1, 1, 1, 1, 0],
  [0, 1, -1, 2, -2, 0],
  [0, 1, 1, 4, 4, 0],
  [0, 1, -1, 8, -8, 1],
];
/** The product whose result each of a tile's outputs contains once: the bias goes there. */
const BIASED = 1;

const POINTS = Array.from({ length: READS }, (_, t) => t);

/** Some neighbouring tiles: the first of them and their number, and the slices of input and output that they touch. */
interface Slab {
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

/** Most tiles of a slab: its matrices are full, so that more of them would be more multiplications with zero. */
const MAX_TILES = 8;

/** The tiles of an axis in slabs, equal but for the last, whose temporaries of `tileBytes` a tile stay in the budget. */
function slabs({ input, output, pad }: Depths, tileBytes: number, { temporaryBytes }: Target): Slab[] {
  const all = Math.ceil(output / TILE), most = Math.min(Math.max(Math.floor(temporaryBytes / tileBytes), 1), MAX_TILES);
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

/** [tiles, input slices]: what product `t` reads of each tile. */
function inputMatrix(dtype: DType, t: number, { first, tiles, input: [from, to] }: Slab, pad: number): Tensor {
  return matrix(dtype, [tiles, to - from], (tile, d) => B_T[t][d + from + pad - (first + tile) * TILE] ?? 0);
}

/** [output slices, 6 · tiles], all tiles of one product after the other. */
function outputMatrix(dtype: DType, { tiles, output: [from, to] }: Slab): Tensor {
  return matrix(
    dtype,
    [to - from, READS * tiles],
    (d, column) => A_T[d - (column % tiles) * TILE]?.[Math.floor(column / tiles)] ?? 0,
  );
}

/** Combines the depth slices of [A, B, D, H, W] by a matrix [E, D]: [A, B, E, H, W]. */
function alongDepth(op: Ops, combine: Tensor, x: Value): Value {
  const [a, b, d, h, w] = x.shape, e = combine.shape[0];
  return op.Reshape(op.MatMul(combine, op.Reshape(x, [a * b, d, h * w])), [a, b, e, h, w]);
}

function slices(op: Ops, x: Value, [from, to]: readonly [number, number]): Value {
  return from === 0 && to === x.shape[2] ? x : op.Slice(x, [from], [to], [2], [1]);
}

const FLOAT_BYTES = 4;
const flat = (pads: readonly number[]) => [0, pads[1], pads[2], 0, pads[4], pads[5]];

/** The products' kernels: six of [M, C, 1, kh, kw] from [M, C, 3, kh, kw]. */
function productKernels(op: Ops, w: Value): Value[] {
  const products = alongDepth(op, matrix(w.dtype, [READS, TAPS], (t, k) => G[t][k]), w);
  const spread = op.Div(products, tensor(w.dtype, [READS, 1, 1], DIVISORS));
  return POINTS.map((t) => op.Slice(spread, [t], [t + 1], [2], [1]));
}

function byTiles(op: Ops, [x, w, bias]: readonly Value[], { node: { attrs }, y }: Match, target: Target): Value {
  const [n, m, depth, h, width] = y.shape;
  const pads = attrs.pads as readonly number[];
  const depths = { input: x.shape[2], output: depth, pad: pads[0] };
  const bytes = FLOAT_BYTES * n * READS * m * h * width;
  const kernels = productKernels(op, w);
  const parts = slabs(depths, bytes, target).map((slab) => {
    const read = slices(op, x, slab.input);
    const made = kernels.map((kernel, t) => {
      const combined = alongDepth(op, inputMatrix(x.dtype, t, slab, depths.pad), read);
      return op.Conv(combined, kernel, t === BIASED && bias !== undefined ? bias : null, { pads: flat(pads) });
    });
    return alongDepth(op, outputMatrix(x.dtype, slab), op.Concat(...made, { axis: 2 }));
  });
  return parts.length === 1 ? parts[0] : op.Concat(...parts, { axis: 2 });
}

/** Below these the combinations cost about what they save: voxels, channels on either side, and pairs of channels. */
const MIN_VOXELS = 12 ** 3, MIN_CHANNELS = 16, MIN_PAIRS = 512;

const isUnit = (values: unknown) => (values as readonly number[]).every((v) => v === 1);

const dense = (channels: number) =>
  convSample({
    x: cube(channels, 24),
    w: [channels, channels, 3, 3, 3],
    attrs: { pads: Array<number>(6).fill(1) },
  });

export const WINOGRAD_CONV: Pass = {
  name: "winograd-conv",
  op: "Conv",
  check: (match) => {
    const { node: { attrs }, x: [, w], y } = match;
    if (w.shape.length !== 5 || attrs.group !== 1 || w.shape[2] !== TAPS || isWeightGradient(match)) return undefined;
    if (!isUnit(attrs.strides) || !isUnit(attrs.dilations)) return "strided or dilated";
    if (sizeOf(y.shape.slice(2)) < MIN_VOXELS) return "a small volume";
    const [m, c] = w.shape;
    return Math.min(m, c) < MIN_CHANNELS || m * c < MIN_PAIRS ? `few channels: ${c} in, ${m} out` : null;
  },
  kinds: byChannels(32, 1, [dense(32), dense(64)]),
  rewrite: byTiles,
};
