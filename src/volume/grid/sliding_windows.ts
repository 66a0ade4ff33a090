/** Where the windows of sliding-window inference lie and how they are blended (docs/method D.2). Runs no network. */
import { boxSize, padBox } from "./boxes.ts";
import { type Triple, voxelsOf } from "./grid.ts";

/**
 * The first voxels of the windows along an axis. `scan`: MONAI's, in whole steps, the last window moved back to the end.
 * `even`: nnU-Net's, as many steps, but of equal length.
 */
const PLACING_RULES = {
  scan(n, roi, overlap) {
    const interval = roi === n ? roi : Math.max(1, Math.floor(roi * (1 - overlap)));
    const count = Math.ceil((n - roi) / interval) + 1;
    return Array.from({ length: count }, (_, i) => Math.min(i * interval, n - roi));
  },
  even(n, roi, overlap) {
    const steps = Math.ceil((n - roi) / (roi * (1 - overlap)));
    return Array.from({ length: steps + 1 }, (_, i) => steps === 0 ? 0 : halfToEven(((n - roi) / steps) * i));
  },
} satisfies Record<string, (n: number, roi: number, overlap: number) => number[]>;

export type Placing = keyof typeof PLACING_RULES;
export const PLACINGS = Object.keys(PLACING_RULES) as Placing[];

/** Rounds as NumPy does. */
function halfToEven(x: number): number {
  const rounded = Math.round(x);
  return rounded - x === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

export interface WindowPlan {
  /** Share of a window that its neighbour covers, 0 ≤ overlap < 1; one for all axes, or one for each. */
  readonly overlap: number | Triple;
  /** Default `scan`. */
  readonly placing?: Placing | undefined;
}

/**
 * The first voxels of the windows that cover a volume, first axis slowest. A volume smaller than the window is padded on
 * both sides: starts are negative there.
 * @throws {RangeError} when the overlap or the window is out of range
 */
export function slidingWindows(sizeVox: Triple, roi: Triple, { overlap, placing = "scan" }: WindowPlan): Triple[] {
  const overlaps: Triple = typeof overlap === "number" ? [overlap, overlap, overlap] : overlap;
  if (!overlaps.every((share) => share >= 0 && share < 1)) {
    throw new RangeError(`Cannot place windows: expected an overlap from 0 to below 1, got ${overlap}`);
  }
  if (!roi.every((n) => Number.isInteger(n) && n > 0)) {
    throw new RangeError(`Cannot place windows: expected a positive window size, got ${roi.join("×")}`);
  }
  const box = padBox(sizeVox, roi);
  const paddedVox = boxSize(box);
  const [xs, ys, zs] = ([0, 1, 2] as const).map((a) =>
    PLACING_RULES[placing](paddedVox[a], roi[a], overlaps[a]).map((at) => at + box.start[a])
  );
  return xs.flatMap((x) => ys.flatMap((y) => zs.map((z): Triple => [x, y, z])));
}

/** A Gaussian of σ = roi/8: its centre on an axis, and the weights that its values become. */
interface Gaussian {
  readonly centre: (n: number) => number;
  readonly weights: (values: Float64Array) => Float32Array;
}

const least = (values: Float64Array) => values.reduce((a, b) => Math.min(a, b), Infinity);

const GAUSSIANS = {
  constant: null,
  /** MONAI's: never below 1e-3, or below its least value where that is greater. */
  gaussian: {
    centre: (n) => (n - 1) / 2,
    weights(values) {
      const floor = Math.max(least(values), 1e-3);
      return Float32Array.from(values, (w) => Math.max(w, floor));
    },
  },
  /** nnU-Net's: float16 up to 10, the least one in the place of zeros. */
  "gaussian-nnunet": {
    centre: (n) => Math.floor(n / 2),
    weights(values) {
      const halves = values.map((w) => Math.f16round(10 * w)), floor = least(halves.filter((w) => w > 0));
      return Float32Array.from(halves, (w) => Math.max(w, floor));
    },
  },
} satisfies Record<string, Gaussian | null>;

/** The weights of a window's voxels: all alike, MONAI's Gaussian, or nnU-Net's, which has another centre and floor. */
export type Blending = keyof typeof GAUSSIANS;
export const BLENDINGS = Object.keys(GAUSSIANS) as Blending[];

/** The weight of each voxel of a window `[X, Y, Z]`: 1, or a Gaussian with σ = roi/8, nowhere 0. */
export function blendWeights(roi: Triple, blending: Blending): Float32Array {
  const gaussian = GAUSSIANS[blending];
  if (gaussian === null) return new Float32Array(voxelsOf(roi)).fill(1);
  const [gx, gy, gz] = roi.map((n) =>
    Float64Array.from({ length: n }, (_, i) => Math.exp(-((i - gaussian.centre(n)) ** 2) / (2 * (n / 8) ** 2)))
  );
  const values = new Float64Array(voxelsOf(roi));
  let o = 0;
  for (const x of gx) for (const y of gy) for (const z of gz) values[o++] = x * y * z;
  return gaussian.weights(values);
}

/** Greater the nearer a voxel of a window `[X, Y, Z]` lies to its centre, in shares of the window; greater than 0. */
export function nearness(roi: Triple): Float32Array {
  const [dx, dy, dz] = roi.map((n) => Float64Array.from({ length: n }, (_, i) => ((i - (n - 1) / 2) / n) ** 2));
  const out = new Float32Array(voxelsOf(roi));
  let o = 0;
  for (const x of dx) for (const y of dy) for (const z of dz) out[o++] = 1 - x - y - z;
  return out;
}
