/** What the numbers of a constant say about it. */
import { type Tensor, toNumbers } from "../../../tensor/mod.ts";

/** True where all elements are equal: as fresh scales, biases and statistics, which exporters store once. */
export const isUniform = ({ data }: Tensor): boolean =>
  (data as ArrayLike<unknown> & Float32Array).every((v) => v === data[0]);

/** Attention masks add this or less to scores that do not count. */
const MASKED = -50;

/** Most values that a mask has. */
const MASK_VALUES = 3;

/** True for zeros and large negative numbers, nothing else. */
export function isMask({ data, shape }: Tensor): boolean {
  if (shape.length < 2 || data.length < 4) return false;
  const values = new Set<number>();
  for (const v of data) {
    if (Number(v) > 0) return false;
    values.add(Number(v));
    if (values.size > MASK_VALUES) return false;
  }
  return Math.min(...values) <= MASKED;
}

/** Share of the rows that must be made of sines and cosines: a class token's row may be zero. */
const MOST = 0.95;

/** True where the rows of the last axis are pairs sin, cos: their squares sum to half the length. */
export function isSineGrid(t: Tensor): boolean {
  const length = t.shape.at(-1) ?? 0;
  if (t.shape.length < 2 || length < 4 || length % 2 !== 0) return false;
  const data = toNumbers(t);
  if (data.some((v) => Math.abs(v) > 1 + 1e-5)) return false;
  const rows = data.length / length;
  let fitting = 0;
  for (let row = 0; row < rows; row++) {
    let sum = 0;
    for (let i = row * length; i < (row + 1) * length; i++) sum += data[i] ** 2;
    if (Math.abs(sum - length / 2) < 1e-4 * length) fitting++;
  }
  return rows > 1 && fitting >= MOST * rows;
}
