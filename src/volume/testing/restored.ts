/** Whole logits on a target grid, as the label map or the channels that a segmentation would write. */
import { type Grid, voxelsOf } from "../grid/grid.ts";
import { restoreAll } from "../sampling/restore.ts";

/** Logits `[C, X, Y, Z]` of a network's grid, and the grid to bring them to. */
export interface Placed {
  readonly logits: Float32Array;
  readonly channels: number;
  readonly grid: Grid;
  readonly target: Grid;
  readonly slices?: 0 | 1 | 2 | null;
  readonly interpolation?: "linear" | "nearest";
}

/** Where a channel's logit is at least 0 its value, later channels over earlier ones. */
export function restoredLabels({ logits, ...options }: Placed, values: readonly number[]): Uint8Array {
  const out = new Uint8Array(voxelsOf(options.target.sizeVox));
  restoreAll(logits, options, (voxel, own) => values.forEach((value, c) => own[c] >= 0 && (out[voxel] = value)));
  return out;
}

/** Every channel's logits, −Infinity where none is visited. */
export function restoredLogits({ logits, ...options }: Placed): Float32Array {
  const voxels = voxelsOf(options.target.sizeVox), out = new Float32Array(options.channels * voxels).fill(-Infinity);
  restoreAll(logits, options, (voxel, own) => own.forEach((logit, c) => out[c * voxels + voxel] = logit));
  return out;
}
