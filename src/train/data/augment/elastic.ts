/**
 * A smooth field of displacements: cubic B-splines over control points that lie {@link ELASTIC_APART_VOX} voxels apart.
 * The settings bound the control points' displacements, so that the field never folds.
 */
import { type Random, sizeOf } from "../../../tensor/mod.ts";
import { perAxis, type Triple } from "../../../volume/mod.ts";
import { type Augmentation, ELASTIC_APART_VOX } from "../../recipe/augmentation.ts";
import { between, happens } from "./kind.ts";

/** Displacements of a crop's voxels along every axis, voxels; null along one that stays. */
export type Field = readonly (Float32Array | null)[];

export function drawElastic(
  { chance, voxels }: Augmentation["elastic"],
  { size, thick }: { readonly size: Triple; readonly thick: number | null },
  random: Random,
): Field | null {
  if (!happens(chance, random)) return null;
  const most = between(0, voxels, random);
  const points = sizeOf(controlSize(size));
  return [0, 1, 2].map((a) => {
    const control = Float32Array.from({ length: points }, () => between(-most, most, random));
    return a === thick ? null : splined(control, size);
  });
}

/** Control points of a crop: one before it, and enough that every voxel lies among four of them. */
export const controlSize = (size: Triple): Triple => perAxis((a) => Math.floor((size[a] - 1) / ELASTIC_APART_VOX) + 4);

/** The spline through no point but near all, at every voxel of a crop: along z, then y, then x. */
export function splined(control: Float32Array, size: Triple): Float32Array {
  const [mx, my] = controlSize(size);
  const alongZ = spread(control, { outer: mx * my, count: size[2], inner: 1 });
  const alongY = spread(alongZ, { outer: mx, count: size[1], inner: size[2] });
  return spread(alongY, { outer: 1, count: size[0], inner: size[1] * size[2] });
}

/** Splines along the middle axis of [outer, control points, inner]. */
function spread(
  control: Float32Array,
  { outer, count, inner }: { readonly outer: number; readonly count: number; readonly inner: number },
): Float32Array {
  const points = control.length / outer / inner;
  const out = new Float32Array(outer * count * inner);
  for (let i = 0; i < count; i++) {
    const at = i / ELASTIC_APART_VOX, first = Math.floor(at), u = at - first;
    const a = (1 - u) ** 3 / 6, b = (3 * u ** 3 - 6 * u ** 2 + 4) / 6, d = u ** 3 / 6, c = 1 - a - b - d;
    for (let o = 0; o < outer; o++) {
      const from = (o * points + first) * inner, to = (o * count + i) * inner;
      for (let k = 0; k < inner; k++) {
        const p = from + k;
        out[to + k] = a * control[p] + b * control[p + inner] + c * control[p + 2 * inner] + d * control[p + 3 * inner];
      }
    }
  }
  return out;
}
