/**
 * A network's logits brought from its grid to the grid of a file: logits are interpolated, then decided, while the network's
 * planes become final one after the other, so that full-size logits of all classes never exist at once.
 */
import { applyAffine, type Grid, type Triple, voxelsOf, voxToVox } from "../grid/grid.ts";
import { SAME_VOXEL } from "./onto_grid.ts";

/** Final logits `[C, depth, Y, Z]`; the first `count` planes are valid, and the first of them is plane `from` of the grid. */
export interface LogitPlanes {
  readonly logits: Float32Array;
  readonly from: number;
  readonly count: number;
  readonly depth: number;
  /** No plane follows that adjoins these. */
  readonly isEnd: boolean;
}

export interface RestoreOptions {
  readonly channels: number;
  /** The network's grid. */
  readonly grid: Grid;
  /** 1 where the network's voxels may be labelled `[X, Y, Z]`; default everywhere. */
  readonly inside?: Uint8Array | undefined;
  /** The grid to bring the logits to. */
  readonly target: Grid;
}

/** Receives a voxel of the target, C order, and its logits of all channels; the array is used again for the next one. */
export type VisitLogits = (voxel: number, logits: Float32Array) => void;

/** Centres up to half a network voxel outside the outer ones take the border's logits. */
const REACH = 0.5 + 1e-4;

/**
 * Takes planes in ascending order, each batch beginning with the last plane of the one before, and visits every voxel of
 * the target that lies among them, each once: its logits are interpolated trilinearly (copied where centres meet). Voxels
 * that are not visited lie outside the network's grid or `inside`.
 */
export function restoring({ channels, grid, inside, target }: RestoreOptions, visit: VisitLogits) {
  const map = voxToVox(target, grid);
  const [tx, ty, tz] = target.sizeVox, [nx, ny, nz] = grid.sizeVox;
  const step: Triple = [map[2], map[6], map[10]];
  const values = new Float32Array(channels), plane = ny * nz;
  const corners = new Int32Array(8), weights = new Float64Array(8);

  return ({ logits, from, count, depth, isEnd }: LogitPlanes): void => {
    const first = from, last = from + count - 1;
    const [near, far] = [first === 0 ? -REACH : first - SAME_VOXEL, isEnd ? last + REACH : last + SAME_VOXEL];
    for (let i = 0, row = 0; i < tx; i++) {
      for (let j = 0; j < ty; j++, row += tz) {
        const [x0, y0, z0] = applyAffine(map, [i, j, 0]);
        let [low, high] = within([0, tz - 1], { at: x0, step: step[0], from: near, to: far });
        [low, high] = within([low, high], { at: y0, step: step[1], from: -REACH, to: ny - 1 + REACH });
        [low, high] = within([low, high], { at: z0, step: step[2], from: -REACH, to: nz - 1 + REACH });
        for (let k = low; k <= high; k++) {
          const x = settled(x0 + k * step[0], nx), ix = Math.floor(x);
          // The last plane belongs to the next batch, which begins with it; beyond an end there are no logits.
          if (ix < first || ix > last || (ix === last && (!isEnd || x > last))) continue;
          const y = settled(y0 + k * step[1], ny), z = settled(z0 + k * step[2], nz);
          if (inside !== undefined && inside[(Math.round(x) * ny + Math.round(y)) * nz + Math.round(z)] === 0) continue;
          const iy = Math.floor(y), iz = Math.floor(z), wx = x - ix, wy = y - iy, wz = z - iz;
          const at = (ix - from) * plane + iy * nz + iz;
          if (wx === 0 && wy === 0 && wz === 0) {
            for (let c = 0; c < channels; c++) values[c] = logits[c * depth * plane + at];
          } else {
            const dx = wx > 0 ? plane : 0, dy = wy > 0 ? nz : 0, dz = wz > 0 ? 1 : 0;
            let n = 0;
            for (let p = 0; p < 8; p++) {
              const w = (p & 1 ? wx : 1 - wx) * (p & 2 ? wy : 1 - wy) * (p & 4 ? wz : 1 - wz);
              if (w === 0) continue;
              corners[n] = at + (p & 1 ? dx : 0) + (p & 2 ? dy : 0) + (p & 4 ? dz : 0);
              weights[n++] = w;
            }
            for (let c = 0; c < channels; c++) {
              let sum = 0;
              for (let p = 0; p < n; p++) sum += weights[p] * logits[c * depth * plane + corners[p]];
              values[c] = sum;
            }
          }
          visit(row + k, values);
        }
      }
    }
  };
}

/** The whole numbers k of a range where `at + k·step` lies between two bounds. */
function within(
  [low, high]: readonly [number, number],
  { at, step, from, to }: { at: number; step: number; from: number; to: number },
): [number, number] {
  if (Math.abs(step) < 1e-12) return at >= from && at <= to ? [low, high] : [0, -1];
  const a = (from - at) / step, b = (to - at) / step;
  return [Math.max(low, Math.ceil(Math.min(a, b))), Math.min(high, Math.floor(Math.max(a, b)))];
}

/** A coordinate inside the grid, whole where rounding alone keeps it from being so. */
function settled(at: number, extent: number): number {
  const whole = Math.round(at);
  return Math.min(Math.max(Math.abs(at - whole) <= SAME_VOXEL ? whole : at, 0), extent - 1);
}

/**
 * Whole logits `[C, X, Y, Z]` at every voxel of a target.
 * @throws {RangeError} when logits and grid do not agree
 */
export function restoreAll(logits: Float32Array, options: RestoreOptions, visit: VisitLogits): void {
  const { sizeVox } = options.grid;
  const expected = voxelsOf(sizeVox) * options.channels;
  if (logits.length !== expected) {
    throw new RangeError(`Cannot restore logits: expected ${expected} of them, got ${logits.length}`);
  }
  restoring(options, visit)({ logits, from: 0, count: sizeVox[0], depth: sizeVox[0], isEnd: true });
}
