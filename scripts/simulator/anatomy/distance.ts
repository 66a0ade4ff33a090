/** Distances to the brain's surface, by which skulls are stripped. */
import { stridesOf, type Triple } from "../../../src/volume/grid/grid.ts";
import { closed } from "../../../src/volume/foreground/morphology.ts";
import { classFlags } from "./classes.ts";

/** Distances are capped at these, mm. */
export const OUTSIDE_CAP = 8;
export const INSIDE_CAP = -3;

/** White and grey matter and the ventricles: what a perfect strip keeps. */
const IS_INSIDE = classFlags((c) =>
  c.kind === "white" || c.kind === "grey" || c.kind === "deep" || c.name === "ventricle" || c.name === "choroid plexus"
);

/** Strips keep what lies between parts of the brain this far apart: sulci, fissures and the cisterns in its middle, mm. */
const GAP = 8;

/** Steps of a voxel from the brain's surface, at 1 mm about millimetres: outwards 1, 2, …; inside 0, −1, …. */
export function brainDistances(classes: Uint8Array, sizeVox: Triple): Int8Array {
  const inside = closed(Uint8Array.from(classes, (c) => IS_INSIDE[c]), sizeVox, [GAP / 2, GAP / 2, GAP / 2]);
  const distance = Int8Array.from(inside, (v) => v === 1 ? INSIDE_CAP : OUTSIDE_CAP);
  spread(inside, sizeVox, { from: 1, reach: OUTSIDE_CAP - 1, write: (i, level) => distance[i] = level });
  spread(inside, sizeVox, { from: 0, reach: -INSIDE_CAP, write: (i, level) => distance[i] = 1 - level });
  return distance;
}

interface SpreadOptions {
  /** The value of the voxels that the front starts from. */
  readonly from: 0 | 1;
  readonly reach: number;
  readonly write: (index: number, level: number) => void;
}

/** Visits the voxels of the other value front by front; faces and all neighbours take turns, so fronts stay round. */
function spread(mask: Uint8Array, sizeVox: Triple, { from, reach, write }: SpreadOptions): void {
  const [sx, sy] = stridesOf(sizeVox);
  const faces = [1, -1, sy, -sy, sx, -sx];
  const all = [-sx, 0, sx].flatMap((dx) => [-sy, 0, sy].flatMap((dy) => [-1, 0, 1].map((dz) => dx + dy + dz)));
  const seen = Uint8Array.from(mask, (v) => Number(v === from));
  let front: number[] = [];
  for (let i = sx; i < mask.length - sx; i++) {
    if (mask[i] === from && faces.some((step) => mask[i + step] !== from)) front.push(i);
  }
  for (let level = 1; level <= reach; level++) {
    const next: number[] = [];
    for (const i of front) {
      for (const step of level % 2 === 0 ? all : faces) {
        const j = i + step;
        if (j < 0 || j >= mask.length || seen[j] === 1) continue;
        seen[j] = 1;
        write(j, level);
        next.push(j);
      }
    }
    front = next;
  }
}
