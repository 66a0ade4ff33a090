/**
 * Exact Euclidean distance transform in float64: one pass per axis, lower envelopes of parabolas (Felzenszwalb and
 * Huttenlocher, Distance Transforms of Sampled Functions, 2012).
 */
import type { Triple } from "./_mask.ts";

/** Squared distance in mm² from every voxel of `[X, Y, Z]` to the nearest non-zero voxel of `set`; Infinity if none. */
export function squaredDistances(set: Uint8Array, [nx, ny, nz]: Triple, spacingMm: Triple): Float64Array {
  const field = new Float64Array(set.length);
  for (let i = 0; i < set.length; i++) field[i] = set[i] !== 0 ? 0 : Infinity;
  const pass = envelopePass(Math.max(nx, ny, nz));
  for (let row = 0; row < nx * ny; row++) pass(field, row * nz, { count: nz, stride: 1, step: spacingMm[2] });
  for (let x = 0; x < nx; x++) {
    for (let z = 0; z < nz; z++) pass(field, x * ny * nz + z, { count: ny, stride: nz, step: spacingMm[1] });
  }
  for (let yz = 0; yz < ny * nz; yz++) pass(field, yz, { count: nx, stride: ny * nz, step: spacingMm[0] });
  return field;
}

interface Line {
  readonly count: number;
  readonly stride: number;
  /** Voxel size along the line, mm. */
  readonly step: number;
}

/** Returns a function that transforms a line in place: `d(p) = min over q of f(q) + (step·(p − q))²`. */
function envelopePass(longest: number): (field: Float64Array, start: number, line: Line) => void {
  const apex = new Int32Array(longest);
  const height = new Float64Array(longest);
  const from = new Float64Array(longest + 1);
  return (field, start, { count, stride, step }) => {
    const square = step * step;
    let last = -1;
    for (let q = 0; q < count; q++) {
      const f = field[start + q * stride];
      if (f === Infinity) continue;
      let cut = -Infinity;
      while (last >= 0) {
        const p = apex[last];
        cut = ((f - height[last]) / square + q * q - p * p) / (2 * (q - p));
        if (cut > from[last]) break;
        last--;
        cut = -Infinity;
      }
      last++;
      apex[last] = q;
      height[last] = f;
      from[last] = cut;
    }
    if (last < 0) return;
    from[last + 1] = Infinity;
    for (let q = 0, k = 0; q < count; q++) {
      while (from[k + 1] < q) k++;
      field[start + q * stride] = height[k] + square * (q - apex[k]) ** 2;
    }
  };
}
