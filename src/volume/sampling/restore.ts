/**
 * A network's logits on the pre-processed grid brought back to the file's grid: logits are interpolated, then decided,
 * slab by slab, so that full-size logits of all classes never exist at once. Outside the crop logits are −Infinity.
 */
import { type Grid, stridesOf, voxelsOf } from "../grid/grid.ts";
import { type Placement, placementOf } from "../grid/placement.ts";
import { checkLength, linearTable, sample } from "./_sample.ts";

/** Slab thickness along the source's first axis, voxels. */
const SLAB = 8;

/** Part of the source grid: its first element there, and the logits `[C, count]`, −Infinity outside the crop. */
export interface Slab {
  readonly start: number;
  readonly count: number;
  readonly logits: Float32Array;
}

/** Where logits `[C, X, Y, Z]` lie. */
export interface PlacedLogits {
  readonly logits: Float32Array;
  readonly channels: number;
  /** The grid that the network saw, after orientation, spacing and crop. */
  readonly grid: Grid & { readonly placement?: Placement };
}

/**
 * Visits the source grid in C order, one slab at a time; the slab's buffer is used again for the next. A voxel of the
 * source is in the crop when it lies at most half a network voxel outside the crop's outer centres; there the logits
 * are interpolated trilinearly (copied exactly where only orientation and crop differ).
 */
export function visitSourceSlabs({ logits, channels, grid }: PlacedLogits, visit: (slab: Slab) => void): void {
  checkLength("restore logits", logits, grid.sizeVox, channels);
  const { source, axis, scale, offset } = placementOf(grid);
  const strides = stridesOf(grid.sizeVox);
  const table = (s: number) => {
    const a = axis.indexOf(s);
    return linearTable({
      count: source.sizeVox[s],
      extent: grid.sizeVox[a],
      stride: strides[a],
      at: (i) => scale[a] * i + offset[a],
    });
  };
  const tables = [table(0), table(1), table(2)] as const;
  const [nx, ny, nz] = source.sizeVox;
  const voxels = voxelsOf(grid.sizeVox);
  const buffer = new Float32Array(channels * Math.min(SLAB, nx) * ny * nz);
  for (let x = 0; x < nx; x += SLAB) {
    const end = Math.min(x + SLAB, nx);
    const count = (end - x) * ny * nz;
    for (let c = 0; c < channels; c++) {
      sample(logits, tables, { into: buffer, at: c * count, base: c * voxels, x: [x, end], outside: -Infinity });
    }
    visit({ start: x * ny * nz, count, logits: buffer.subarray(0, channels * count) });
  }
}

/**
 * A label map `[X, Y, Z]` on the source grid: where a channel's logit is at least `cut` its value is written, later
 * channels over earlier ones; elsewhere 0.
 * @throws {RangeError} when values and channels do not match, or a value is not 1…65,535
 */
export function restoreLabels(
  placed: PlacedLogits,
  { values, cut }: { values: readonly number[]; cut: number },
): Uint8Array {
  if (values.length !== placed.channels) {
    throw new RangeError(`Cannot restore labels: expected ${placed.channels} values, got ${values.length}`);
  }
  const bad = values.find((v) => !Number.isInteger(v) || v < 1 || v > 65_535);
  if (bad !== undefined) throw new RangeError(`Cannot restore labels: expected values from 1 to 65535, got ${bad}`);
  const out = new Uint8Array(voxelsOf(placementOf(placed.grid).source.sizeVox));
  visitSourceSlabs(placed, ({ start, count, logits }) => {
    values.forEach((value, c) => {
      const base = c * count;
      for (let i = 0; i < count; i++) if (logits[base + i] >= cut) out[start + i] = value;
    });
  });
  return out;
}

/** Every channel on its own: `valueOf` each logit, `[C, X, Y, Z]` on the source grid. */
export function restoreChannels<T extends Uint8Array | Float32Array>(
  placed: PlacedLogits,
  kind: new (n: number) => T,
  valueOf: (logit: number) => number,
): T {
  const voxels = voxelsOf(placementOf(placed.grid).source.sizeVox);
  const out = new kind(placed.channels * voxels);
  visitSourceSlabs(placed, ({ start, count, logits }) => {
    for (let c = 0; c < placed.channels; c++) {
      const to = c * voxels + start;
      for (let i = 0; i < count; i++) out[to + i] = valueOf(logits[c * count + i]);
    }
  });
  return out;
}
