/**
 * Resampling to another voxel size (separable, docs/method D.2), to a number of voxels (torch's `interpolate`) and onto
 * another grid (any affine).
 */
import {
  applyAffine,
  type Grid,
  MAX_VOXELS,
  perAxis,
  spacingOf,
  stridesOf,
  type Triple,
  VolumeError,
  voxelsOf,
  voxToVox,
} from "../grid/grid.ts";
import { type GridImage, type Placement, placementOf, respaced } from "../grid/placement.ts";
import { checkLength, linearTable, nearestTable, sample } from "./_sample.ts";

export type Interpolation = "linear" | "nearest";

/** Rounds half to even, as Python's `round`. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Size after resampling: `round((n − 1)·s/t + 1)`, half to even. */
export function spacedSize(sizeVox: Triple, spacingMm: Triple, targetMm: Triple): Triple {
  return perAxis((a) => roundHalfEven((sizeVox[a] - 1) * spacingMm[a] / targetMm[a] + 1));
}

/**
 * The volume at another voxel size; the first voxel keeps its centre, output voxel i′ samples `i′·t/s` clamped to the
 * border. The same object where every voxel size is within 1e-3 mm. Nearest: a tie goes to the lower index.
 *
 * A sheared affine keeps its shear, so that affine and samples agree (MONAI drops it and resamples obliquely).
 * @throws {RangeError} when a target size is not positive
 * @throws {VolumeError} when the result would be absurdly large
 */
export function resampleSpacing(image: GridImage, spacingMm: Triple, interpolation: Interpolation): GridImage {
  checkLength("resample a volume", image.data, image.sizeVox);
  if (!spacingMm.every((t) => t > 0 && t < Infinity)) {
    throw new RangeError(`Cannot resample a volume: expected positive voxel sizes, got [${spacingMm.join(", ")}] mm`);
  }
  const old = spacingOf(image.affineRas);
  if (old.every((s, a) => Math.abs(s - spacingMm[a]) <= 1e-3)) return image;
  const sizeVox = spacedSize(image.sizeVox, old, spacingMm);
  if (voxelsOf(sizeVox) > MAX_VOXELS) {
    throw new VolumeError(
      `Cannot resample a volume: expected at most ${MAX_VOXELS} voxels, got ${sizeVox.join("×")} at [${
        spacingMm.join(", ")
      }] mm`,
    );
  }
  const strides = stridesOf(image.sizeVox);
  const makeTable = interpolation === "linear" ? linearTable : nearestTable;
  const table = (a: 0 | 1 | 2) => {
    const extent = image.sizeVox[a];
    // The last output voxel may lie up to half an output voxel beyond the last input voxel: clamped (border).
    const at = (i: number) => Math.min(i * spacingMm[a] / old[a], extent - 1);
    return makeTable({ count: sizeVox[a], extent, stride: strides[a], at });
  };
  const data = new Float32Array(voxelsOf(sizeVox));
  sample(image.data, [table(0), table(1), table(2)], { into: data, outside: 0 });
  const affineRas = image.affineRas.map((v, i) => i < 12 && i % 4 < 3 ? v / old[i % 4] * spacingMm[i % 4] : v);
  const placement = respaced(placementOf(image), perAxis((a) => old[a] / spacingMm[a]));
  return { data, sizeVox, affineRas, placement };
}

/** Trilinear resize of `[X, Y, Z]`: outer faces meet, coordinates are `(i + ½)·n/m − ½` clamped to the image. */
export function resizeTrilinear(
  data: Float32Array,
  sizeVox: Triple,
  { size }: { size: Triple },
): Float32Array {
  checkLength("resize a volume", data, sizeVox);
  if (!size.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(`Cannot resize a volume: expected a positive size, got ${size.join("×")}`);
  }
  const strides = stridesOf(sizeVox);
  const table = (a: 0 | 1 | 2) => {
    const [n, m] = [sizeVox[a], size[a]];
    const at = (i: number) => Math.min(Math.max((i + 0.5) * n / m - 0.5, 0), n - 1);
    return linearTable({ count: m, extent: n, stride: strides[a], at });
  };
  const out = new Float32Array(voxelsOf(size));
  sample(data, [table(0), table(1), table(2)], { into: out, outside: 0 });
  return out;
}

