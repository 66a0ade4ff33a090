/**
 * Regions of an image that stand out from the rest of the tissue or from the other side of the head, whatever a network finds
 * there: tumours, haemorrhages, cavities. They are looked for on a coarse grid, where cortex, vessels and sulci are too thin
 * to be any; ventricles stand out, but on both sides.
 */
import { type Grid, partsOf, perAxis, spacingOf, type Triple } from "../../volume/mod.ts";

/** A modality on a coarse grid. */
interface Coarse {
  readonly sizeVox: Triple;
  readonly voxelMl: number;
  /** Deviations from the median of the tissue, robust ones; 0 where there is none. */
  readonly deviation: Float32Array;
  readonly inside: Uint8Array;
  /** The axis from left to right. */
  readonly across: 0 | 1 | 2;
}

/** The edge of a coarse voxel, mm, and the share of it that must be tissue. */
const COARSE_MM = 4;
const LEAST_TISSUE = 0.75;

/** Deviations of a normal distribution by its median absolute deviation, and by its middle three fifths. */
const NORMAL = { median: 1.4826, middle: 0.594 };
const LEAST_OF_WIDE = 0.6;
/** Deviations from which on a voxel stands out from the tissue, and from its mirror image. */
const STANDS_OUT = 2;
const DIFFERS = 1.5;
/** Larger differences of mirror images count as this one: a tumour must not move the plane that they are mirrored at. */
const MOST_DIFFERENCE = 3;

/** Smaller volumes are none, mL: a head that is turned a little has some. Nor is more than a share of the tissue, or than any tumour. */
const NO_REGION_ML = 3;
const MOST_OF_TISSUE = 0.25;
const MOST_ML = 300;

/** log₂ of the volumes, mL, of the largest bright, the largest dark and the largest one-sided region of a channel. */
export function regionFacts(
  data: Float32Array,
  { inside, grid }: { readonly inside: Uint8Array; readonly grid: Grid },
): { readonly bright: number; readonly dark: number; readonly onesided: number } | null {
  const coarse = coarseOf(data, inside, grid);
  if (coarse === null) return null;
  const { deviation } = coarse, difference = differenceOf(coarse);
  const of = (isOut: (v: number) => boolean, values: Float32Array) =>
    largestMl(Uint8Array.from(values, (v) => Number(isOut(v))), coarse);
  const told = (ml: number) => Math.log2(Math.max(NO_REGION_ML, ml));
  return {
    bright: told(of((v) => v > STANDS_OUT, deviation)),
    dark: told(of((v) => v < -STANDS_OUT, deviation)),
    // what is brighter than its mirror image faces what is darker: the same region twice
    onesided: told(of((v) => v > DIFFERS, difference)),
  };
}

/** Means of blocks over their tissue. Null: there is no tissue, or all of it is one grey. */
function coarseOf(data: Float32Array, inside: Uint8Array, { sizeVox, affineRas }: Grid): Coarse | null {
  const spacing = spacingOf(affineRas);
  const edge = perAxis((a) => Math.min(sizeVox[a], Math.max(1, Math.round(COARSE_MM / spacing[a]))));
  const size = perAxis((a) => Math.floor(sizeVox[a] / edge[a]));
  const voxels = size[0] * size[1] * size[2], most = edge[0] * edge[1] * edge[2];
  const sums = new Float64Array(voxels), counts = new Float64Array(voxels);
  const blocks = Int32Array.from({ length: size[2] * edge[2] }, (_, z) => Math.floor(z / edge[2]));
  for (let x = 0; x < size[0] * edge[0]; x++) {
    for (let y = 0; y < size[1] * edge[1]; y++) {
      const from = (x * sizeVox[1] + y) * sizeVox[2];
      const to = (Math.floor(x / edge[0]) * size[1] + Math.floor(y / edge[1])) * size[2];
      for (let z = 0; z < blocks.length; z++) {
        if (inside[from + z] === 0) continue;
        const block = to + blocks[z];
        sums[block] += data[from + z];
        counts[block]++;
      }
    }
  }
  const isTissue = Uint8Array.from(counts, (n) => Number(n >= LEAST_TISSUE * most));
  const means = Float32Array.from(sums, (sum, v) => isTissue[v] === 1 ? sum / counts[v] : 0);
  const values = means.filter((_, v) => isTissue[v] === 1);
  const sorted = values.toSorted(), median = quantile(sorted, 0.5);
  const usual = NORMAL.median * quantile(values.map((v) => Math.abs(v - median)).toSorted(), 0.5);
  // of a head whose halves differ, as air and brain do, neither half stands out; a tumour makes the other one wider, too
  const wide = NORMAL.middle * (quantile(sorted, 0.8) - quantile(sorted, 0.2));
  const scale = Math.max(usual, LEAST_OF_WIDE * wide);
  if (!(scale > 0)) return null;
  return {
    sizeVox: size,
    voxelMl: most * spacing[0] * spacing[1] * spacing[2] / 1000,
    deviation: means.map((v, i) => isTissue[i] === 1 ? (v - median) / scale : 0),
    inside: isTissue,
    across: acrossOf(affineRas),
  };
}

