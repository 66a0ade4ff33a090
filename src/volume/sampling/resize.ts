/** Resizing to a number of voxels, whatever their size in mm (torch's trilinear `interpolate`). */
import { stridesOf, type Triple, voxelsOf } from "../grid/grid.ts";
import { checkLength, linearTable, sample } from "./_sample.ts";

/**
 * Trilinear resize of `[X, Y, Z]`. With `alignCorners` outer centres meet; without, outer faces do, coordinates are
 * `(i + ½)·n/m − ½` clamped to the image.
 */
export function resizeTrilinear(
  data: Float32Array,
  sizeVox: Triple,
  { size, alignCorners = false }: { size: Triple; alignCorners?: boolean },
): Float32Array {
  checkLength("resize a volume", data, sizeVox);
  if (!size.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(`Cannot resize a volume: expected a positive size, got ${size.join("×")}`);
  }
  const strides = stridesOf(sizeVox);
  const table = (a: 0 | 1 | 2) => {
    const [n, m] = [sizeVox[a], size[a]];
    const step = alignCorners ? (m > 1 ? (n - 1) / (m - 1) : 0) : n / m;
    const at = (i: number) => Math.min(Math.max(alignCorners ? i * step : (i + 0.5) * step - 0.5, 0), n - 1);
    return linearTable({ count: m, extent: n, stride: strides[a], at });
  };
  const out = new Float32Array(voxelsOf(size));
  sample(data, [table(0), table(1), table(2)], { into: out, outside: 0 });
  return out;
}
