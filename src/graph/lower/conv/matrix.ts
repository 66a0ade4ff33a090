/** Constant matrices of the rewrites. */
import { type DType, type Tensor, tensor } from "../../../tensor/mod.ts";

/** [rows, columns] of `element(row, column)`. */
export function matrix(
  dtype: DType,
  [rows, columns]: readonly [number, number],
  element: (row: number, column: number) => number,
): Tensor {
  const all = Array.from({ length: rows * columns }, (_, at) => element(Math.floor(at / columns), at % columns));
  return tensor(dtype, [rows, columns], all);
}
