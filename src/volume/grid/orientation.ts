/** The axes of a grid in the order right, anterior, superior (docs/method D.2, nibabel's io_orientation). */
import { perAxis, spacingOf, type Triple } from "./grid.ts";

/** For each of R, A, S: the voxel axis that runs along it, and whether backwards. */
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
