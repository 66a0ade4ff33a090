/** Hausdorff distances between the edges of two masks (docs/method D.1.2, MONAI compute_hausdorff_distance). */
import { squaredDistances } from "./_distance.ts";
import { quantile } from "./_numbers.ts";
import { checkMasks, checkSize, type Mask, type Triple } from "./_mask.ts";

interface HausdorffOptions {
  readonly sizeVox: Triple;
  readonly spacingMm: Triple;
  /**
   * The value where exactly one mask is empty: BraTS practice is 373.13, the diagonal of 240×240×155 mm. Default "nan",
   * with which averages skip the case, so that a lesion missed as a whole costs nothing. NaN where both are empty.
   */
  readonly empty?: "nan" | "inf" | number;
  /** Percentage of the directed distances, 100 is the full Hausdorff distance. */
  readonly percentile: number;
  /** Only from the prediction to the reference. */
  readonly directed?: boolean;
}

/** The larger of the two directed 95th percentiles, mm; see `hausdorff()`. */
export function hd95(prediction: Mask, reference: Mask, options: Omit<HausdorffOptions, "percentile">): number {
  return hausdorff(prediction, reference, { ...options, percentile: 95 });
}

/**
 * Percentile (linear interpolation) of the distances from each edge voxel of one mask to the nearest edge voxel of the
 * other, the larger of both directions, mm. Edge: a mask voxel with one of its six neighbours outside the mask.
 */
export function hausdorff(prediction: Mask, reference: Mask, options: HausdorffOptions): number {
  const { sizeVox, spacingMm, empty = "nan", percentile, directed = false } = options;
  checkMasks("a Hausdorff distance", prediction, reference);
  checkSize("a Hausdorff distance", prediction, sizeVox);
  if (!(percentile >= 0 && percentile <= 100)) {
    throw new RangeError(`Cannot compute a Hausdorff distance: expected a percentile from 0 to 100, got ${percentile}`);
  }
  const none = [prediction, reference].filter((mask) => mask.every((v) => v === 0)).length;
  if (none === 2) return NaN;
  if (none === 1) return empty === "nan" ? NaN : empty === "inf" ? Infinity : empty;
  const box = unionBox([prediction, reference], sizeVox);
  const edges = [prediction, reference].map((mask) => edgeOf(mask, sizeVox, box));
  const measure = (from: number, to: number) => {
    const field = squaredDistances(edges[to], box.size, spacingMm);
    return quantile(field.filter((_, i) => edges[from][i] !== 0).map(Math.sqrt).sort(), percentile / 100);
  };
  return directed ? measure(0, 1) : Math.max(measure(0, 1), measure(1, 0));
}

interface Box {
  readonly start: Triple;
  readonly size: Triple;
}

/** The box of both masks: voxels outside it change neither edges nor distances. */
function unionBox(masks: readonly Mask[], [nx, ny, nz]: Triple): Box {
  const low = [nx, ny, nz];
  const high = [-1, -1, -1];
  for (const mask of masks) {
    for (let x = 0, i = 0; x < nx; x++) {
      for (let y = 0; y < ny; y++) {
        for (let z = 0; z < nz; z++, i++) {
          if (mask[i] === 0) continue;
          if (x < low[0]) low[0] = x;
          if (x > high[0]) high[0] = x;
          if (y < low[1]) low[1] = y;
          if (y > high[1]) high[1] = y;
          if (z < low[2]) low[2] = z;
          if (z > high[2]) high[2] = z;
        }
      }
    }
  }
  return {
    start: [low[0], low[1], low[2]],
    size: [high[0] - low[0] + 1, high[1] - low[1] + 1, high[2] - low[2] + 1],
  };
}

/** The mask's edge inside the box; voxels outside the box count as not in the mask. */
export function edgeOf(mask: Mask, [, ny, nz]: Triple, { start, size: [sx, sy, sz] }: Box): Uint8Array {
  const edge = new Uint8Array(sx * sy * sz);
  const [rowStride, sliceStride] = [nz, ny * nz];
  let o = 0;
  for (let x = 0; x < sx; x++) {
    for (let y = 0; y < sy; y++) {
      let i = ((x + start[0]) * ny + y + start[1]) * nz + start[2];
      const border = x === 0 || x === sx - 1 || y === 0 || y === sy - 1;
      for (let z = 0; z < sz; z++, i++, o++) {
        if (mask[i] === 0) continue;
        const inner = !border && z > 0 && z < sz - 1 && mask[i - 1] !== 0 && mask[i + 1] !== 0 &&
          mask[i - rowStride] !== 0 && mask[i + rowStride] !== 0 && mask[i - sliceStride] !== 0 &&
          mask[i + sliceStride] !== 0;
        edge[o] = inner ? 0 : 1;
      }
    }
  }
  return edge;
}
