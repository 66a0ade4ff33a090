/**
 * Minimal filters F(tile, 3) along depth: `tile` outputs of three taps from `tile` + 2 products instead of 3 · `tile`
 * (Toom-Cook in the form of Winograd; Lavin and Gray, CVPR 2016), and how the slices of a volume are shared among them.
 */
import { type DType, sizeOf, type Tensor } from "../../../tensor/mod.ts";
import { matrix } from "./matrix.ts";

/** Taps along depth. */
export const TAPS = 3;

/** y = Aᵀ·((G·g) ⊙ (Bᵀ·d)): outputs y of taps g over inputs d. Every constant as stored here is exact in float32. */
export interface Filter {
  readonly tile: number;
  /** Inputs of a tile, which are as many as its products. */
  readonly reads: number;
  /** Bᵀ [reads][reads] */
  readonly inputs: readonly (readonly number[])[];
  /** G [reads][TAPS], times `divisor`. */
  readonly taps: readonly (readonly number[])[];
  readonly divisor: number;
  /** Aᵀ [tile][reads] */
  readonly outputs: readonly (readonly number[])[];
}

/** Σ aᵢ·xⁱ times (x − root). */
const timesRoot = (a: readonly number[], root: number) =>
  [...a, 0].map((v, i) => (i === 0 ? 0 : a[i - 1]) - (i === a.length ? 0 : root * v));

/** The filter that evaluates polynomials at `points` and at infinity; its taps are multiples of 1/`divisor`. */
function filterAt(points: readonly number[], divisor: number): Filter {
  const reads = points.length + 1, tile = reads - TAPS + 1;
  const others = points.map((_, i) => points.filter((_, j) => j !== i));
  const weight = (i: number) => divisor / others[i].reduce((product, q) => product * (points[i] - q), 1);
  const atInfinity = (i: number) => Number(i === tile - 1);
  return {
    tile,
    reads,
    inputs: [...others.map((roots) => [...roots.reduce(timesRoot, [1]), 0]), points.reduce(timesRoot, [1])],
    taps: [...points.map((p, i) => [0, 1, 2].map((k) => p ** k * weight(i))), [0, 0, divisor]],
    divisor,
    outputs: Array.from({ length: tile }, (_, i) => [...points.map((p) => p ** i), atInfinity(i)]),
  };
}

/** F(6, 3) and F(4, 3): 4 and 4.5 products for three outputs; float32 errors of 1.4e-6 and 1e-6 of their deviation. */
const FILTERS = [filterAt([0, 1, -1, 2, -2, 0.5, -0.5], 45), filterAt([0, 1, -1, 2, -2], 3)] as const;
/** The product (of the point 1) that each of a tile's outputs contains once. */
export const ONCE = 1;

/** Some neighbouring tiles of one filter, and the slices of input and output that they touch. */
export interface Slab {
  readonly filter: Filter;
  readonly tiles: number;
  readonly input: readonly [number, number];
  readonly output: readonly [number, number];
}

interface Depths {
  readonly input: number;
  readonly output: number;
  readonly pad: number;
}

/** How many tiles of each filter cover `output` slices with the fewest products. */
function tilesFor(output: number): [number, number] {
  const [{ tile: large, reads: largeReads }, { tile: small, reads: smallReads }] = FILTERS;
  const ways = Array.from({ length: Math.ceil(output / large) + 1 }, (_, n): [number, number] => [
    n,
    Math.max(Math.ceil((output - n * large) / small), 0),
  ]);
  const products = ([n, m]: [number, number]) => n * largeReads + m * smallReads;
  return ways.reduce((best, way) => products(way) <= products(best) ? way : best);
}

/**
 * Divides the slices of an axis into slabs of at most `most` products each (at least one tile). All slabs of a filter
 * but the last are equal. A slab's matrices are dense, so a slab of more tiles multiplies more zeros.
 */
export function slabs({ input, output, pad }: Depths, most: number): Slab[] {
  const found: Slab[] = [];
  let from = 0;
  for (const [i, all] of tilesFor(output).entries()) {
    const filter = FILTERS[i], atMost = Math.max(Math.floor(most / filter.reads), 1);
    const size = Math.ceil(all / Math.ceil(all / atMost));
    for (let done = 0; done < all; done += size) {
      const tiles = Math.min(size, all - done), to = Math.min(from + tiles * filter.tile, output);
      const end = from + (tiles - 1) * filter.tile - pad + filter.reads;
      found.push({ filter, tiles, input: [Math.max(from - pad, 0), Math.min(end, input)], output: [from, to] });
      from = to;
    }
  }
  return found;
}

/** [tiles · points, input slices]: the combinations of slices that the products read. */
export function inputMatrix(
  dtype: DType,
  { filter, tiles, input, output }: Slab,
  { pad, points }: { pad: number; points: readonly number[] },
): Tensor {
  return matrix(dtype, [tiles * points.length, input[1] - input[0]], (row, d) => {
    const tile = Math.floor(row / points.length);
    return filter.inputs[points[row % points.length]][d + input[0] + pad - output[0] - tile * filter.tile] ?? 0;
  });
}

/** [output slices, tiles · points]: the combinations of products that make the outputs. */
export function outputMatrix(dtype: DType, { filter, tiles, output: [from, to] }: Slab, points: readonly number[]) {
  return matrix(dtype, [to - from, tiles * points.length], (d, column) => {
    const tile = Math.floor(column / points.length);
    return filter.outputs[d - tile * filter.tile]?.[points[column % points.length]] ?? 0;
  });
}

/** Every product of a filter. */
export const pointsOf = ({ reads }: Filter): number[] => Array.from({ length: reads }, (_, t) => t);

/** A convolution that may be computed by tiles. */
interface Layer {
  /** Channels in and out. */
  readonly c: number;
  readonly m: number;
  /** Of the output: sizes, and leading and trailing padding along depth. */
  readonly size: readonly number[];
  readonly pads: readonly number[];
}

/** In smaller volumes the combinations cost about as much as they save. */
const MIN_VOXELS = 12 ** 3;

/** The reason why tiles do not suit a layer, or null. `least`: channels on either side, and pairs of channels. */
export function whyNoTiles({ c, m, size, pads }: Layer, least: { channels: number; pairs: number }): string | null {
  if (Math.max(...pads) >= TAPS) return "slices of padding alone";
  if (sizeOf(size) < MIN_VOXELS) return "a small volume";
  return Math.min(m, c) < least.channels || m * c < least.pairs ? `few channels: ${c} in, ${m} out` : null;
}
