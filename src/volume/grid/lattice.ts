/**
 * The lattice that a network's grids are cut from: along the axes that the network wants, as nearly as an anchor's axes
 * allow, at the network's voxel size. It keeps every voxel where the anchor has the network's voxel size already.
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
import { type AxesWish, type Orientation, orientationTo } from "./orientation.ts";

/** Voxel sizes that differ by less are one, mm. */
const SAME_SPACING_MM = 1e-3;
/** Pulls a tie between two voxels to the same one, whatever rounding does. */
const TIE = 1e-3;

/** Rounds half to even, as Python's `round`. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Size after resampling: `round((n − 1)·s/t + 1)`, half to even. */
export function spacedSize(sizeVox: Triple, spacingMm: Triple, targetMm: Triple): Triple {
  return perAxis((a) => roundHalfEven((sizeVox[a] - 1) * spacingMm[a] / targetMm[a] + 1));
}

/** A lattice, and the part of it that covers its anchor. */
export interface Field {
  /** The affine from lattice points to RAS millimetres. */
  readonly lattice: readonly number[];
  readonly box: Box;
}

/** One axis of an anchor, in the direction that a network sees it: how many voxels of which size, and the wished size. */
interface Axis {
  readonly count: number;
  readonly spacingMm: number;
  readonly targetMm: number;
  /** The voxel nearest to 0 mm, by its number in this direction. */
  readonly nearest: number;
  /** The three axes are at right angles but for a double's rounding. */
  readonly isUpright: boolean;
}

/** The lattice along an axis: where its point 0 lies and the distance to the next, in voxels, and its number of points. */
interface Along {
  readonly start: number;
  readonly step: number;
  /** Null: as many as the voxels reach. */
  readonly points: number | null;
}

/**
 * The part of a volume that stays in place. `world`: the voxel nearest to 0 mm, so that an empty margin moves no point.
 * `origin`: the first voxel's centre, as in MONAI's Spacing, which keeps index n/2 of files whose float32 affine is off right
 * angles. `extent`: the outer faces, as in skimage's resize.
 */
const ALIGNED = {
  world: (axis: Axis): Along => ({ start: axis.nearest, step: stepOf(axis), points: null }),
  origin: (axis: Axis): Along => {
    const { count, spacingMm, targetMm, isUpright } = axis, step = stepOf(axis);
    const points = step === 1 ? count : roundHalfEven((count - 1) * spacingMm / targetMm + 1);
    return { start: isUpright ? 0 : (count - step * points) / 2, step, points };
  },
  extent: ({ count, spacingMm, targetMm }: Axis): Along => {
    const points = Math.max(roundHalfEven(spacingMm / targetMm * count), 1), step = count / points;
    return { start: (step - 1) / 2, step, points };
  },
} satisfies Record<string, (axis: Axis) => Along>;

export type Alignment = keyof typeof ALIGNED;

function stepOf({ spacingMm, targetMm }: Axis): number {
  return Math.abs(spacingMm - targetMm) <= SAME_SPACING_MM ? 1 : targetMm / spacingMm;
}

/** MONAI's tolerance for the place of the first corner, voxels of the target. */
const CORNER = 1e-8;

/**
 * MONAI's test whether the first corner of a volume is the first along each axis of the target, whose axes are those of the
 * volume made upright (a Cholesky factor has the rest): rounding of float32 decides it where axes run across those of the world.
 */
function isUprightFor(targetMm: Triple, { sizeVox, affineRas }: Grid, { from, flip }: Orientation): boolean {
  const column = (a: number) => perAxis((r) => (flip[a] ? -1 : 1) * affineRas[4 * r + from[a]]);
  const columns = [column(0), column(1), column(2)];
  const dot = (a: number, b: number) => columns[a].reduce((sum, v, r) => sum + v * columns[b][r], 0);
  const xx = Math.sqrt(dot(0, 0)), xy = dot(0, 1) / xx, xz = dot(0, 2) / xx;
  const yy = Math.sqrt(dot(1, 1) - xy * xy), yz = (dot(1, 2) - xy * xz) / yy;
  const reach = (sheared: number, a: number) => Math.min(sheared, 0) * (sizeVox[from[a]] - 1);
  return (reach(xy, 1) + reach(xz, 2)) / targetMm[0] >= -CORNER && reach(yz, 2) / targetMm[1] >= -CORNER;
}

export interface LatticeOptions extends AxesWish {
  /** Along the lattice's axes; null: the anchor's. */
  readonly spacingMm: Triple | null;
  /** Default `world`. */
  readonly alignment?: Alignment | undefined;
}

/** The lattice of an anchor. */
export function latticeOf(anchor: Grid, { spacingMm, alignment = "world", ...wish }: LatticeOptions): Field {
  const { sizeVox, affineRas } = anchor;
  const { from, flip } = orientationTo(affineRas, wish);
  const own = spacingOf(affineRas);
  const zero = applyAffine(invertAffine(affineRas), [0, 0, 0]).map((v) => Math.floor(v + 0.5 + TIE));
  const targetMm = spacingMm ?? perAxis((a) => own[from[a]]);
  const isUpright = isUprightFor(targetMm, anchor, { from, flip });
  const along = ([0, 1, 2] as const).map((a) => {
    const voxelAxis = from[a], count = sizeVox[voxelAxis], size = own[voxelAxis];
    const nearest = flip[a] ? count - 1 - zero[voxelAxis] : zero[voxelAxis];
    return ALIGNED[alignment]({ count, spacingMm: size, targetMm: targetMm[a], nearest, isUpright });
  });
  const anchorOfLattice = new Array<number>(16).fill(0);
  anchorOfLattice[15] = 1;
  for (const a of [0, 1, 2] as const) {
    const voxelAxis = from[a], { start, step } = along[a];
    anchorOfLattice[4 * voxelAxis + a] = flip[a] ? -step : step;
    anchorOfLattice[4 * voxelAxis + 3] = flip[a] ? sizeVox[voxelAxis] - 1 - start : start;
  }
  const lattice = multiplyAffines(affineRas, anchorOfLattice);
  const reached = latticeBox(lattice, anchor, { start: [0, 0, 0], end: sizeVox });
  const box = {
    start: perAxis((a) => along[a].points === null ? reached.start[a] : 0),
    end: perAxis((a) => along[a].points ?? reached.end[a]),
  };
  return { lattice, box };
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
