/**
 * Rotation, scaling and elastic displacement of a crop as one map from its voxels to points of the volume. A crop is then
 * interpolated once, from the volume itself, so that its corners show what lies there.
 */
import type { Random } from "../../../tensor/mod.ts";
import { perAxis, type Triple } from "../../../volume/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";
import { drawElastic, type Field } from "./elastic.ts";
import { IDENTITY, type Matrix, times } from "./matrix.ts";
import { drawRotation } from "./rotation.ts";
import { drawScaling } from "./scaling.ts";

export interface SpatialChange {
  /** From offsets to the crop's middle to such offsets in the volume, voxels. */
  readonly matrix: Matrix;
  readonly field: Field | null;
}

/** Voxels this many times longer than others are thick slices: nnU-Net's bound. */
const THICK = 3;

/** The axis whose voxels are much longer than the shortest; null: there is none. */
export function thickAxis(spacingMm: Triple): number | null {
  const longest = Math.max(...spacingMm);
  return longest > THICK * Math.min(...spacingMm) ? spacingMm.indexOf(longest) : null;
}

/** null: the crop stays as it lies in the volume. */
export function drawSpatial(
  augmentation: Augmentation,
  { size, spacingMm }: { readonly size: Triple; readonly spacingMm: Triple },
  random: Random,
): SpatialChange | null {
  const thick = thickAxis(spacingMm);
  const rotation = drawRotation(augmentation.rotation, thick, random.fork("rotation"));
  const scaling = drawScaling(augmentation.scaling, thick, random.fork("scaling"));
  const field = drawElastic(augmentation.elastic, { size, thick }, random.fork("elastic"));
  if (rotation === null && scaling === null && field === null) return null;
  const millimetres = times(scaling ?? IDENTITY, rotation ?? IDENTITY);
  return { matrix: inVoxels(millimetres, spacingMm), field };
}

const inVoxels = (matrix: Matrix, spacingMm: Triple): Matrix =>
  matrix.map((m, i) => m * spacingMm[i % 3] / spacingMm[Math.floor(i / 3)]);

/** The points of a volume that a crop's voxels show, as corners in a window of it and the way to the next corner. */
export interface Points {
  /** The window of the volume that holds every corner and its neighbours; 0 outside the volume. */
  readonly start: Triple;
  readonly size: Triple;
  /** Flat indices of the lower corners in the window. */
  readonly corner: Int32Array;
  readonly x: Float32Array;
  readonly y: Float32Array;
  readonly z: Float32Array;
}

/** Where a crop that begins at `start` looks in a volume. Points outside are moved to its border of zeros. */
export function pointsOf(
  { matrix, field }: SpatialChange,
  { sizeVox, start, size }: { readonly sizeVox: Triple; readonly start: Triple; readonly size: Triple },
): Points {
  const voxels = size[0] * size[1] * size[2];
  const at = [0, 1, 2].map(() => new Float32Array(voxels));
  const least = [Infinity, Infinity, Infinity], most = [-Infinity, -Infinity, -Infinity];
  for (let a = 0; a < 3; a++) {
    const own = at[a], shift = field?.[a] ?? null, [mx, my, mz] = matrix.slice(3 * a, 3 * a + 3);
    const middle = start[a] + (size[a] - 1) / 2, last = sizeVox[a];
    let low = Infinity, high = -Infinity;
    for (let x = 0, v = 0; x < size[0]; x++) {
      for (let y = 0; y < size[1]; y++) {
        const row = middle + mx * (x - (size[0] - 1) / 2) + my * (y - (size[1] - 1) / 2) - mz * (size[2] - 1) / 2;
        for (let z = 0; z < size[2]; z++, v++) {
          const raw = row + mz * z + (shift === null ? 0 : shift[v]);
          own[v] = raw < -1 ? -1 : raw > last ? last : raw;
          const point = own[v];
          if (point < low) low = point;
          if (point > high) high = point;
        }
      }
    }
    least[a] = Math.floor(low);
    most[a] = Math.floor(high) + 1;
  }
  const window = perAxis((a) => most[a] - least[a] + 1);
  const corner = new Int32Array(voxels), [xs, ys, zs] = at;
  for (let v = 0; v < voxels; v++) {
    const x = Math.floor(xs[v]), y = Math.floor(ys[v]), z = Math.floor(zs[v]);
    corner[v] = ((x - least[0]) * window[1] + y - least[1]) * window[2] + z - least[2];
    xs[v] -= x;
    ys[v] -= y;
    zs[v] -= z;
  }
  return { start: perAxis((a) => least[a]), size: window, corner, x: xs, y: ys, z: zs };
}
