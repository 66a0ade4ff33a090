/** Where the windows of sliding-window inference lie and how they are blended (docs/method D.2). Runs no network. */
import { boxSize, padBox } from "./boxes.ts";
import { type Triple, voxelsOf } from "./grid.ts";

function axisStarts(n: number, roi: number, overlap: number): number[] {
  const interval = roi === n ? roi : Math.max(1, Math.floor(roi * (1 - overlap)));
  const count = Math.ceil((n - roi) / interval) + 1;
  return Array.from({ length: count }, (_, i) => Math.min(i * interval, n - roi));
}

/**
 * The first voxels of the windows that cover a volume, first axis slowest. A volume smaller than the window is padded on
 * both sides: starts are negative there.
 * @param overlap share of a window that its neighbour covers, 0 ≤ overlap < 1
 * @throws {RangeError} when the overlap or the window is out of range
 */
export function slidingWindows(sizeVox: Triple, roi: Triple, overlap: number): Triple[] {
  if (!(overlap >= 0 && overlap < 1)) {
    throw new RangeError(`Cannot place windows: expected an overlap from 0 to below 1, got ${overlap}`);
  }
  if (!roi.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(`Cannot place windows: expected a positive window size, got ${roi.join("×")}`);
  }
  const box = padBox(sizeVox, roi);
  const paddedVox = boxSize(box);
  const [xs, ys, zs] = ([0, 1, 2] as const).map((a) =>
    axisStarts(paddedVox[a], roi[a], overlap).map((at) => at + box.start[a])
  );
  return xs.flatMap((x) => ys.flatMap((y) => zs.map((z): Triple => [x, y, z])));
}

/** The weight of each voxel of a window `[X, Y, Z]`: 1, or a Gaussian with σ = roi/8 that never falls below 1e-3. */
export function blendWeights(roi: Triple, blending: "constant" | "gaussian"): Float32Array {
  const out = new Float32Array(voxelsOf(roi)).fill(1);
  if (blending === "constant") return out;
  const [gx, gy, gz] = roi.map((n) =>
    Float64Array.from({ length: n }, (_, i) => Math.exp(-((i - (n - 1) / 2) ** 2) / (2 * (n / 8) ** 2)))
  );
  let o = 0;
  for (const x of gx) for (const y of gy) for (const z of gz) out[o++] = x * y * z;
  const floor = Math.max(out.reduce((a, b) => Math.min(a, b)), 1e-3);
  return out.map((w) => Math.max(w, floor));
}
