/**
 * Ghosts: copies of an image that lie beside it, as a patient's motion makes them. Fine detail of tissue does not repeat at a
 * distance, that of a copy does.
 */
import { type Grid, spacingOf, type Triple } from "../../volume/mod.ts";

/**
 * Copies nearer than this, voxels and mm, are blur and ringing, which sharpness tells. Detail between slices that were
 * interpolated repeats up to twice their thickness.
 */
const LEAST_SHIFT = 6;
const LEAST_SHIFT_MM = 13;
/** Lines along an axis that are looked at, at most. */
const MOST_LINES = 1500;
/** Shifts that fewer pairs of voxels have than this share of the nearest's say nothing. */
const LEAST_PAIRS = 0.05;
/** Detail beyond so many mean sizes counts as much: a vessel or an edge must not decide. */
const MOST_DETAIL = 2;

/** The greatest correlation, either sign, of an image’s detail with that at a distance along an axis; about 0 of a clean one. */
export function echoOf(data: Float32Array, inside: Uint8Array, { sizeVox, affineRas }: Grid): number {
  const spacing = spacingOf(affineRas);
  return Math.max(...([0, 1, 2] as const).map((axis) => {
    const least = Math.max(LEAST_SHIFT, Math.ceil(LEAST_SHIFT_MM / spacing[axis]));
    return echoAlong(data, inside, { sizeVox, axis, least });
  }));
}

function echoAlong(
  data: Float32Array,
  inside: Uint8Array,
  { sizeVox, axis, least }: { readonly sizeVox: Triple; readonly axis: 0 | 1 | 2; readonly least: number },
): number {
  const strides = [sizeVox[1] * sizeVox[2], sizeVox[2], 1], n = sizeVox[axis], step = strides[axis];
  const [a, b] = [0, 1, 2].filter((k) => k !== axis), lines = sizeVox[a] * sizeVox[b];
  const every = Math.max(1, Math.floor(lines / MOST_LINES));
  const details: Float32Array[] = [];
  let sum = 0, count = 0;
  for (let line = 0; line < lines; line += every) {
    const first = Math.floor(line / sizeVox[b]) * strides[a] + (line % sizeVox[b]) * strides[b];
    const detail = new Float32Array(n).fill(NaN);
    for (let k = 2, v = first + 2 * step; k < n - 2; k++, v += step) {
      if (inside[v] === 0 || inside[v - 2 * step] === 0 || inside[v + 2 * step] === 0) continue;
      detail[k] = data[v] - (data[v - step] + data[v + step]) / 2;
      sum += Math.abs(detail[k]);
      count++;
    }
    details.push(detail);
  }
  if (!(sum > 0)) return 0;
  const most = MOST_DETAIL * sum / count, sums = new Sums(n, least);
  for (const detail of details) sums.add(detail.map((v) => Math.min(most, Math.max(-most, v))));
  return sums.greatest();
}

/** Sums over pairs of voxels of one line, by their distance from the least on. */
class Sums {
  readonly #products: Float64Array;
  /** Squares of the nearer and of the farther voxel of each pair. */
  readonly #near: Float64Array;
  readonly #far: Float64Array;
  readonly #pairs: Float64Array;

  constructor(readonly voxels: number, readonly least: number) {
    [this.#products, this.#near, this.#far, this.#pairs] = [0, 1, 2, 3].map(() => new Float64Array(voxels));
  }

  /** Adds the pairs of a line; NaN is no voxel. */
  add(line: Float32Array): void {
    const n = this.voxels, values = new Float64Array(n);
    // of the voxels before each place: how many there are, and the sum of their squares
    const counts = new Float64Array(n + 1), squares = new Float64Array(n + 1);
    for (let k = 0; k < n; k++) {
      const isVoxel = !Number.isNaN(line[k]);
      values[k] = isVoxel ? line[k] : 0;
      counts[k + 1] = counts[k] + Number(isVoxel);
      squares[k + 1] = squares[k] + values[k] ** 2;
    }
    const voxels = counts[n];
    if (voxels === 0) return;
    const first = counts.lastIndexOf(0), end = counts.indexOf(voxels);
    const isWhole = end - first === voxels;
    for (let shift = this.least; shift < end - first; shift++) {
      let product = 0;
      for (let k = first, last = end - shift; k < last; k++) product += values[k] * values[k + shift];
      this.#products[shift] += product;
      if (isWhole) {
        // without a gap both are in the line for as long as they are
        this.#near[shift] += squares[end - shift];
        this.#far[shift] += squares[end] - squares[first + shift];
        this.#pairs[shift] += voxels - shift;
        continue;
      }
      for (let k = first, last = end - shift; k < last; k++) {
        if (Number.isNaN(line[k]) || Number.isNaN(line[k + shift])) continue;
        this.#near[shift] += values[k] ** 2;
        this.#far[shift] += values[k + shift] ** 2;
        this.#pairs[shift]++;
      }
    }
  }

  /** The greatest correlation, either sign. */
  greatest(): number {
    let greatest = 0;
    for (let shift = this.least; shift < this.voxels; shift++) {
      const size = this.#near[shift] * this.#far[shift];
      if (this.#pairs[shift] < LEAST_PAIRS * this.#pairs[this.least] || !(size > 0)) continue;
      greatest = Math.max(greatest, Math.abs(this.#products[shift]) / Math.sqrt(size));
    }
    return greatest;
  }
}
