/** The adjoint of taking rows: their sums by the row that they were taken from, without a product with a 0/1 matrix. */
import type { Ops, Value } from "../ir/ir.ts";
import { tensor } from "../../tensor/mod.ts";

/** For each of `size` rows the list of rows that are added to it, one list after the other. */
interface Sources {
  /** The lists' starts, and the end of the last one. */
  readonly starts: Int32Array;
  readonly list: Int32Array;
}

/**
 * Adds row `i` of `x` along `axis` to row `rows[i]` of a zero tensor with `size` rows; a negative row is left out. Takes
 * time and memory for a few times as many rows as it adds and returns; equal inputs give equal sums on every device.
 */
export function scatterRows(
  op: Ops,
  x: Value,
  { axis, size, rows }: { axis: number; size: number; rows: ArrayLike<number> },
): Value {
  return sumsOf(op, x, { axis, sources: sourcesOf(rows, size) });
}

/** Sorts the rows by target, those of one target in their order. */
function sourcesOf(rows: ArrayLike<number>, size: number): Sources {
  const starts = new Int32Array(size + 1);
  for (let i = 0; i < rows.length; i++) if (rows[i] >= 0) starts[rows[i] + 1]++;
  for (let r = 0; r < size; r++) starts[r + 1] += starts[r];
  const next = starts.slice(), list = new Int32Array(starts[size]);
  for (let i = 0; i < rows.length; i++) if (rows[i] >= 0) list[next[rows[i]]++] = i;
  return { starts, list };
}

/**
 * The sums of rows by their lists. Lists of about one length are taken as a table; much longer ones are cut into pieces
 * of the mean length first, whose sums are then added in the same way.
 */
function sumsOf(op: Ops, x: Value, { axis, sources }: { axis: number; sources: Sources }): Value {
  const { starts, list } = sources, size = starts.length - 1;
  let longest = 0, filled = 0;
  for (let r = 0; r < size; r++) {
    longest = Math.max(longest, starts[r + 1] - starts[r]);
    if (starts[r + 1] > starts[r]) filled++;
  }
  const mean = Math.max(2, Math.ceil(list.length / Math.max(filled, 1)));
  if (longest <= 1 || size * longest <= 4 * (size + list.length)) {
    return tableSums(op, x, { axis, sources, width: longest });
  }
  const pieces: number[] = [0], targets: number[] = [];
  for (let r = 0; r < size; r++) {
    for (let at = starts[r]; at < starts[r + 1]; at += mean) {
      pieces.push(Math.min(at + mean, starts[r + 1]));
      targets.push(r);
    }
  }
  const partial = tableSums(op, x, { axis, sources: { starts: Int32Array.from(pieces), list }, width: mean });
  return sumsOf(op, partial, { axis, sources: sourcesOf(targets, size) });
}

/** Sums of lists of at most `width` rows: a gather from x with a row of zeros, which fills short lists, and a sum. */
function tableSums(
  op: Ops,
  x: Value,
  { axis, sources: { starts, list }, width }: { axis: number; sources: Sources; width: number },
): Value {
  const size = starts.length - 1, n = x.shape[axis];
  const zeros = x.shape.map((d, k) => (k === axis ? size : d));
  if (width === 0) return op.Expand(tensor(x.dtype, [], [0]), zeros);
  const table = new Int32Array(size * width).fill(n);
  for (let r = 0; r < size; r++) table.set(list.subarray(starts[r], starts[r + 1]), r * width);
  const padded = list.length < table.length
    ? op.Pad(x, [...x.shape.map(() => 0), ...x.shape.map((_, k) => (k === axis ? 1 : 0))], 0, {})
    : x;
  if (width === 1) {
    const isSame = size === n && table.every((row, r) => row === r);
    return isSame ? x : op.Gather(padded, tensor("int32", [size], table), { axis });
  }
  const lists = op.Gather(padded, tensor("int32", [size, width], table), { axis });
  return op.ReduceSum(lists, [axis + 1], { keepdims: 0 });
}
