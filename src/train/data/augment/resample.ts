/** Interpolates arrays of a volume at the points that a crop shows: images, and masks of labels. */
import { cutWindow, type Triple } from "../../../volume/mod.ts";
import type { Points } from "./spatial.ts";

/** Linear interpolation; 0 outside the volume. */
export function resampled(data: Float32Array | Uint8Array, sizeVox: Triple, points: Points): Float32Array {
  return interpolated(cutWindow(data, sizeVox, points), points);
}

function interpolated(window: Float32Array | Uint8Array, { size: [, ny, nz], corner, x, y, z }: Points): Float32Array {
  const out = new Float32Array(corner.length), dx = ny * nz;
  for (let v = 0; v < out.length; v++) {
    const i = corner[v], j = i + nz, k = i + dx, l = k + nz, fz = z[v], fy = y[v];
    const a = window[i] + fz * (window[i + 1] - window[i]), b = window[j] + fz * (window[j + 1] - window[j]);
    const c = window[k] + fz * (window[k + 1] - window[k]), d = window[l] + fz * (window[l + 1] - window[l]);
    const near = a + fy * (b - a), far = c + fy * (d - c);
    out[v] = near + x[v] * (far - near);
  }
  return out;
}

/**
 * Masks of 0 and 1: a voxel belongs to a region whose interpolated mask exceeds 0.5. Nearest neighbours would move
 * outlines by up to half a voxel, in steps. Where several regions meet, none may reach 0.5 though together they do: the
 * voxel then belongs to the one that covers most of it, so that no gap opens between them.
 */
export function resampledMasks(
  regions: readonly Uint8Array[],
  sizeVox: Triple,
  points: Points,
): Uint8Array[] {
  const windows = regions.map((region) => cutWindow(region, sizeVox, points));
  const masks = regions.map(() => new Uint8Array(points.corner.length));
  const present = windows.flatMap((window, r) => window.includes(1) ? [{ window, mask: masks[r] }] : []);
  const found = present.map(({ window, mask }) => {
    const shares = interpolated(window, points);
    for (let v = 0; v < mask.length; v++) if (shares[v] > 0.5) mask[v] = 1;
    return { shares, mask };
  });
  if (found.length > 1) closeGaps(found, interpolated(unionOf(present.map(({ window }) => window)), points));
  return masks;
}

function closeGaps(
  found: readonly { readonly shares: Float32Array; readonly mask: Uint8Array }[],
  union: Float32Array,
): void {
  for (let v = 0; v < union.length; v++) {
    if (union[v] <= 0.5 || found.some(({ mask }) => mask[v] === 1)) continue;
    found.reduce((best, other) => other.shares[v] > best.shares[v] ? other : best).mask[v] = 1;
  }
}

function unionOf(masks: readonly Uint8Array[]): Uint8Array {
  const out = masks[0].slice();
  for (const mask of masks.slice(1)) for (let v = 0; v < out.length; v++) out[v] |= mask[v];
  return out;
}
