/** Resampling to another voxel size (separable, METHODS.md D.2) and onto another grid (any affine). */
import {
  type Grid,
  MAX_VOXELS,
  perAxis,
  spacingOf,
  stridesOf,
  type Triple,
  VolumeError,
  voxelsOf,
  voxToVox,
} from "./grid.ts";
import { type GridImage, type Placement, placementOf, respaced } from "./placement.ts";
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

/**
 * The volume sampled at the voxel centres of another grid, whatever the angle between the two. Centres up to half a
 * voxel beyond the border take the border's value, farther ones `outside`. The result's source is the target grid.
 */
export function resampleToGrid(
  image: GridImage,
  target: Grid & { readonly placement?: Placement },
  { interpolation = "linear", outside = 0 }: { interpolation?: Interpolation; outside?: number } = {},
): GridImage {
  checkLength("resample a volume", image.data, image.sizeVox);
  const m = voxToVox(target, image);
  const { sizeVox, affineRas, placement } = target;
  const out = new Float32Array(voxelsOf(sizeVox));
  const at = interpolation === "linear" ? linearAt : nearestAt;
  let o = 0;
  for (let i = 0; i < sizeVox[0]; i++) {
    for (let j = 0; j < sizeVox[1]; j++) {
      const x = m[0] * i + m[1] * j + m[3];
      const y = m[4] * i + m[5] * j + m[7];
      const z = m[8] * i + m[9] * j + m[11];
      for (let k = 0; k < sizeVox[2]; k++, o++) {
        out[o] = at(image, x + m[2] * k, y + m[6] * k, z + m[10] * k, outside);
      }
    }
  }
  return { data: out, sizeVox, affineRas, placement };
}

/** Half a voxel and the rounding noise of two affines. */
const REACH = 0.5 + 1e-4;

function isOutside([nx, ny, nz]: Triple, x: number, y: number, z: number): boolean {
  return x < -REACH || y < -REACH || z < -REACH || x > nx - 1 + REACH || y > ny - 1 + REACH || z > nz - 1 + REACH;
}

function nearestAt({ data, sizeVox }: GridImage, x: number, y: number, z: number, outside: number): number {
  if (isOutside(sizeVox, x, y, z)) return outside;
  const [nx, ny, nz] = sizeVox;
  const i = Math.min(Math.max(Math.ceil(x - 0.5), 0), nx - 1);
  const j = Math.min(Math.max(Math.ceil(y - 0.5), 0), ny - 1);
  const k = Math.min(Math.max(Math.ceil(z - 0.5), 0), nz - 1);
  return data[(i * ny + j) * nz + k];
}

function linearAt({ data, sizeVox }: GridImage, x: number, y: number, z: number, outside: number): number {
  if (isOutside(sizeVox, x, y, z)) return outside;
  const [nx, ny, nz] = sizeVox;
  const cx = Math.min(Math.max(x, 0), nx - 1);
  const cy = Math.min(Math.max(y, 0), ny - 1);
  const cz = Math.min(Math.max(z, 0), nz - 1);
  const i = Math.floor(cx);
  const j = Math.floor(cy);
  const k = Math.floor(cz);
  const wx = cx - i;
  const wy = cy - j;
  const wz = cz - k;
  const o = (i * ny + j) * nz + k;
  const dx = i + 1 < nx ? ny * nz : 0;
  const dy = j + 1 < ny ? nz : 0;
  const dz = k + 1 < nz ? 1 : 0;
  const near = (1 - wy) * ((1 - wz) * data[o] + wz * data[o + dz]) +
    wy * ((1 - wz) * data[o + dy] + wz * data[o + dy + dz]);
  const p = o + dx;
  const far = (1 - wy) * ((1 - wz) * data[p] + wz * data[p + dz]) +
    wy * ((1 - wz) * data[p + dy] + wz * data[p + dy + dz]);
  return (1 - wx) * near + wx * far;
}
