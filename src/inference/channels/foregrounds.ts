/** The foregrounds that a case is cropped to, one record each: what a crop keeps, and what may be labelled. */
import { type Box, perAxis, type Triple } from "../../volume/mod.ts";
import type { FOREGROUNDS } from "../preprocessing.ts";

export interface ForegroundRule {
  /** True of the values that a crop keeps; null: tissue, which is found in files. */
  readonly keeps: ((value: number) => boolean) | null;
  /** What there has to be, in words. */
  readonly expected: string;
}

export const FOREGROUND_RULES: Readonly<Record<typeof FOREGROUNDS[number], ForegroundRule>> = {
  tissue: { keeps: null, expected: "tissue" },
  nonzero: { keeps: (value) => value !== 0, expected: "a value other than 0" },
  positive: { keeps: (value) => value > 0, expected: "a value above 0" },
  whole: { keeps: () => true, expected: "a value" },
};

/** The box of the values that a rule keeps; null where there are none. */
export function boxOf(data: Float32Array, [nx, ny, nz]: Triple, keeps: (value: number) => boolean): Box | null {
  const low = [nx, ny, nz], high = [-1, -1, -1];
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        if (!keeps(data[v])) continue;
        if (x < low[0]) low[0] = x;
        if (x > high[0]) high[0] = x;
        if (y < low[1]) low[1] = y;
        if (y > high[1]) high[1] = y;
        if (z < low[2]) low[2] = z;
        if (z > high[2]) high[2] = z;
      }
    }
  }
  return high[0] < 0 ? null : { start: perAxis((a) => low[a]), end: perAxis((a) => high[a] + 1) };
}

/** 1 where a channel is not 0, the holes that these voxels enclose by faces included; the channels lie on one grid. */
export function filledMask(channels: readonly Float32Array[], [nx, ny, nz]: Triple): Uint8Array {
  const mask = new Uint8Array(nx * ny * nz).fill(1);
  const isEmpty = (v: number) => mask[v] === 1 && channels.every((data) => data[v] === 0);
  // What empty voxels reach from the border is outside.
  const queue: number[] = [];
  const visit = (v: number) => {
    if (!isEmpty(v)) return;
    mask[v] = 0;
    queue.push(v);
  };
  for (let x = 0, v = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, v++) {
        if (x === 0 || y === 0 || z === 0 || x === nx - 1 || y === ny - 1 || z === nz - 1) visit(v);
      }
    }
  }
  while (queue.length > 0) {
    const v = queue.pop()!, z = v % nz, y = Math.floor(v / nz) % ny, x = Math.floor(v / (ny * nz));
    if (x > 0) visit(v - ny * nz);
    if (x < nx - 1) visit(v + ny * nz);
    if (y > 0) visit(v - nz);
    if (y < ny - 1) visit(v + nz);
    if (z > 0) visit(v - 1);
    if (z < nz - 1) visit(v + 1);
  }
  return mask;
}
