/**
 * A volume sampled at the voxel centres of another grid, by the affines of the two: axis by axis where their axes run
 * along each other, point by point across an angle.
 */
import { applyAffine, type Grid, perAxis, stridesOf, type Triple, voxelsOf, voxToVox } from "../grid/grid.ts";
import { type AxisTable, checkLength, likeArray, linearTable, nearestTable, sample, type Voxels } from "./_sample.ts";

/** Coordinates that differ by less, over the whole grid, are one: the rounding of affines in files, voxels. */
export const SAME_VOXEL = 1e-3;

/**
 * The image at the centres of `target`. Centres up to half a voxel of either grid beyond the border take the border's
 * value, farther ones `outside`.
 */
export function sampleOnto<T extends Voxels>(
  { data, sizeVox, affineRas }: Grid & { readonly data: T },
  target: Grid,
  { interpolation, outside = 0 }: { interpolation: "linear" | "nearest"; outside?: number },
): T {
  checkLength("resample a volume", data, sizeVox);
  const map = voxToVox(target, { sizeVox, affineRas });
  const into = likeArray(data, voxelsOf(target.sizeVox));
  const reach = reachOf(map);
  const axes = separable(map, target.sizeVox);
  if (axes !== null) {
    const strides = stridesOf(sizeVox), makeTable = interpolation === "linear" ? linearTable : nearestTable;
    const table = (t: 0 | 1 | 2): AxisTable => {
      const { axis, scale, offset } = axes[t];
      const at = (i: number) => scale * i + offset;
      const own = { extent: sizeVox[axis], stride: strides[axis], reach: reach[axis] };
      return makeTable({ count: target.sizeVox[t], at, ...own });
    };
    sample(data, [table(0), table(1), table(2)], { into, outside });
    return into;
  }
  const [nx, ny, nz] = target.sizeVox, step: Triple = [map[2], map[6], map[10]];
  const row = interpolation === "linear" ? linearRow : nearestRow;
  for (let i = 0, o = 0; i < nx; i++) {
    for (let j = 0; j < ny; j++, o += nz) {
      row({ data, sizeVox, reach, outside }, { from: applyAffine(map, [i, j, 0]), step }, into.subarray(o, o + nz));
    }
  }
  return into;
}

/** Half a voxel of the coarser of two grids along each axis, in voxels of the second; with the rounding of affines. */
export function reachOf(map: readonly number[]): Triple {
  return perAxis((a) => 0.5 * Math.max(1, ...[0, 1, 2].map((k) => Math.abs(map[4 * a + k]))) + 1e-4);
}

export interface Along {
  /** The axis of the other grid that this one runs along. */
  readonly axis: 0 | 1 | 2;
  readonly scale: number;
  readonly offset: number;
}

/** The way along each axis of a grid, where its axes run along those of the other; whole steps are whole numbers. */
export function separable(map: readonly number[], sizeVox: Triple): readonly Along[] | null {
  const along: Along[] = [];
  for (const t of [0, 1, 2]) {
    const reaches = [0, 1, 2].map((a) => Math.abs(map[4 * a + t]) * Math.max(sizeVox[t] - 1, 1));
    const axis = reaches.indexOf(Math.max(...reaches)) as 0 | 1 | 2;
    if (reaches.some((r, a) => a !== axis && r > SAME_VOXEL) || along.some((other) => other.axis === axis)) return null;
    const scale = map[4 * axis + t], whole = Math.round(scale), offset = map[4 * axis + 3];
    const isWhole = Math.abs(scale - whole) * Math.max(sizeVox[t] - 1, 1) <= SAME_VOXEL &&
      Math.abs(offset - Math.round(offset)) <= SAME_VOXEL;
    along.push(isWhole ? { axis, scale: whole, offset: Math.round(offset) } : { axis, scale, offset });
  }
  return along;
}

/** A straight line through a volume, in its voxel coordinates. */
interface Line {
  readonly from: Triple;
  readonly step: Triple;
}

interface Field {
  readonly data: Voxels;
  readonly sizeVox: Triple;
  readonly reach: Triple;
  readonly outside: number;
}

function nearestRow(field: Field, { from, step }: Line, row: Voxels): void {
  const { data, sizeVox: [nx, ny, nz], reach: [rx, ry, rz], outside } = field;
  for (let k = 0; k < row.length; k++) {
    const x = from[0] + k * step[0], y = from[1] + k * step[1], z = from[2] + k * step[2];
    if (x < -rx || y < -ry || z < -rz || x > nx - 1 + rx || y > ny - 1 + ry || z > nz - 1 + rz) {
      row[k] = outside;
      continue;
    }
    const cx = Math.min(Math.max(Math.ceil(x - 0.5), 0), nx - 1);
    const cy = Math.min(Math.max(Math.ceil(y - 0.5), 0), ny - 1);
    const cz = Math.min(Math.max(Math.ceil(z - 0.5), 0), nz - 1);
    row[k] = data[(cx * ny + cy) * nz + cz];
  }
}

function linearRow(field: Field, { from, step }: Line, row: Voxels): void {
  const { data, sizeVox: [nx, ny, nz], reach: [rx, ry, rz], outside } = field;
  for (let k = 0; k < row.length; k++) {
    const x = from[0] + k * step[0], y = from[1] + k * step[1], z = from[2] + k * step[2];
    if (x < -rx || y < -ry || z < -rz || x > nx - 1 + rx || y > ny - 1 + ry || z > nz - 1 + rz) {
      row[k] = outside;
      continue;
    }
    const cx = Math.min(Math.max(x, 0), nx - 1), cy = Math.min(Math.max(y, 0), ny - 1);
    const cz = Math.min(Math.max(z, 0), nz - 1);
    const ix = Math.floor(cx), iy = Math.floor(cy), iz = Math.floor(cz);
    const wx = cx - ix, wy = cy - iy, wz = cz - iz;
    const o = (ix * ny + iy) * nz + iz, p = ix + 1 < nx ? o + ny * nz : o;
    const dy = iy + 1 < ny ? nz : 0, dz = iz + 1 < nz ? 1 : 0;
    const near = (1 - wy) * ((1 - wz) * data[o] + wz * data[o + dz]) +
      wy * ((1 - wz) * data[o + dy] + wz * data[o + dy + dz]);
    const far = (1 - wy) * ((1 - wz) * data[p] + wz * data[p + dz]) +
      wy * ((1 - wz) * data[p + dy] + wz * data[p + dy + dz]);
    row[k] = (1 - wx) * near + wx * far;
  }
}
