/**
 * Where an anatomy lies in standard space (MNI152): an affine by least squares from the centres of deep structures and
 * the brain's extents. Exact to about half a centimetre, which is enough to place lesions that tissue then bounds.
 */
import { applyAffine, type GridImage, multiplyAffines, type Triple } from "../../../src/volume/grid/grid.ts";

/** Centres in MNI152, mm, by FreeSurfer's number; the right side is the mirror image of the left. */
const CENTRES: Readonly<Record<number, Triple>> = {
  10: [-11, -18, 7],
  11: [-13, 10, 10],
  12: [-25, 3, 0],
  13: [-19, -4, 0],
  17: [-26, -22, -14],
  18: [-23, -4, -19],
  26: [-10, 12, -7],
  8: [-24, -64, -36],
  49: [11, -18, 7],
  50: [13, 10, 10],
  51: [25, 3, 0],
  52: [19, -4, 0],
  53: [26, -22, -14],
  54: [23, -4, -19],
  58: [10, 12, -7],
  47: [24, -64, -36],
};
/** The cerebrum's extents in MNI152, mm: axis, side, place. */
const EXTENTS = [[0, -1, -70], [0, 1, 70], [1, -1, -105], [1, 1, 71], [2, 1, 79]] as const;
const IS_CEREBRUM = new Set([2, 41, 3, 42]);
/** An extent counts as much as this many centres: deep structures alone say little about the brain's size. */
const EXTENT_WEIGHT = 4;

/** Voxel → MNI152 mm. Where fewer than four structures are there, only extents count: a scaling of each axis. */
export function standardAffine({ data, sizeVox, affineRas }: GridImage): number[] {
  const { centres, low, high } = landmarks({ data, sizeVox, affineRas });
  const toMm = [0, 1, 2].map((row) => {
    const equations: Equation[] = [];
    for (const [number, at] of centres) {
      equations.push({ terms: [...applyAffine(affineRas, at), 1], value: CENTRES[number][row], weight: 1 });
    }
    const middle = [0, 1, 2].map((a) => (low[a] + high[a]) / 2);
    for (const [axis, side, value] of EXTENTS) {
      if (axis !== row) continue;
      const at = [...middle];
      at[axis] = side < 0 ? low[axis] : high[axis];
      const terms = centres.size < 4 ? at.map((v, a) => a === axis ? v : 0) : at;
      equations.push({ terms: [...terms, 1], value, weight: EXTENT_WEIGHT });
    }
    // Holds the axes straight where the landmarks do not say.
    for (const a of [0, 1, 2]) {
      const terms = [0, 0, 0, 0];
      terms[a] = 10;
      equations.push({ terms, value: a === row ? 10 : 0, weight: 1 });
    }
    return leastSquares(equations);
  });
  return multiplyAffines([...toMm.flat(), 0, 0, 0, 1], affineRas);
}

interface Landmarks {
  /** Mean voxel by number. */
  readonly centres: ReadonlyMap<number, Triple>;
  /** The cerebrum's first and last place along each axis, mm. */
  readonly low: readonly number[];
  readonly high: readonly number[];
}

function landmarks({ data, sizeVox: [nx, ny, nz], affineRas }: GridImage): Landmarks {
  const sums = new Map<number, number[]>(Object.keys(CENTRES).map((n) => [Number(n), [0, 0, 0, 0]]));
  const counts = [new Float64Array(nx), new Float64Array(ny), new Float64Array(nz)];
  let cerebrum = 0;
  for (let x = 0, i = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, i++) {
        const number = data[i];
        if (number === 0 || number > 99) continue;
        if (IS_CEREBRUM.has(number)) {
          cerebrum++;
          counts[0][x]++;
          counts[1][y]++;
          counts[2][z]++;
        }
        const sum = sums.get(number);
        if (sum === undefined) continue;
        sum[0] += x;
        sum[1] += y;
        sum[2] += z;
        sum[3]++;
      }
    }
  }
  const centres = new Map<number, Triple>();
  for (const [number, [x, y, z, n]] of sums) if (n > 0) centres.set(number, [x / n, y / n, z / n]);
  // A few stray voxels are no extent.
  const stray = cerebrum / 5000;
  const first = counts.map((slices) => slices.findIndex((n) => n > 0 && n >= Math.min(stray, 20)));
  const last = counts.map((slices) => slices.findLastIndex((n) => n > 0 && n >= Math.min(stray, 20)));
  const mm = (at: number[]) => [...applyAffine(affineRas, [at[0], at[1], at[2]])];
  return { centres, low: mm(first), high: mm(last) };
}

interface Equation {
  readonly terms: readonly number[];
  readonly value: number;
  readonly weight: number;
}

/** The four unknowns that fit best, by the normal equations and Gauss' elimination. */
function leastSquares(equations: readonly Equation[]): number[] {
  const n = 4;
  const rows = Array.from({ length: n }, () => new Array<number>(n + 1).fill(0));
  for (const { terms, value, weight } of equations) {
    for (let r = 0; r < n; r++) {
      for (let c = 0; c < n; c++) rows[r][c] += weight * terms[r] * terms[c];
      rows[r][n] += weight * terms[r] * value;
    }
  }
  for (let p = 0; p < n; p++) {
    const best = rows.slice(p).reduce((at, row, k) => Math.abs(row[p]) > Math.abs(rows[at][p]) ? p + k : at, p);
    [rows[p], rows[best]] = [rows[best], rows[p]];
    for (let r = 0; r < n; r++) {
      if (r === p) continue;
      const factor = rows[r][p] / rows[p][p];
      for (let c = p; c <= n; c++) rows[r][c] -= factor * rows[p][c];
    }
  }
  return rows.map((row, r) => row[n] / row[r]);
}
