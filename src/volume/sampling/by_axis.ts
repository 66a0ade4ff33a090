/**
 * A volume sampled at the voxel centres of another grid by splines, or with one axis apart from the other two, as
 * scipy.ndimage, skimage and nnU-Net do.
 */
import {
  applyAffine,
  type Grid,
  type GridImage,
  perAxis,
  stridesOf,
  type Triple,
  voxelsOf,
  voxToVox,
} from "../grid/grid.ts";
import { type AxisTable, checkLength, linearTable, nearestTable, sample } from "./_sample.ts";
import { type Along, reachOf, sampleOnto, separable } from "./onto_grid.ts";
import { splineAlong, splineOf } from "./spline.ts";

/** Cubic: the spline of scipy's order 3. */
export type Interpolation = "linear" | "cubic" | "nearest";

/** How each axis of the target is interpolated. */
export interface AxisOptions {
  /** Along this axis of the target another interpolation, after the others: slices stay apart (nnU-Net's separate z). */
  readonly separate?: { readonly axis: 0 | 1 | 2; readonly interpolation: Interpolation } | undefined;
  /** Splines swing beyond the values around them; limit them to the least and greatest value of the volume, or of the slice. */
  readonly limited?: boolean | undefined;
}

/**
 * The image at the centres of `target` as {@link sampleOnto} places it, by splines or with one axis apart. Across an angle no
 * axis is apart.
 */
export function sampleByAxis(
  { data, sizeVox, affineRas }: GridImage,
  target: Grid,
  { interpolation, separate, limited = false }: AxisOptions & { readonly interpolation: Interpolation },
): Float32Array {
  checkLength("resample a volume", data, sizeVox);
  const map = voxToVox(target, { sizeVox, affineRas }), reach = reachOf(map);
  const axes = separable(map, target.sizeVox);
  if (axes === null) {
    if (interpolation !== "cubic") return sampleOnto({ data, sizeVox, affineRas }, target, { interpolation });
    return obliqueCubic({ data, sizeVox, affineRas }, map, { target, limits: limited ? limitsOf(data) : null });
  }
  // The axes that are interpolated first come first; a spline of slices is limited slice by slice.
  const order = ([0, 1, 2] as const).toSorted((a, b) => Number(a === separate?.axis) - Number(b === separate?.axis));
  let values = data, size = sizeVox;
  const isWhole = ({ scale, offset }: Along) => Math.abs(scale) === 1 && Number.isInteger(offset);
  const across = separate === undefined ? null : axes[separate.axis].axis;
  for (const t of order) {
    const { axis, scale, offset } = axes[t], count = target.sizeVox[t];
    const at = (i: number) => scale * i + offset;
    const own = t === separate?.axis ? separate.interpolation : interpolation;
    if (own === "cubic" && !isWhole(axes[t])) values = splineAlong(values, { sizeVox: size, axis, count, at });
    else values = tableAlong(values, size, { axis, count, at, nearest: own === "nearest" || isWhole(axes[t]) });
    size = perAxis((a) => a === axis ? count : size[a]);
    const isLast = t === order.findLast((o) => o !== separate?.axis);
    if (limited && isLast && interpolation === "cubic") limit(values, size, { from: data, sizeVox, across });
  }
  const strides = stridesOf(size), into = new Float32Array(voxelsOf(target.sizeVox));
  const table = (t: 0 | 1 | 2): AxisTable => {
    const { axis, scale, offset } = axes[t], extent = sizeVox[axis];
    const low = Int32Array.from({ length: target.sizeVox[t] }, (_, i) => {
      const place = scale * i + offset;
      return place < -reach[axis] || place > extent - 1 + reach[axis] ? -1 : i * strides[axis];
    });
    return { low, high: low, weight: new Float64Array(low.length) };
  };
  sample(values, [table(0), table(1), table(2)], { into, outside: 0 });
  return into;
}

/** Places that rounding alone keeps below a tie are on it, voxels. */
const TIE = 1e-6;

/** The volume at other places of one axis, within its border; half-way places take the upper voxel, as in scipy. */
function tableAlong(
  data: Float32Array,
  sizeVox: Triple,
  { axis, count, at, nearest }: { axis: number; count: number; at: (i: number) => number; nearest: boolean },
): Float32Array {
  const strides = stridesOf(sizeVox);
  const table = (a: 0 | 1 | 2): AxisTable => {
    const extent = sizeVox[a], own = { extent, stride: strides[a], reach: Infinity };
    if (a !== axis) return nearestTable({ ...own, count: extent, at: (i) => i });
    return linearTable({ ...own, count, at: nearest ? (i) => Math.floor(at(i) + 0.5 + TIE) : at });
  };
  const into = new Float32Array(voxelsOf(perAxis((a) => a === axis ? count : sizeVox[a])));
  sample(data, [table(0), table(1), table(2)], { into, outside: 0 });
  return into;
}

/** Limits values to those of the volume that they were made from, or slice by slice across one of its axes. */
function limit(
  values: Float32Array,
  size: Triple,
  { from, sizeVox, across }: { from: Float32Array; sizeVox: Triple; across: number | null },
): void {
  if (across === null) {
    const [low, high] = limitsOf(from);
    for (let v = 0; v < values.length; v++) values[v] = Math.min(Math.max(values[v], low), high);
    return;
  }
  const count = sizeVox[across],
    lows = new Float64Array(count).fill(Infinity),
    highs = new Float64Array(count).fill(-Infinity);
  const sliceOf = (stride: number) => (v: number) => Math.floor(v / stride) % count;
  const before = sliceOf(stridesOf(sizeVox)[across]), after = sliceOf(stridesOf(size)[across]);
  for (let v = 0; v < from.length; v++) {
    const s = before(v);
    if (from[v] < lows[s]) lows[s] = from[v];
    if (from[v] > highs[s]) highs[s] = from[v];
  }
  for (let v = 0; v < values.length; v++) {
    const s = after(v);
    values[v] = Math.min(Math.max(values[v], lows[s]), highs[s]);
  }
}

function limitsOf(data: Float32Array): readonly [number, number] {
  let low = Infinity, high = -Infinity;
  for (let v = 0; v < data.length; v++) {
    if (data[v] < low) low = data[v];
    if (data[v] > high) high = data[v];
  }
  return [low, high];
}

function obliqueCubic(
  { data, sizeVox }: GridImage,
  map: readonly number[],
  { target, limits }: { target: Grid; limits: readonly [number, number] | null },
): Float32Array {
  const [nx, ny, nz] = target.sizeVox, into = new Float32Array(nx * ny * nz);
  const valueAt = splineOf(data, sizeVox), reach = reachOf(map);
  for (let i = 0, o = 0; i < nx; i++) {
    for (let j = 0; j < ny; j++) {
      for (let k = 0; k < nz; k++, o++) {
        const place = applyAffine(map, [i, j, k]);
        if (place.some((p, a) => p < -reach[a] || p > sizeVox[a] - 1 + reach[a])) continue;
        const value = valueAt(place[0], place[1], place[2]);
        into[o] = limits === null ? value : Math.min(Math.max(value, limits[0]), limits[1]);
      }
    }
  }
  return into;
}
