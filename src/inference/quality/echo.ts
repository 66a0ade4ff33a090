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
  const most = MOST_DETAIL * sum / count;
  const products = new Float64Array(n),
    own = new Float64Array(n),
    other = new Float64Array(n),
    pairs = new Float64Array(n);
  for (const detail of details) {
    const at = [...detail.keys()].filter((k) => !Number.isNaN(detail[k]));
    for (const k of at) detail[k] = Math.min(most, Math.max(-most, detail[k]));
    for (const [i, k] of at.entries()) {
      for (let j = i + 1; j < at.length; j++) {
        const shift = at[j] - k, p = detail[k], q = detail[at[j]];
        products[shift] += p * q;
        own[shift] += p * p;
        other[shift] += q * q;
        pairs[shift]++;
      }
    }
  }
  let greatest = 0;
  for (let shift = least; shift < n; shift++) {
    if (pairs[shift] < LEAST_PAIRS * pairs[least] || own[shift] * other[shift] === 0) continue;
    greatest = Math.max(greatest, Math.abs(products[shift]) / Math.sqrt(own[shift] * other[shift]));
  }
  return greatest;
}
