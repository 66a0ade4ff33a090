/**
 * Resampling to another voxel size (separable, docs/method D.2), to a number of voxels (torch's `interpolate`) and onto
 * another grid (any affine).
 */
import {
  type Grid,
  type GridImage,
  MAX_VOXELS,
  spacingOf,
  stridesOf,
  type Triple,
  VolumeError,
  voxelsOf,
} from "../grid/grid.ts";
import { spacedSize } from "../grid/lattice.ts";
import { sampleOnto } from "./onto_grid.ts";
import { checkLength, linearTable, nearestTable, sample } from "./_sample.ts";

/**
 * The volume at another voxel size; the first voxel keeps its centre, output voxel i′ samples `i′·t/s` clamped to the
 * border. The same object where every voxel size is within 1e-3 mm. Nearest: a tie goes to the lower index.
 *
 * A sheared affine keeps its shear, so that affine and samples agree (MONAI drops it and resamples obliquely).
 * @throws {RangeError} when a target size is not positive
 * @throws {VolumeError} when the result would be absurdly large
 */
export function resampleSpacing(image: GridImage, spacingMm: Triple, interpolation: "linear" | "nearest"): GridImage {
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
  return { data, sizeVox, affineRas };
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

/** The volume on another grid, whatever the angle between the two; see `sampleOnto()`. */
export function resampleToGrid(
  image: GridImage,
  target: Grid,
  { interpolation = "linear" }: { interpolation?: "linear" | "nearest" } = {},
): GridImage {
  const { sizeVox, affineRas } = target;
  return { data: sampleOnto(image, target, { interpolation }), sizeVox, affineRas };
}
