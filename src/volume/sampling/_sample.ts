/**
 * Separable sampling of C-order arrays: per output axis a table of element offsets and weights, so that flips,
 * permutations, crops, spacings and their inverses are one kernel. Not for oblique grids.
 */
import type { Triple } from "../grid/grid.ts";

export type Voxels = Float32Array | Uint8Array | Uint16Array | Int16Array;

/** For each output index: offsets of the two source neighbours and the weight of the second; offset −1: outside. */
export interface AxisTable {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float64Array;
}

/** How far outside the outer voxel's centre a coordinate may lie before it counts as outside, voxels. */
const HALF_VOXEL = 0.5 + 1e-6;

interface TableOptions {
  /** Number of output indexes. */
  readonly count: number;
  /** Source coordinate of an output index. */
  readonly at: (index: number) => number;
  /** Source extent along the axis, and its stride. */
  readonly extent: number;
  readonly stride: number;
  /** Farther outside the outer voxel's centre is outside, voxels; default half a voxel. */
  readonly reach?: number;
}

/** Linear interpolation; coordinates within `reach` of the border are clamped, beyond it they are outside. */
export function linearTable({ count, at, extent, stride, reach = HALF_VOXEL }: TableOptions): AxisTable {
  const low = new Int32Array(count).fill(-1);
  const high = new Int32Array(count).fill(-1);
  const weight = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const raw = at(i);
    if (raw < -reach || raw > extent - 1 + reach) continue;
    const c = Math.min(Math.max(raw, 0), extent - 1);
    const floor = Math.floor(c);
    low[i] = floor * stride;
    high[i] = Math.min(floor + 1, extent - 1) * stride;
    weight[i] = c - floor;
  }
  return { low, high, weight };
}

/** The nearest voxel, a tie to the lower index; outside as in `linearTable()`. */
export function nearestTable({ count, at, extent, stride, reach = HALF_VOXEL }: TableOptions): AxisTable {
  const low = new Int32Array(count).fill(-1);
  for (let i = 0; i < count; i++) {
    const raw = at(i);
    if (raw < -reach || raw > extent - 1 + reach) continue;
    low[i] = Math.min(Math.max(Math.ceil(raw - 0.5), 0), extent - 1) * stride;
  }
  return { low, high: low, weight: new Float64Array(count) };
}

interface SampleTarget<T extends Voxels> {
  readonly into: T;
  /** First element of `into` that is written. */
  readonly at?: number;
  /** First element of the source array that index 0 means (a channel's start). */
  readonly base?: number;
  /** Range of output x that is written, default all. */
  readonly x?: readonly [number, number];
  /** Value outside the source. */
  readonly outside: number;
}

/** Writes the sampled block `[x range, all y, all z]`; exact copies where every weight is 0. */
export function sample<T extends Voxels>(
  from: T,
  tables: readonly [AxisTable, AxisTable, AxisTable],
  { into, at = 0, base = 0, x = [0, tables[0].low.length], outside }: SampleTarget<T>,
): void {
  const copies = tables.every((t) => t.weight.every((w) => w === 0));
  const row = copies ? copyRow : blendRow;
  const [tx, ty, tz] = tables;
  const ny = ty.low.length;
  const nz = tz.low.length;
  let o = at;
  for (let i = x[0]; i < x[1]; i++) {
    for (let j = 0; j < ny; j++, o += nz) {
      if (tx.low[i] < 0 || ty.low[j] < 0) into.fill(outside, o, o + nz);
      else row(from, { tx, ty, tz, i, j, base }, into, o, outside);
    }
  }
}

interface Row {
  readonly tx: AxisTable;
  readonly ty: AxisTable;
  readonly tz: AxisTable;
  readonly i: number;
  readonly j: number;
  readonly base: number;
}

function copyRow(from: Voxels, { tx, ty, tz, i, j, base }: Row, into: Voxels, o: number, outside: number): void {
  const start = base + tx.low[i] + ty.low[j];
  const low = tz.low;
  for (let k = 0; k < low.length; k++) into[o + k] = low[k] < 0 ? outside : from[start + low[k]];
}

function blendRow(from: Voxels, { tx, ty, tz, i, j, base }: Row, into: Voxels, o: number, outside: number): void {
  const b00 = base + tx.low[i] + ty.low[j];
  const b01 = base + tx.low[i] + ty.high[j];
  const b10 = base + tx.high[i] + ty.low[j];
  const b11 = base + tx.high[i] + ty.high[j];
  const wx = tx.weight[i];
  const wy = ty.weight[j];
  const w00 = (1 - wx) * (1 - wy);
  const w01 = (1 - wx) * wy;
  const w10 = wx * (1 - wy);
  const w11 = wx * wy;
  const { low, high, weight } = tz;
  for (let k = 0; k < low.length; k++) {
    const l = low[k];
    if (l < 0) {
      into[o + k] = outside;
      continue;
    }
    const h = high[k];
    const w = weight[k];
    const a = w00 * from[b00 + l] + w01 * from[b01 + l] + w10 * from[b10 + l] + w11 * from[b11 + l];
    const b = w00 * from[b00 + h] + w01 * from[b01 + h] + w10 * from[b10 + h] + w11 * from[b11 + h];
    into[o + k] = (1 - w) * a + w * b;
  }
}

/** A zero-filled array of the same kind. */
export function likeArray<T extends Voxels>(model: T, length: number): T {
  return new (model.constructor as new (n: number) => T)(length);
}

/** Rejects an array that does not fill its size. */
export function checkLength(what: string, data: ArrayLike<number>, size: Triple, channels = 1): void {
  const expected = size[0] * size[1] * size[2] * channels;
  if (data.length !== expected) {
    const shape = channels === 1 ? size : [channels, ...size];
    throw new RangeError(`Cannot ${what}: expected ${expected} voxels for [${shape.join(", ")}], got ${data.length}`);
  }
}