const quantile = (sorted: Float32Array, q: number) => sorted[Math.round(q * (sorted.length - 1))];

function acrossOf(affineRas: readonly number[]): 0 | 1 | 2 {
  const axes = [0, 1, 2] as const;
  return axes.reduce((best, a) => Math.abs(affineRas[a]) > Math.abs(affineRas[best]) ? a : best);
}

/** Deviations less those of the mirror image, at the plane across which both sides are most alike, and less their slope. */
function differenceOf({ sizeVox, deviation, inside, across }: Coarse): Float32Array {
  const step = [sizeVox[1] * sizeVox[2], sizeVox[2], 1][across], n = sizeVox[across];
  const voxels = [...inside.keys()].filter((v) => inside[v] === 1);
  const places = Int32Array.from(inside.keys(), (v) => Math.floor(v / step) % n);
  const twin = (v: number, sum: number) => {
    const at = sum - places[v], other = v + (at - places[v]) * step;
    return at >= 0 && at < n && inside[other] === 1 ? other : null;
  };
  let least = Infinity, best = n - 1;
  for (let sum = Math.floor(n / 2); sum <= Math.ceil(1.5 * n); sum++) {
    let unlike = 0;
    for (const v of voxels) {
      const other = twin(v, sum);
      unlike += other === null ? MOST_DIFFERENCE : Math.min(MOST_DIFFERENCE, Math.abs(deviation[v] - deviation[other]));
    }
    if (unlike < least) [least, best] = [unlike, sum];
  }
  const difference = new Float32Array(deviation.length);
  let product = 0, square = 0;
  for (const v of voxels) {
    const other = twin(v, best), from = 2 * places[v] - best;
    if (other === null) continue;
    difference[v] = deviation[v] - deviation[other];
    product += from * Math.min(DIFFERS, Math.max(-DIFFERS, difference[v]));
    square += from ** 2;
  }
  // a receive field that grows from side to side is no region
  const slope = square > 0 ? product / square : 0;
  for (const v of voxels) if (difference[v] !== 0) difference[v] -= slope * (2 * places[v] - best);
  return difference;
}

/** The volume of the largest part of a mask that is thicker than two coarse voxels. */
function largestMl(standing: Uint8Array, { sizeVox, voxelMl, inside }: Coarse): number {
  const { voxels } = partsOf(opened(standing, sizeVox), sizeVox, { value: 1 });
  const most = Math.min(MOST_OF_TISSUE * inside.reduce((n, v) => n + v, 0), MOST_ML / voxelMl);
  return voxelMl * voxels.reduce((a, b) => b > most ? a : Math.max(a, b), 0);
}

/** The mask less its parts that no voxel with all six neighbours belongs to. */
function opened(mask: Uint8Array, [nx, ny, nz]: Triple): Uint8Array {
  const steps = [ny * nz, nz, 1], out = new Uint8Array(mask.length);
  for (let x = 1; x < nx - 1; x++) {
    for (let y = 1; y < ny - 1; y++) {
      for (let z = 1; z < nz - 1; z++) {
        const v = (x * ny + y) * nz + z;
        if (mask[v] === 0 || steps.some((s) => mask[v - s] === 0 || mask[v + s] === 0)) continue;
        out[v] = 1;
        for (const s of steps) out[v - s] = out[v + s] = 1;
      }
    }
  }
  return out;
}
