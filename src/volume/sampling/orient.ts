/**
 * Brings a volume's axes into the order right, anterior, superior. Pure index permutation: no interpolation
 * (docs/method D.2, nibabel's io_orientation).
 */
import { type Grid, multiplyAffines, perAxis, spacingOf, stridesOf, type Triple } from "../grid/grid.ts";
import { type GridImage, type Placement, placementOf, reoriented } from "../grid/placement.ts";
import { checkLength, nearestTable, sample } from "./_sample.ts";

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

/** The grid after reorientation: sizes permuted, affine such that every voxel keeps its place in space. */
function reorientedGrid({ sizeVox, affineRas }: Grid, { from, flip }: Orientation): Grid {
  const oldFromNew = new Array<number>(16).fill(0);
  oldFromNew[15] = 1;
  for (const a of [0, 1, 2]) {
    oldFromNew[4 * from[a] + a] = flip[a] ? -1 : 1;
    oldFromNew[4 * from[a] + 3] = flip[a] ? sizeVox[from[a]] - 1 : 0;
  }
  return { sizeVox: perAxis((a) => sizeVox[from[a]]), affineRas: multiplyAffines(affineRas, oldFromNew) };
}

/** The volume with its axes along right, anterior, superior as nearly as its grid allows; the data is copied. */
export function toRas(image: GridImage): GridImage & { readonly placement: Placement } {
  checkLength("reorient a volume", image.data, image.sizeVox);
  const orientation = orientationOf(image.affineRas);
  const { from, flip } = orientation;
  const grid = reorientedGrid(image, orientation);
  const strides = stridesOf(image.sizeVox);
  const table = (a: 0 | 1 | 2) => {
    const count = grid.sizeVox[a];
    return nearestTable({
      count,
      extent: count,
      stride: strides[from[a]],
      at: (i) => flip[a] ? count - 1 - i : i,
    });
  };
  const data = new Float32Array(image.data.length);
  sample(image.data, [table(0), table(1), table(2)], { into: data, outside: 0 });
  return { ...grid, data, placement: reoriented(placementOf(image), { from, flip, oldSize: image.sizeVox }) };
}
