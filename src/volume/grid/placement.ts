/**
 * How a pre-processed grid lies in the grid of the file it comes from: per axis, which source axis it follows, and
 * `index here = scale · source index + offset`. Orientation, spacing and crop each return a new placement, so the way
 * there and the way back share one truth. General affines are not placements: see `resampleToGrid()`.
 */
import { type Grid, perAxis, type Triple } from "./grid.ts";

export interface Placement {
  readonly source: Grid;
  /** The source axis that each axis here follows. */
  readonly axis: Triple;
  readonly scale: Triple;
  readonly offset: Triple;
}

/** Intensities `[X, Y, Z]` on a grid. */
export interface GridImage extends Grid {
  readonly data: Float32Array;
  /** How this grid lies in the grid of the file it comes from; absent where it is that grid. */
  readonly placement?: Placement;
}

/** The placement of a grid that is its own source. */
export function ownPlacement(grid: Grid): Placement {
  const { sizeVox, affineRas } = grid;
  return { source: { sizeVox, affineRas }, axis: [0, 1, 2], scale: [1, 1, 1], offset: [0, 0, 0] };
}

/** A grid's placement, or its own where it has none. */
export function placementOf(image: Grid & { readonly placement?: Placement }): Placement {
  return image.placement ?? ownPlacement(image);
}

/** New axis `a` runs along the old axis `from[a]`, backwards where `flip[a]`; `oldSize` is the size before. */
export function reoriented(
  p: Placement,
  { from, flip, oldSize }: { from: Triple; flip: readonly boolean[]; oldSize: Triple },
): Placement {
  return {
    source: p.source,
    axis: perAxis((a) => p.axis[from[a]]),
    scale: perAxis((a) => flip[a] ? -p.scale[from[a]] : p.scale[from[a]]),
    offset: perAxis((a) => flip[a] ? oldSize[from[a]] - 1 - p.offset[from[a]] : p.offset[from[a]]),
  };
}

/** Every index is multiplied by `ratio` (old spacing / new spacing): the first voxel keeps its centre. */
export function respaced(p: Placement, ratio: Triple): Placement {
  return { ...p, scale: perAxis((a) => p.scale[a] * ratio[a]), offset: perAxis((a) => p.offset[a] * ratio[a]) };
}

/** The voxel that was `start` becomes the first; negative starts are padding. */
export function shifted(p: Placement, start: Triple): Placement {
  return { ...p, offset: perAxis((a) => p.offset[a] - start[a]) };
}
