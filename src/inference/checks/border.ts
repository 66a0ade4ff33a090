/** Where a mask reaches the border of its field of view: the part beyond is in no voxel. */
import { type Grid, perAxis } from "../../volume/mod.ts";

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

/** Counts the voxels of one mask in the outermost layers of its grid. */
export class Border {
  readonly #grid: Grid;
  readonly #counts = new Float64Array(6);

  constructor(grid: Grid) {
    this.#grid = grid;
  }

  /** Counts a voxel of the mask, by its index in C order. */
  add(index: number): void {
    const [nx, ny, nz] = this.#grid.sizeVox, counts = this.#counts;
    const z = index % nz, column = (index - z) / nz, y = column % ny, x = (column - y) / ny;
    if (x === 0) counts[0]++;
    if (x === nx - 1) counts[1]++;
    if (y === 0) counts[2]++;
    if (y === ny - 1) counts[3]++;
    if (z === 0) counts[4]++;
    if (z === nz - 1) counts[5]++;
  }

  /** The sides that the mask reaches. */
  sides(): BorderSide[] {
    return ([0, 1, 2] as const).flatMap((axis) => {
      const direction = perAxis((r) => this.#grid.affineRas[4 * r + axis]);
      const along = ([0, 1, 2] as const).reduce((a, r) => Math.abs(direction[r]) > Math.abs(direction[a]) ? r : a, 0);
      const [low, high] = direction[along] < 0 ? SIDES[along].toReversed() : SIDES[along];
      return [
        { side: low, voxels: this.#counts[2 * axis] },
        { side: high, voxels: this.#counts[2 * axis + 1] },
      ];
    }).filter((s) => s.voxels > 0);
  }
}
