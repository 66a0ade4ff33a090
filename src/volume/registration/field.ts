/** A volume as a function of space: values and gradients at points. */
import { type GridImage, invertAffine, stridesOf, type Triple } from "../grid/grid.ts";

export interface Field {
  readonly image: GridImage;
  /** Value beyond the grid: that of the background; null: nothing is known there. */
  readonly outside: number | null;
}

/**
 * Interpolates a volume linearly at points in RAS millimetres. The function writes value and gradient (per mm) into `out`
 * and returns false where nothing is known.
 */
export function sampler({ image: { data, sizeVox, affineRas }, outside }: Field): (
  x: number,
  y: number,
  z: number,
  out: Float64Array,
) => boolean {
  const m = invertAffine(affineRas), [nx, ny, nz] = sizeVox, [sx, sy] = stridesOf(sizeVox as Triple);
  return (x, y, z, out) => {
    const i = m[0] * x + m[1] * y + m[2] * z + m[3];
    const j = m[4] * x + m[5] * y + m[6] * z + m[7];
    const k = m[8] * x + m[9] * y + m[10] * z + m[11];
    if (!(i >= 0 && j >= 0 && k >= 0 && i <= nx - 1 && j <= ny - 1 && k <= nz - 1)) {
      if (outside === null) return false;
      out[0] = outside;
      out[1] = out[2] = out[3] = 0;
      return true;
    }
    const a = Math.min(Math.floor(i), Math.max(nx - 2, 0)), b = Math.min(Math.floor(j), Math.max(ny - 2, 0));
    const c = Math.min(Math.floor(k), Math.max(nz - 2, 0));
    const u = i - a, v = j - b, w = k - c, o = a * sx + b * sy + c;
    const dx = nx > 1 ? sx : 0, dy = ny > 1 ? sy : 0, dz = nz > 1 ? 1 : 0;
    const v000 = data[o], v001 = data[o + dz], v010 = data[o + dy], v011 = data[o + dy + dz];
    const v100 = data[o + dx], v101 = data[o + dx + dz], v110 = data[o + dx + dy], v111 = data[o + dx + dy + dz];
    const z00 = v000 + w * (v001 - v000), z01 = v010 + w * (v011 - v010);
    const z10 = v100 + w * (v101 - v100), z11 = v110 + w * (v111 - v110);
    const y0 = z00 + v * (z01 - z00), y1 = z10 + v * (z11 - z10);
    const gi = y1 - y0, gj = (1 - u) * (z01 - z00) + u * (z11 - z10);
    const gk = (1 - u) * ((1 - v) * (v001 - v000) + v * (v011 - v010)) +
      u * ((1 - v) * (v101 - v100) + v * (v111 - v110));
    out[0] = y0 + u * gi;
    out[1] = m[0] * gi + m[4] * gj + m[8] * gk;
    out[2] = m[1] * gi + m[5] * gj + m[9] * gk;
    out[3] = m[2] * gi + m[6] * gj + m[10] * gk;
    return true;
  };
}
