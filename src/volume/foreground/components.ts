/** Connected parts of a mask `[X, Y, Z]`, by runs along its last axis. */
import type { Triple } from "../grid/grid.ts";

/** Runs of equal voxels, and for each the part that it belongs to. */
export interface Parts {
  /** First voxel and end of each run, flat indexes. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** The part of each run: 0 … count − 1. */
  readonly part: Int32Array;
  /** Voxels of each part. */
  readonly voxels: Float64Array;
  /** 1 for parts that touch a face of the volume. */
  readonly atBorder: Uint8Array;
}

export interface PartsOptions {
  /** The value of the voxels that are parted. */
  readonly value: 0 | 1;
  /** Voxels belong together that share a face (6, the default), or also an edge or a corner (26). */
  readonly neighbours?: 6 | 26;
}

/** The parts of the voxels that equal a value, in the order of their first voxels. */
export function partsOf(mask: Uint8Array, [nx, ny, nz]: Triple, { value, neighbours = 6 }: PartsOptions): Parts {
  let start = new Int32Array(1 << 12), end = new Int32Array(1 << 12), count = 0;
  const firstOfRow = new Int32Array(nx * ny + 1);
  for (let row = 0; row < nx * ny; row++) {
    firstOfRow[row] = count;
    const stop = (row + 1) * nz;
    for (let v = row * nz; v < stop;) {
      if (mask[v] !== value) {
        v++;
        continue;
      }
      const from = v;
      while (v < stop && mask[v] === value) v++;
      if (count === start.length) [start, end] = [grown(start), grown(end)];
      start[count] = from;
      end[count++] = v;
    }
  }
  firstOfRow[nx * ny] = count;

  const root = Int32Array.from({ length: count }, (_, i) => i);
  const find = (i: number) => {
    while (root[i] !== i) i = root[i] = root[root[i]];
    return i;
  };
  const reach = neighbours === 26 ? 1 : 0;
  /** Joins the runs of two neighbouring rows that lie side by side, or with a reach of 1 touch at an edge or corner. */
  const join = (row: number, other: number) => {
    const shift = (row - other) * nz;
    for (let a = firstOfRow[row], b = firstOfRow[other]; a < firstOfRow[row + 1] && b < firstOfRow[other + 1];) {
      if (start[a] < end[b] + shift + reach && start[b] + shift < end[a] + reach) {
        const [p, q] = [find(a), find(b)];
        if (p !== q) root[Math.max(p, q)] = Math.min(p, q);
      }
      if (end[a] < end[b] + shift) a++;
      else b++;
    }
  };
  for (let x = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      const row = x * ny + y;
      if (y > 0) join(row, row - 1);
      if (x > 0) join(row, row - ny);
      if (x > 0 && reach === 1) {
        if (y > 0) join(row, row - ny - 1);
        if (y < ny - 1) join(row, row - ny + 1);
      }
    }
  }

  const part = new Int32Array(count), sizes: number[] = [], border: number[] = [];
  for (let row = 0; row < nx * ny; row++) {
    const x = Math.floor(row / ny), y = row % ny;
    const isOuter = x === 0 || x === nx - 1 || y === 0 || y === ny - 1;
    for (let i = firstOfRow[row]; i < firstOfRow[row + 1]; i++) {
      const first = find(i); // never later than `i`
      const p = part[i] = first === i ? sizes.push(0) - 1 : part[first];
      sizes[p] += end[i] - start[i];
      if (isOuter || start[i] === row * nz || end[i] === (row + 1) * nz) border[p] = 1;
    }
  }
  return {
    start: start.subarray(0, count),
    end: end.subarray(0, count),
    part,
    voxels: Float64Array.from(sizes),
    atBorder: Uint8Array.from(sizes, (_, p) => border[p] ?? 0),
  };
}

function grown(from: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const out = new Int32Array(2 * from.length);
  out.set(from);
  return out;
}

/** Writes `value` into the voxels of the parts that `chosen` names. */
export function paint({ start, end, part }: Parts, mask: Uint8Array, chosen: (part: number) => boolean, value: 0 | 1) {
  for (let i = 0; i < part.length; i++) if (chosen(part[i])) mask.fill(value, start[i], end[i]);
}
