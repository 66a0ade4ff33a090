/**
 * The lattice that a network's grids are cut from: right, anterior, superior as nearly as an anchor's axes allow, at the
 * network's voxel size. It runs through the anchor's own voxels near 0 mm, so that an empty margin moves none of its
 * points, and it keeps every voxel where the anchor has the network's voxel size already.
 */
import { type Box, boxSize } from "./boxes.ts";
import {
  applyAffine,
  type Grid,
  invertAffine,
  multiplyAffines,
  perAxis,
  spacingOf,
  type Triple,
  voxToVox,
} from "./grid.ts";
import { orientationOf } from "./orientation.ts";

/** Voxel sizes that differ by less are one, mm. */
const SAME_SPACING_MM = 1e-3;
/** Pulls a tie between two voxels to the same one, whatever rounding does. */
const TIE = 1e-3;

/** The affine from lattice points to RAS millimetres. */
export function latticeOf(anchor: Grid, spacingMm: Triple): readonly number[] {
  const { from, flip } = orientationOf(anchor.affineRas);
  const spacing = spacingOf(anchor.affineRas);
  const nearest = applyAffine(invertAffine(anchor.affineRas), [0, 0, 0]).map((v) => Math.floor(v + 0.5 + TIE));
  const anchorOfLattice = new Array<number>(16).fill(0);
  anchorOfLattice[15] = 1;
  for (const a of [0, 1, 2] as const) {
    const own = from[a];
    const step = Math.abs(spacing[own] - spacingMm[a]) <= SAME_SPACING_MM ? 1 : spacingMm[a] / spacing[own];
    anchorOfLattice[4 * own + a] = flip[a] ? -step : step;
    anchorOfLattice[4 * own + 3] = nearest[own];
  }
  return multiplyAffines(anchor.affineRas, anchorOfLattice);
}

/** The lattice points around the voxels of a box of `grid`: the nearest ones to its outer centres, and all between. */
export function latticeBox(lattice: readonly number[], grid: Grid, box: Box): Box {
  const map = voxToVox(grid, { sizeVox: [1, 1, 1], affineRas: lattice });
  const ends = [0, 1, 2, 3, 4, 5, 6, 7].map((k) =>
    applyAffine(map, perAxis((a) => (k >> a & 1) === 0 ? box.start[a] : box.end[a] - 1))
  );
  return {
    start: perAxis((a) => Math.round(Math.min(...ends.map((p) => p[a])) - TIE)),
    end: perAxis((a) => Math.round(Math.max(...ends.map((p) => p[a])) + TIE) + 1),
  };
}

/** The grid of a box of lattice points. */
export function latticeGrid(lattice: readonly number[], box: Box): Grid {
  const affineRas = [...lattice], origin = applyAffine(lattice, box.start);
  for (const a of [0, 1, 2]) affineRas[4 * a + 3] = origin[a];
  return { sizeVox: boxSize(box), affineRas };
}
