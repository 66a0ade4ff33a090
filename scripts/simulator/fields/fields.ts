/**
 * Smooth fields over space. A `ControlField` is a random cubic B-spline in millimetres; a `CoarseField` holds any smooth
 * function at every few voxels of a region, and gives rows of voxels by linear interpolation. Coarse nodes lie at
 * multiples of the step in the whole grid, so a crop sees what the whole head would.
 */
import type { Random } from "../../../src/tensor/mod.ts";
import type { Triple } from "../../../src/volume/mod.ts";

export interface ControlField {
  readonly spacingMm: number;
  /** Nodes along each axis; the middle node is at 0 mm. */
  readonly count: number;
  readonly values: Float32Array;
}

interface ControlOptions {
  /** Distance of the spline's nodes. */
  readonly spacingMm: number;
  /** Deviation of the field's values. */
  readonly deviation: number;
  /** Half the side of the cube that the nodes fill, mm; beyond it the field stays as at the border. */
  readonly reachMm?: number;
}

/** A cubic B-spline of unit white noise has this deviation, averaged over places, in three dimensions. */
const SPLINE_DEVIATION = 0.33;

export function drawControlField(
  random: Random,
  { spacingMm, deviation, reachMm = 140 }: ControlOptions,
): ControlField {
  const half = Math.ceil(reachMm / spacingMm) + 2;
  const count = 2 * half + 1;
  const values = Float32Array.from({ length: count ** 3 }, () => deviation / SPLINE_DEVIATION * random.normal());
  return { spacingMm, count, values };
}

/** The field's value at a place, mm. */
export function controlAt({ spacingMm, count, values }: ControlField, x: number, y: number, z: number): number {
  const half = (count - 1) / 2;
  const clamp = (mm: number) => Math.min(Math.max(mm / spacingMm + half, 1), count - 2.001);
  const [u, v, w] = [clamp(x), clamp(y), clamp(z)];
  const [i, j, k] = [Math.floor(u), Math.floor(v), Math.floor(w)];
  weigh(u - i, WEIGHTS[0]);
  weigh(v - j, WEIGHTS[1]);
  weigh(w - k, WEIGHTS[2]);
  const [wx, wy, wz] = WEIGHTS;
  let sum = 0;
  for (let a = 0; a < 4; a++) {
    for (let b = 0; b < 4; b++) {
      const at = ((i + a - 1) * count + j + b - 1) * count + k - 1;
      sum += wx[a] * wy[b] *
        (wz[0] * values[at] + wz[1] * values[at + 1] + wz[2] * values[at + 2] + wz[3] * values[at + 3]);
    }
  }
  return sum;
}

const WEIGHTS = [new Float64Array(4), new Float64Array(4), new Float64Array(4)] as const;

/** The four weights of a cubic B-spline between two nodes. */
function weigh(t: number, into: Float64Array): void {
  const s = 1 - t;
  into[0] = s * s * s / 6;
  into[1] = (4 - 6 * t * t + 3 * t * t * t) / 6;
  into[2] = (4 - 6 * s * s + 3 * s * s * s) / 6;
  into[3] = t * t * t / 6;
}

/** A part of a whole grid; it may reach beyond it. */
export interface Region {
  readonly fromVox: Triple;
  readonly sizeVox: Triple;
}

export interface CoarseField {
  readonly step: number;
  /** Voxel of the first node. */
  readonly fromVox: Triple;
  readonly count: Triple;
  readonly values: Float32Array;
}

/** Where the nodes of coarse fields lie for a region. */
export function coarseNodes({ fromVox, sizeVox }: Region, step: number): Omit<CoarseField, "values"> {
  const first = fromVox.map((v) => Math.floor(v / step));
  const count = sizeVox.map((n, a) => Math.floor((fromVox[a] + n - 1) / step) + 2 - first[a]);
  return {
    step,
    fromVox: [first[0] * step, first[1] * step, first[2] * step],
    count: [count[0], count[1], count[2]],
  };
}

/** A smooth function of voxel indexes at the nodes of a region. */
export function coarseField(
  nodes: Omit<CoarseField, "values">,
  at: (x: number, y: number, z: number) => number,
): CoarseField {
  const { step, fromVox, count } = nodes;
  const values = new Float32Array(count[0] * count[1] * count[2]);
  for (let i = 0, o = 0; i < count[0]; i++) {
    for (let j = 0; j < count[1]; j++) {
      for (let k = 0; k < count[2]; k++, o++) {
        values[o] = at(fromVox[0] + i * step, fromVox[1] + j * step, fromVox[2] + k * step);
      }
    }
  }
  return { ...nodes, values };
}

/** Fills `into` with the field's values at voxels (x, y, fromZ), (x, y, fromZ + 1), …. */
export function coarseRow(
  { step, fromVox, count, values }: CoarseField,
  [x, y, fromZ]: Triple,
  into: Float32Array,
): void {
  const u = (x - fromVox[0]) / step, v = (y - fromVox[1]) / step;
  const i = Math.floor(u), j = Math.floor(v), nz = count[2];
  const a = u - i, b = v - j;
  const r00 = (i * count[1] + j) * nz, r01 = r00 + nz, r10 = r00 + count[1] * nz, r11 = r10 + nz;
  const w00 = (1 - a) * (1 - b), w01 = (1 - a) * b, w10 = a * (1 - b), w11 = a * b;
  const valueAt = (k: number) =>
    w00 * values[r00 + k] + w01 * values[r01 + k] + w10 * values[r10 + k] + w11 * values[r11 + k];
  let node = -1, low = 0, high = 0;
  for (let k = 0; k < into.length; k++) {
    const w = (fromZ + k - fromVox[2]) / step;
    const at = Math.floor(w);
    if (at !== node) {
      node = at;
      low = valueAt(at);
      high = valueAt(at + 1);
    }
    into[k] = low + (w - at) * (high - low);
  }
}
