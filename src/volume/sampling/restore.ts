/**
 * A network's logits brought from its grid to the grid of a file: logits are interpolated, then decided, while the network's
 * planes become final one after the other, so that full-size logits of all classes never exist at once.
 */
import { applyAffine, type Grid, perAxis, type Triple, voxelsOf, voxToVox } from "../grid/grid.ts";
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
  /** Default linear; nearest: values that name labels. */
  readonly interpolation?: "linear" | "nearest";
  /** Along this axis of the network's grid the nearest slice is taken, the upper one of two; default: interpolated. */
  readonly slices?: 0 | 1 | 2 | null | undefined;
}

/** Receives a voxel of the target, C order, and its logits of all channels; the array is used again for the next one. */
export type VisitLogits = (voxel: number, logits: Float32Array) => void;

/** Places that rounding alone keeps below a tie of two slices are on it, voxels. */
const TIE = 1e-6;

/** Centres up to half a network voxel outside the outer ones take the border's logits. */
const REACH = 0.5 + 1e-4;

/**
 * Takes planes in ascending order, each batch beginning with the last plane of the one before, and visits every voxel of
 * the target that lies among them, each once: its logits are interpolated trilinearly (copied where centres meet), or are
 * those of the nearest voxel. Voxels that are not visited lie outside the network's grid or `inside`.
 */
export function restoring(options: RestoreOptions, visit: VisitLogits): (planes: LogitPlanes) => void {
  const { grid, target, interpolation = "linear", slices } = options;
  const map = voxToVox(target, grid), step: Triple = [map[2], map[6], map[10]];
  const [tx, ty, tz] = target.sizeVox, [, ny, nz] = grid.sizeVox;
  const along = ([0, 1, 2] as const).filter((a) => Math.abs(step[a]) * tz > SAME_VOXEL);
  const isNearest = interpolation === "nearest", beside = isNearest ? REACH : SAME_VOXEL;
  const visitRow = isNearest
    ? nearestRow(options, visit)
    : along.length === 1
    ? straightRow(options, along[0], visit)
    : obliqueRow(options, visit);
  return (planes) => {
    const { from, count, isEnd } = planes, last = from + count - 1;
    const slack = slices === 0 ? REACH : beside;
    const [near, far] = [from === 0 ? -REACH : from - slack, isEnd ? last + REACH : last + slack];
    for (let i = 0, first = 0; i < tx; i++) {
      for (let j = 0; j < ty; j++, first += tz) {
        const at = applyAffine(map, [i, j, 0]);
        let [low, high] = within([0, tz - 1], { at: at[0], step: step[0], from: near, to: far });
        [low, high] = within([low, high], { at: at[1], step: step[1], from: -REACH, to: ny - 1 + REACH });
        [low, high] = within([low, high], { at: at[2], step: step[2], from: -REACH, to: nz - 1 + REACH });
        if (low <= high) visitRow(planes, { first, at, step, low, high });
      }
    }
  };
}

/** A row of the target's voxels `first + low … first + high`, and where voxel k lies on the network's grid: at + k·step. */
interface Row {
  readonly first: number;
  readonly at: Triple;
  readonly step: Triple;
  readonly low: number;
  readonly high: number;
}

type VisitRow = (planes: LogitPlanes, row: Row) => void;

/** The last plane belongs to the next batch, which begins with it; beyond an end there are no logits. */
function isHere(x: number, { from, count, isEnd }: LogitPlanes): boolean {
  const last = from + count - 1;
  return x >= from && (x < last || (x === last && isEnd));
}

/** Rows of which each voxel takes the values of the nearest one. */
function nearestRow(
  { channels, grid: { sizeVox: [nx, ny, nz] }, inside }: RestoreOptions,
  visit: VisitLogits,
): VisitRow {
  const values = new Float32Array(channels), plane = ny * nz;
  return (planes, { first, at, step, low, high }) => {
    const { logits, from, depth } = planes;
    for (let k = low; k <= high; k++) {
      const x = Math.round(settled(at[0] + k * step[0], nx, false));
      if (!isHere(x, planes)) continue;
      const y = Math.round(settled(at[1] + k * step[1], ny, false)),
        z = Math.round(settled(at[2] + k * step[2], nz, false));
      if (inside !== undefined && inside[(x * ny + y) * nz + z] === 0) continue;
      const own = (x - from) * plane + y * nz + z;
      for (let c = 0; c < channels; c++) values[c] = logits[c * depth * plane + own];
      visit(first + k, values);
    }
  };
}

