/** Weighted sums along the axes of volumes: Gaussian smoothing, shifted copies, sampling at other places. */
import { stridesOf, type Triple } from "../../../src/volume/grid/grid.ts";

/** What lies beyond the border: the outer voxel again, or the other end. */
export type Edge = "clamp" | "repeat";

/** One copy of a line that a convolution sums: how far it is shifted, voxels, and its weight. */
export interface Tap {
  readonly shift: number;
  readonly weight: number;
}

/** Elements that are summed at once: lines of this many columns stay in the processor's cache. */
const COLUMNS = 1024;
/** Gaussians are cut off here, deviations. */
const REACH = 2.5;

interface SmoothOptions {
  /** Standard deviation along each axis, voxels; 0: none. */
  readonly sigmaVox: Triple;
  readonly edge?: Edge;
}

/** Smooths by a Gaussian, in place. */
export function smooth(data: Float32Array, sizeVox: Triple, { sigmaVox, edge = "clamp" }: SmoothOptions): void {
  for (const axis of [0, 1, 2] as const) {
    if (sigmaVox[axis] > 0.05) convolve(data, sizeVox, { axis, taps: gaussianTaps(sigmaVox[axis]), edge });
  }
}

/** The taps of a Gaussian, which sum to 1. */
export function gaussianTaps(sigma: number): Tap[] {
  const reach = Math.max(1, Math.floor(REACH * sigma + 0.5));
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight, i) => ({ shift: i - reach, weight: weight / sum }));
}

interface ConvolveOptions {
  readonly axis: 0 | 1 | 2;
  readonly taps: readonly Tap[];
  readonly edge?: Edge;
}

/** Sums shifted copies along an axis, in place. */
export function convolve(data: Float32Array, sizeVox: Triple, { axis, taps, edge = "clamp" }: ConvolveOptions): void {
  const count = sizeVox[axis];
  const place = (i: number) => edge === "repeat" ? ((i % count) + count) % count : Math.min(Math.max(i, 0), count - 1);
  const rows = Array.from({ length: count }, (_, i) => taps.map(({ shift }) => place(i + shift)));
  const weights = taps.map(({ weight }) => weight);
  sumAlong(data, sizeVox, { axis, rows, weights: rows.map(() => weights), into: data });
}

interface SampleOptions {
  readonly axis: 0 | 1 | 2;
  /** Places along the axis, voxels; beyond the border the outer voxel is repeated. */
  readonly places: Float64Array;
  /** Deviation of the Gaussian that each place averages by, voxels; 0: linear interpolation. */
  readonly sigma: number;
}

/** The volume at other places along one axis. */
export function sampledAlong(
  data: Float32Array,
  sizeVox: Triple,
  { axis, places, sigma }: SampleOptions,
): Float32Array {
  const count = sizeVox[axis];
  const into = new Float32Array(data.length / count * places.length);
  const reach = sigma > 0 ? REACH * sigma : 1;
  const rows: number[][] = [], weights: number[][] = [];
  for (const place of places) {
    const first = sigma > 0 ? Math.ceil(place - reach) : Math.floor(place);
    const last = sigma > 0 ? Math.floor(place + reach) : first + 1;
    const own = Array.from({ length: last - first + 1 }, (_, i) => {
      const far = Math.abs(first + i - place);
      return sigma > 0 ? Math.exp(-far * far / (2 * sigma * sigma)) : 1 - far;
    });
    const sum = own.reduce((a, b) => a + b);
    rows.push(own.map((_, i) => Math.min(Math.max(first + i, 0), count - 1)));
    weights.push(own.map((w) => w / sum));
  }
  sumAlong(data, sizeVox, { axis, rows, weights, into });
  return into;
}

interface SumOptions {
  readonly axis: 0 | 1 | 2;
  /** For each place of the result the places that it sums, and their weights. */
  readonly rows: readonly (readonly number[])[];
  readonly weights: readonly (readonly number[])[];
  /** May be the data itself where both have one size. */
  readonly into: Float32Array;
}

/** Each block of lines is copied before its sums are written. */
function sumAlong(data: Float32Array, sizeVox: Triple, options: SumOptions): void {
  const { axis, rows, weights, into } = options;
  const stride = stridesOf(sizeVox)[axis], count = sizeVox[axis], outer = data.length / (count * stride);
  if (stride === 1) return sumLines(data, { ...options, count, outer });
  const block = new Float32Array(count * Math.min(stride, COLUMNS));
  const sums = new Float32Array(Math.min(stride, COLUMNS));
  for (let o = 0; o < outer; o++) {
    for (let column = 0; column < stride; column += COLUMNS) {
      const width = Math.min(COLUMNS, stride - column);
      for (let i = 0; i < count; i++) {
        const from = (o * count + i) * stride + column;
        block.set(data.subarray(from, from + width), i * width);
      }
      for (let i = 0; i < rows.length; i++) {
        const places = rows[i], own = weights[i];
        sums.fill(0);
        for (let t = 0; t < places.length; t++) {
          const from = places[t] * width, weight = own[t];
          for (let k = 0; k < width; k++) sums[k] += weight * block[from + k];
        }
        into.set(sums.subarray(0, width), (o * rows.length + i) * stride + column);
      }
    }
  }
}

type LineOptions = SumOptions & { readonly count: number; readonly outer: number };

/** The last axis, whose lines lie side by side: each voxel is a short scalar product. */
function sumLines(data: Float32Array, { rows, weights, into, count, outer }: LineOptions): void {
  const taps = Math.max(...rows.map((r) => r.length));
  const places = new Int32Array(rows.length * taps), shares = new Float32Array(rows.length * taps);
  for (const [i, row] of rows.entries()) {
    for (const [t, place] of row.entries()) {
      places[i * taps + t] = place;
      shares[i * taps + t] = weights[i][t];
    }
  }
  const line = new Float32Array(count);
  for (let o = 0; o < outer; o++) {
    line.set(data.subarray(o * count, (o + 1) * count));
    const to = o * rows.length;
    for (let i = 0, at = 0; i < rows.length; i++) {
      let sum = 0;
      for (let t = 0; t < taps; t++, at++) sum += shares[at] * line[places[at]];
      into[to + i] = sum;
    }
  }
}
