/**
 * Convolutions by whole rows of volumes [channels, rows, width], a row being one line along the last axis: a CPU moves
 * rows fast and single voxels slowly.
 */
import type { Ops, Value } from "../../ir/ir.ts";
import { type DType, sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";

/** A block of neighbouring rows along depth and height, and the rows that it reads, counted from its first row. */
export interface Block {
  readonly size: readonly [number, number];
  readonly reads: readonly [readonly number[], readonly number[]];
  /** The row that tap `k` of the kernel's axis `axis` reads for row `u` of the block. */
  readonly read: (axis: number, u: number, k: number) => number;
}

/** The block with its reads in the order of the first row's taps, then those that each further row adds. */
export function blockOf(
  size: readonly [number, number],
  { kernel, read }: { kernel: readonly number[]; read: Block["read"] },
): Block {
  const along = (axis: number) => {
    const found = new Set<number>();
    for (let u = 0; u < size[axis]; u++) for (let k = 0; k < kernel[axis]; k++) found.add(read(axis, u, k));
    return [...found];
  };
  return { size, reads: [along(0), along(1)], read };
}

/** Number of rows that a block reads. */
export const reach = ({ reads }: Block): number => reads[0].length * reads[1].length;

/** [taps, block · reach] of 0 and 1: the tap that connects a row of the block with a row that it reads. */
export function tapMatrix({ size, reads, read }: Block, [kd, kh]: readonly number[], dtype: DType): Tensor {
  const [rows, columns] = [kd * kh, sizeOf(size) * reads[0].length * reads[1].length];
  const matrix = Array<number>(rows * columns).fill(0);
  for (let u = 0; u < size[0]; u++) {
    for (let v = 0; v < size[1]; v++) {
      for (let t = 0; t < rows; t++) {
        const d = reads[0].indexOf(read(0, u, Math.floor(t / kh))), h = reads[1].indexOf(read(1, v, t % kh));
        matrix[t * columns + ((u * size[1] + v) * reads[0].length + d) * reads[1].length + h] = 1;
      }
    }
  }
  return tensor(dtype, [rows, columns], matrix);
}

/** The places of blocks: sample, and first row along depth and height. */
export type Places = readonly (readonly [number, number, number])[];

/**
 * The rows that blocks read of volumes [channels, N · depth · height, width]: [channels, reads · places, width]. Rows
 * outside the volume are zeros.
 */
export function gatherRows(
  op: Ops,
  x: Value,
  { size: [depth, height], reads, places }: {
    size: readonly [number, number];
    reads: Block["reads"];
    places: Places;
  },
): Value {
  const outside = x.shape[1];
  const rows = Int32Array.from(reads[0].flatMap((p) =>
    reads[1].flatMap((q) =>
      places.map(([n, i, j]) => {
        const d = i + p, h = j + q;
        return d < 0 || d >= depth || h < 0 || h >= height ? outside : (n * depth + d) * height + h;
      })
    )
  ));
  if (rows.length === outside && rows.every((row, i) => row === i)) return x;
  const source = rows.includes(outside) ? op.Pad(x, [0, 0, 0, 0, 1, 0], 0, {}) : x;
  return op.Gather(source, { dtype: "int32", shape: [rows.length], data: rows }, { axis: 1 });
}