/** Rows that run across the network's axes: each voxel from its eight neighbours. */
function obliqueRow(
  { channels, grid: { sizeVox }, inside, slices }: RestoreOptions,
  visit: VisitLogits,
): VisitRow {
  const [nx, ny, nz] = sizeVox;
  const values = new Float32Array(channels), plane = ny * nz;
  const corners = new Int32Array(8), weights = new Float64Array(8);
  return (planes, { first, at, step, low, high }) => {
    const { logits, from, depth } = planes;
    for (let k = low; k <= high; k++) {
      const x = settled(at[0] + k * step[0], nx, slices === 0);
      if (!isHere(x, planes)) continue;
      const y = settled(at[1] + k * step[1], ny, slices === 1), z = settled(at[2] + k * step[2], nz, slices === 2);
      if (inside !== undefined && inside[(Math.round(x) * ny + Math.round(y)) * nz + Math.round(z)] === 0) continue;
      const ix = Math.floor(x), iy = Math.floor(y), iz = Math.floor(z);
      const n = cornersOf([x - ix, y - iy, z - iz], [plane, nz, 1], { corners, weights });
      const own = (ix - from) * plane + iy * nz + iz;
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let p = 0; p < n; p++) sum += weights[p] * logits[c * depth * plane + own + corners[p]];
        values[c] = sum;
      }
      visit(first + k, values);
    }
  };
}

/** Rows that run along one axis of the network's grid: the four lines around them are blended once for all their voxels. */
function straightRow(
  { channels, grid: { sizeVox }, inside, slices }: RestoreOptions,
  along: 0 | 1 | 2,
  visit: VisitLogits,
): VisitRow {
  const [, ny, nz] = sizeVox, strides: Triple = [ny * nz, nz, 1];
  const values = new Float32Array(channels), line = new Float32Array(channels * sizeVox[along]);
  const corners = new Int32Array(8), weights = new Float64Array(8);
  return (planes, { first, at, step, low, high }) => {
    const { logits, from, depth } = planes;
    const fixed = perAxis((a) => a === along ? 0 : settled(at[a], sizeVox[a], a === slices));
    if (along !== 0 && !isHere(fixed[0], planes)) return;
    const nearest = fixed.reduce((sum, v, a) => sum + Math.round(v) * strides[a], 0);
    const placeOf = (k: number) => settled(at[along] + k * step[along], sizeVox[along], along === slices);
    const isShown = (place: number) =>
      (along !== 0 || isHere(place, planes)) &&
      (inside === undefined || inside[nearest + Math.round(place) * strides[along]] === 1);
    let [start, end] = [low, high];
    while (start <= end && !isShown(placeOf(start))) start++;
    while (end >= start && !isShown(placeOf(end))) end--;
    if (start > end) return;

    const ends = [placeOf(start), placeOf(end)];
    const lowest = Math.floor(Math.min(...ends)), highest = Math.ceil(Math.max(...ends));
    const whole = perAxis((a) => Math.floor(fixed[a]));
    const n = cornersOf(perAxis((a) => fixed[a] - whole[a]), strides, { corners, weights });
    const own = (along === 0 ? -from : whole[0] - from) * strides[0] + whole[1] * nz + whole[2];
    for (let c = 0; c < channels; c++) {
      const base = c * depth * strides[0] + own;
      for (let t = lowest; t <= highest; t++) {
        let sum = 0;
        for (let p = 0; p < n; p++) sum += weights[p] * logits[base + t * strides[along] + corners[p]];
        line[t * channels + c] = sum;
      }
    }
    for (let k = start; k <= end; k++) {
      const place = placeOf(k);
      if (!isShown(place)) continue;
      const t = Math.floor(place), w = place - t, o = t * channels;
      if (w === 0) { for (let c = 0; c < channels; c++) values[c] = line[o + c]; }
      else for (let c = 0; c < channels; c++) values[c] = (1 - w) * line[o + c] + w * line[o + channels + c];
      visit(first + k, values);
    }
  };
}

/** The neighbours of a place with their weights, those of weight 0 left out; returns their number. */
function cornersOf(
  [wx, wy, wz]: Triple,
  [dx, dy, dz]: Triple,
  { corners, weights }: { corners: Int32Array; weights: Float64Array },
): number {
  let n = 0;
  for (let p = 0; p < 8; p++) {
    const w = (p & 1 ? wx : 1 - wx) * (p & 2 ? wy : 1 - wy) * (p & 4 ? wz : 1 - wz);
    if (w === 0) continue;
    corners[n] = (p & 1 ? dx : 0) + (p & 2 ? dy : 0) + (p & 4 ? dz : 0);
    weights[n++] = w;
  }
  return n;
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

/** A coordinate inside the grid, whole where rounding alone keeps it from being so, or where slices stay apart. */
function settled(at: number, extent: number, isSlice: boolean): number {
  const whole = isSlice ? Math.floor(at + 0.5 + TIE) : Math.round(at);
  return Math.min(Math.max(isSlice || Math.abs(at - whole) <= SAME_VOXEL ? whole : at, 0), extent - 1);
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
