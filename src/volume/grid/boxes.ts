/** Boxes of voxels by their bounds alone. Cutting volumes with them is `sampling/crop.ts`. */
import { perAxis, type Triple } from "./grid.ts";

/** From `start` up to but not including `end`, voxels. */
export interface Box {
  readonly start: Triple;
  readonly end: Triple;
}

/** Size of a box. */
export function boxSize({ start, end }: Box): Triple {
  return perAxis((a) => end[a] - start[a]);
}

/** The box with `margin` voxels more on every side. */
export function grown({ start, end }: Box, margin: number): Box {
  return { start: perAxis((a) => start[a] - margin), end: perAxis((a) => end[a] + margin) };
}

/** The smallest box that holds two. */
export function union(a: Box, b: Box): Box {
  return {
    start: perAxis((i) => Math.min(a.start[i], b.start[i])),
    end: perAxis((i) => Math.max(a.end[i], b.end[i])),
  };
}

/** The box that pads a size symmetrically to at least `target`: `⌊diff/2⌋` in front, the rest behind; never crops. */
export function padBox(sizeVox: Triple, target: Triple): Box {
  const low = perAxis((a) => Math.floor(Math.max(target[a] - sizeVox[a], 0) / 2));
  return { start: perAxis((a) => 0 - low[a]), end: perAxis((a) => Math.max(target[a], sizeVox[a]) - low[a]) };
}

/** The box at the centre (CenterSpatialCrop): start `max(⌊n/2⌋ − ⌊roi/2⌋, 0)`, length `min(roi, n)`. */
export function centreBox(sizeVox: Triple, roi: Triple): Box {
  const start = perAxis((a) => Math.max(Math.floor(sizeVox[a] / 2) - Math.floor(roi[a] / 2), 0));
  return { start, end: perAxis((a) => start[a] + Math.min(roi[a], sizeVox[a])) };
}
