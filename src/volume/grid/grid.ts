/**
 * Where voxels lie: sizes, affines and comparisons of grids. Holds no intensities.
 *
 * An index is (x, y, z) in voxels, the centre of the first voxel is (0, 0, 0). Arrays are in C order, z fastest:
 * element `(x·ny + y)·nz + z`. Affines are row-major 4×4, voxel index → mm, axes right, anterior, superior (RAS).
 */

export type Triple = readonly [number, number, number];

/** A regular lattice of voxels in space. */
export interface Grid {
  readonly sizeVox: Triple;
  /** 16 numbers, row-major. */
  readonly affineRas: readonly number[];
}

/** A file's content, or a volume asked for, that cannot be used. The message holds no file name and no header text. */
export class VolumeError extends Error {
  override readonly name = "VolumeError";
}

/** More voxels than any brain scan has: a guard against wrong units and hostile headers (1 GiB of float32). */
export const MAX_VOXELS = 2 ** 28;

/** Number of voxels of a size. */
export function voxelsOf(size: Triple): number {
  return size[0] * size[1] * size[2];
}

/** Distance between the elements of neighbouring voxels, per axis. */
export function stridesOf(size: Triple): Triple {
  return [size[1] * size[2], size[2], 1];
}

/** Three values made from the axis number. */
export function perAxis(make: (axis: 0 | 1 | 2) => number): Triple {
  return [make(0), make(1), make(2)];
}

/** Affine of an axis-aligned grid whose first voxel's centre lies at `originMm`. */
export function spacingAffine(spacingMm: Triple, originMm: Triple = [0, 0, 0]): number[] {
  const [x, y, z] = spacingMm;
  return [x, 0, 0, originMm[0], 0, y, 0, originMm[1], 0, 0, z, originMm[2], 0, 0, 0, 1];
}

/** Intensities `[X, Y, Z]` on a grid. */
export interface GridImage extends Grid {
  readonly data: Float32Array;
}

/** Voxel size in mm: lengths of the affine's columns. */
export function spacingOf(affine: readonly number[]): Triple {
  return perAxis((a) => Math.hypot(affine[a], affine[4 + a], affine[8 + a]));
}

/** Matrix product of two affines: `b` first, then `a`. */
export function multiplyAffines(a: readonly number[], b: readonly number[]): number[] {
  const out = new Array<number>(16).fill(0);
  for (let r = 0; r < 4; r++) {
    for (let c = 0; c < 4; c++) {
      for (let k = 0; k < 4; k++) out[4 * r + c] += a[4 * r + k] * b[4 * k + c];
    }
  }
  return out;
}

/** An affine applied to a point. */
export function applyAffine(m: readonly number[], [x, y, z]: Triple): Triple {
  return perAxis((r) => m[4 * r] * x + m[4 * r + 1] * y + m[4 * r + 2] * z + m[4 * r + 3]);
}

function determinant(m: readonly number[]): number {
  return m[0] * (m[5] * m[10] - m[6] * m[9]) - m[1] * (m[4] * m[10] - m[6] * m[8]) +
    m[2] * (m[4] * m[9] - m[5] * m[8]);
}

/** Volume of a voxel in millilitres, of a sheared grid too. */
export function voxelMl(affine: readonly number[]): number {
  return Math.abs(determinant(affine)) / 1000;
}

/** Determinant of the 3×3 part divided by the column lengths: ±1 for right angles, 0 for a flat grid. */
export function skewness(m: readonly number[]): number {
  const [x, y, z] = spacingOf(m);
  return determinant(m) / (x * y * z);
}

/**
 * Inverse of an affine.
 * @throws {RangeError} when it has none
 */
export function invertAffine(m: readonly number[]): number[] {
  // NaN must fail too, hence the negation.
  if (!(Math.abs(skewness(m)) > 1e-6)) {
    throw new RangeError("Cannot invert an affine: expected three independent axes, got a flat or undefined grid");
  }
  const cofactors = [
    [m[5] * m[10] - m[6] * m[9], m[2] * m[9] - m[1] * m[10], m[1] * m[6] - m[2] * m[5]],
    [m[6] * m[8] - m[4] * m[10], m[0] * m[10] - m[2] * m[8], m[2] * m[4] - m[0] * m[6]],
    [m[4] * m[9] - m[5] * m[8], m[1] * m[8] - m[0] * m[9], m[0] * m[5] - m[1] * m[4]],
  ];
  const det = m[0] * cofactors[0][0] + m[1] * cofactors[1][0] + m[2] * cofactors[2][0];
  const rows = cofactors.map((row) => {
    const [a, b, c] = row.map((v) => v / det);
    return [a, b, c, -(a * m[3] + b * m[7] + c * m[11])];
  });
  return [...rows.flat(), 0, 0, 0, 1];
}

/** The affine that leads from voxel indexes of `from` to voxel indexes of `to`. */
export function voxToVox(from: Grid, to: Grid): number[] {
  return multiplyAffines(invertAffine(to.affineRas), from.affineRas);
}

function corners(size: Triple): Triple[] {
  return [0, 1, 2, 3, 4, 5, 6, 7].map((k) => perAxis((a) => (k >> a & 1) * (size[a] - 1)));
}

/** Corner voxels of one and the same grid lie at most so far apart, mm: rounding of affines in files. */
const SAME_MM = 1e-2;

/** Compares the sizes of two grids and where their corner voxels lie. */
export function sameGrid(a: Grid, b: Grid): boolean {
  return a.sizeVox.every((n, i) => n === b.sizeVox[i]) && cornerDistanceMm(a, b) <= SAME_MM;
}

/** The largest distance between the corner voxels of one index, mm, of grids of one size. */
export function cornerDistanceMm(a: Grid, b: Grid): number {
  return Math.max(
    ...corners(a.sizeVox).map((corner) => {
      const p = applyAffine(a.affineRas, corner);
      const q = applyAffine(b.affineRas, corner);
      return Math.hypot(p[0] - q[0], p[1] - q[1], p[2] - q[2]);
    }),
  );
}

/** Below this share of common space two volumes do not show the same head. */
export const LEAST_OVERLAP = 0.05;

/** Share of `a`'s volume that lies inside `b`, from the centres of 32³ equal cells of `a`. */
export function gridOverlap(a: Grid, b: Grid): number {
  const cells = 32;
  const map = voxToVox(a, b);
  const at = (i: number, n: number) => (i + 0.5) * n / cells - 0.5;
  let inside = 0;
  for (let i = 0; i < cells; i++) {
    for (let j = 0; j < cells; j++) {
      for (let k = 0; k < cells; k++) {
        const p = applyAffine(map, [at(i, a.sizeVox[0]), at(j, a.sizeVox[1]), at(k, a.sizeVox[2])]);
        if (p.every((v, axis) => v >= -0.5 && v <= b.sizeVox[axis] - 0.5)) inside++;
      }
    }
  }
  return inside / cells ** 3;
}
