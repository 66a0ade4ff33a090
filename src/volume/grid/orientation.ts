/** The axes of a grid in a wished order: right, anterior, superior (docs/method D.2, nibabel's io_orientation) or another. */
import { perAxis, spacingOf, type Triple } from "./grid.ts";

/** For each of three directions, R, A, S or others: the voxel axis that runs along it, and whether backwards. */
export interface Orientation {
  readonly from: Triple;
  readonly flip: readonly [boolean, boolean, boolean];
}

/** The rotation nearest to a 3×3 matrix (its polar factor, by Newton's iteration), row-major. */
function polarFactor(m: readonly number[]): number[] {
  let x = [...m];
  for (let step = 0; step < 100; step++) {
    // The inverse transpose of x: its cofactors over its determinant.
    const c = [0, 1, 2, 3, 4, 5, 6, 7, 8].map((i) => {
      const [r, k] = [Math.floor(i / 3), i % 3];
      const at = (dr: number, dk: number) => x[(r + dr) % 3 * 3 + (k + dk) % 3];
      return at(1, 1) * at(2, 2) - at(1, 2) * at(2, 1);
    });
    const det = x[0] * c[0] + x[1] * c[1] + x[2] * c[2];
    const next = x.map((v, i) => (v + c[i] / det) / 2);
    const change = Math.max(...next.map((v, i) => Math.abs(v - x[i])));
    x = next;
    if (change < 1e-15) break;
  }
  return x;
}

/** Which voxel axis runs along R, A and S: greedy over the columns in the order of their largest component. */
export function orientationOf(affine: readonly number[]): Orientation {
  const spacing = spacingOf(affine);
  const direction = polarFactor([0, 1, 2].flatMap((r) => perAxis((c) => affine[4 * r + c] / spacing[c])));
  const strongest = perAxis((c) => Math.max(...[0, 1, 2].map((r) => direction[3 * r + c] ** 2)));
  const from = [-1, -1, -1];
  const flip: [boolean, boolean, boolean] = [false, false, false];
  for (const c of [0, 1, 2].sort((a, b) => strongest[b] - strongest[a])) {
    const free = [0, 1, 2].filter((r) => from[r] < 0);
    const world = free.reduce((best, r) =>
      Math.abs(direction[3 * r + c]) > Math.abs(direction[3 * best + c]) ? r : best
    );
    from[world] = c;
    flip[world] = direction[3 * world + c] < 0;
  }
  return { from: perAxis((a) => from[a]), flip };
}

/** The axes that somebody wants to see a volume along. */
export interface AxesWish {
  /** The directions in which the axes X, Y, Z grow, such as LPS; `file`: those of the grid itself. Default RAS. */
  readonly orientation?: string | undefined;
  /** The order of these axes, such as ZYX; default XYZ. */
  readonly axes?: string | undefined;
}

/** World axis and sense of each letter of a code. */
const SIDES: Readonly<Record<string, readonly [0 | 1 | 2, boolean]>> = {
  R: [0, false],
  L: [0, true],
  A: [1, false],
  P: [1, true],
  S: [2, false],
  I: [2, true],
};

/** For each wished axis in its order: the voxel axis that runs along it, and whether backwards. */
export function orientationTo(affine: readonly number[], { orientation = "RAS", axes = "XYZ" }: AxesWish): Orientation {
  const { from, flip } = orientationOf(affine);
  const order = [...axes].map((axis) => "XYZ".indexOf(axis));
  const alongOf = (axis: number): readonly [number, boolean] => {
    if (orientation === "file") return [axis, false];
    const [world, isBackwards] = SIDES[orientation[axis]];
    return [from[world], flip[world] !== isBackwards];
  };
  const along = order.map(alongOf);
  return { from: perAxis((a) => along[a][0]), flip: [along[0][1], along[1][1], along[2][1]] };
}
