/** Where a mask reaches the border of its field of view: the part beyond is in no voxel. */
import { type Grid, perAxis, type Triple } from "../../volume/mod.ts";

/** Voxels in an outermost layer of the field of view. */
export interface BorderSide {
  /** Of the patient: left, right, posterior, … */
  readonly side: string;
  readonly voxels: number;
}

/** In words: `7 at the superior side, 2 at the left side`. */
export function bySide(border: readonly BorderSide[]): string {
  return border.map((b) => `${b.voxels} at the ${b.side} side`).join(", ");
}

/** Names of the low and high end of each world axis. */
const SIDES = [["left", "right"], ["posterior", "anterior"], ["inferior", "superior"]] as const;

/** Voxels of a mask in the outermost layers of its grid, by side; sides without any are left out. */
export function borderOf(
  isInside: (index: number) => boolean,
  { sizeVox, affineRas }: Grid,
): BorderSide[] {
  const strides: Triple = [sizeVox[1] * sizeVox[2], sizeVox[2], 1];
  const sides = ([0, 1, 2] as const).flatMap((axis) => {
    const column = perAxis((r) => affineRas[4 * r + axis]);
    const along = ([0, 1, 2] as const).reduce((a, r) => Math.abs(column[r]) > Math.abs(column[a]) ? r : a, 0);
    const [low, high] = column[along] < 0 ? [SIDES[along][1], SIDES[along][0]] : SIDES[along];
    const [u, v] = ([0, 1, 2] as const).filter((a) => a !== axis);
    const countAt = (start: number) => {
      let count = 0;
      for (let i = 0; i < sizeVox[u]; i++) {
        for (let j = 0; j < sizeVox[v]; j++) if (isInside(start + i * strides[u] + j * strides[v])) count++;
      }
      return count;
    };
    const last = (sizeVox[axis] - 1) * strides[axis];
    return [{ side: low, voxels: countAt(0) }, { side: high, voxels: countAt(last) }];
  });
  return sides.filter((s) => s.voxels > 0);
}
