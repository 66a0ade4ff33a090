/**
 * A network's logits on the pre-processed grid brought back to the file's grid: logits are interpolated, then decided,
 * slab by slab, so full-size logits of all classes never exist at once. Outside the crop there is background.
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

/** The logit at which sigmoid reaches `threshold`. */
export function logitOf(threshold: number): number {
  return Math.log(threshold / (1 - threshold));
}

/**
 * A label map `[X, Y, Z]` on the source grid: where sigmoid(logit) ≥ threshold the channel's value is written, later
 * channels over earlier ones; elsewhere 0.
 * @throws {RangeError} when values and channels do not match, or a value is not 1…255
 */
export function restoreLabels(
  placed: PlacedLogits,
  { values, threshold = 0.5 }: { values: readonly number[]; threshold?: number },
): Uint8Array {
  if (values.length !== placed.channels) {
    throw new RangeError(`Cannot restore labels: expected ${placed.channels} values, got ${values.length}`);
  }
  const bad = values.find((v) => !Number.isInteger(v) || v < 1 || v > 255);
  if (bad !== undefined) throw new RangeError(`Cannot restore labels: expected values from 1 to 255, got ${bad}`);
  const cut = checkedCut(threshold);
  const out = new Uint8Array(voxelsOf(placementOf(placed.grid).source.sizeVox));
  visitSourceSlabs(placed, ({ start, count, logits }) => {
    values.forEach((value, c) => {
      const base = c * count;
      for (let i = 0; i < count; i++) if (logits[base + i] >= cut) out[start + i] = value;
    });
  });
  return out;
}

/** One mask of 0 and 1 per channel `[C, X, Y, Z]` on the source grid: sigmoid(logit) ≥ threshold. */
export function restoreRegions(placed: PlacedLogits, { threshold = 0.5 }: { threshold?: number } = {}): Uint8Array {
  const cut = checkedCut(threshold);
  return fillChannels(placed, Uint8Array, (logit) => logit >= cut ? 1 : 0);
}

/** Sigmoid probabilities `[C, X, Y, Z]` on the source grid, 0 outside the crop. */
export function restoreProbabilities(placed: PlacedLogits): Float32Array {
  return fillChannels(placed, Float32Array, (logit) => 1 / (1 + Math.exp(-logit)));
}

function fillChannels<T extends Uint8Array | Float32Array>(
  placed: PlacedLogits,
  kind: new (n: number) => T,
  decide: (logit: number) => number,
): T {
  const voxels = voxelsOf(placementOf(placed.grid).source.sizeVox);
  const out = new kind(placed.channels * voxels);
  visitSourceSlabs(placed, ({ start, count, logits }) => {
    for (let c = 0; c < placed.channels; c++) {
      const to = c * voxels + start;
      for (let i = 0; i < count; i++) out[to + i] = decide(logits[c * count + i]);
    }
  });
  return out;
}

function checkedCut(threshold: number): number {
  if (!(threshold > 0 && threshold < 1)) {
    throw new RangeError(`Cannot restore a mask: expected a threshold between 0 and 1, got ${threshold}`);
  }
  return logitOf(threshold);
}