/**
 * The volume sampled at the voxel centres of another grid, whatever the angle between the two. Centres up to half a
 * voxel beyond the border take the border's value, farther ones 0. The result's source is the target grid.
 */
export function resampleToGrid(
  image: GridImage,
  target: Grid & { readonly placement?: Placement },
  { interpolation = "linear" }: { interpolation?: Interpolation } = {},
): GridImage {
  checkLength("resample a volume", image.data, image.sizeVox);
  const m = voxToVox(target, image);
  const { sizeVox, affineRas, placement } = target;
  const out = new Float32Array(voxelsOf(sizeVox));
  const step: Triple = [m[2], m[6], m[10]];
  const fillRow = interpolation === "linear" ? linearRow : nearestRow;
  for (let i = 0, o = 0; i < sizeVox[0]; i++) {
    for (let j = 0; j < sizeVox[1]; j++, o += sizeVox[2]) {
      fillRow(image, { from: applyAffine(m, [i, j, 0]), step }, out.subarray(o, o + sizeVox[2]));
    }
  }
  return { data: out, sizeVox, affineRas, placement };
}

/** Half a voxel and the rounding noise of two affines. */
const REACH = 0.5 + 1e-4;

/** A straight line through a volume, in its voxel coordinates. */
interface Line {
  readonly from: Triple;
  readonly step: Triple;
}

function nearestRow({ data, sizeVox: [nx, ny, nz] }: GridImage, { from, step }: Line, row: Float32Array): void {
  for (let k = 0; k < row.length; k++) {
    const x = from[0] + k * step[0];
    const y = from[1] + k * step[1];
    const z = from[2] + k * step[2];
    if (x < -REACH || y < -REACH || z < -REACH || x > nx - 1 + REACH || y > ny - 1 + REACH || z > nz - 1 + REACH) {
      continue;
    }
    const cx = Math.min(Math.max(Math.ceil(x - 0.5), 0), nx - 1);
    const cy = Math.min(Math.max(Math.ceil(y - 0.5), 0), ny - 1);
    const cz = Math.min(Math.max(Math.ceil(z - 0.5), 0), nz - 1);
    row[k] = data[(cx * ny + cy) * nz + cz];
  }
}

function linearRow({ data, sizeVox: [nx, ny, nz] }: GridImage, { from, step }: Line, row: Float32Array): void {
  for (let k = 0; k < row.length; k++) {
    const x = from[0] + k * step[0];
    const y = from[1] + k * step[1];
    const z = from[2] + k * step[2];
    if (x < -REACH || y < -REACH || z < -REACH || x > nx - 1 + REACH || y > ny - 1 + REACH || z > nz - 1 + REACH) {
      continue;
    }
    const cx = Math.min(Math.max(x, 0), nx - 1);
    const cy = Math.min(Math.max(y, 0), ny - 1);
    const cz = Math.min(Math.max(z, 0), nz - 1);
    const ix = Math.floor(cx);
    const iy = Math.floor(cy);
    const iz = Math.floor(cz);
    const wx = cx - ix;
    const wy = cy - iy;
    const wz = cz - iz;
    const o = (ix * ny + iy) * nz + iz;
    const dy = iy + 1 < ny ? nz : 0;
    const dz = iz + 1 < nz ? 1 : 0;
    const p = ix + 1 < nx ? o + ny * nz : o;
    const near = (1 - wy) * ((1 - wz) * data[o] + wz * data[o + dz]) +
      wy * ((1 - wz) * data[o + dy] + wz * data[o + dy + dz]);
    const far = (1 - wy) * ((1 - wz) * data[p] + wz * data[p + dz]) +
      wy * ((1 - wz) * data[p + dy] + wz * data[p + dy + dz]);
    row[k] = (1 - wx) * near + wx * far;
  }
}
