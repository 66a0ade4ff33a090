/**
 * Brings a volume's axes into the order right, anterior, superior. Pure index permutation: no interpolation
 * (docs/method D.2, nibabel's io_orientation).
 */
import { type Grid, type GridImage, multiplyAffines, perAxis, stridesOf } from "../grid/grid.ts";
import { type Orientation, orientationOf, orientationTo } from "../grid/orientation.ts";
import { checkLength, nearestTable, sample } from "./_sample.ts";

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
export function toRas(image: GridImage): GridImage {
  return turned(image, orientationTo(image.affineRas, {}));
}

/** The volume with its axes along those of another grid, as nearly as its own allow; the same object where they are. */
export function toAxesOf(image: GridImage, { affineRas }: Pick<Grid, "affineRas">): GridImage {
  const own = orientationOf(image.affineRas), other = orientationOf(affineRas);
  const along = perAxis((a) => other.from.indexOf(a));
  const isFlipped = (a: number) => own.flip[along[a]] !== other.flip[along[a]];
  const from = perAxis((a) => own.from[along[a]]), flip = [isFlipped(0), isFlipped(1), isFlipped(2)] as const;
  const isThere = from.every((axis, a) => axis === a && !flip[a]);
  return isThere ? image : turned(image, { from, flip });
}

function turned(image: GridImage, orientation: Orientation): GridImage {
  checkLength("reorient a volume", image.data, image.sizeVox);
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
  return { ...grid, data };
}
