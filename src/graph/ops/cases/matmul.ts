/** Cases of matrix products and the softmax family. */
import { type Case, type CaseTable, exactly, float, weights } from "./case.ts";

const matmul: Case<"MatMul">[] = [
  { shows: "matrices", inputs: [float([3, 4]), float([4, 5])] },
  { shows: "constant right", inputs: [float([2, 3, 4]), weights([4, 5])] },
  { shows: "inner size 1", inputs: [float([3, 1]), float([1, 5])] },
  { shows: "row by column", inputs: [float([1, 7]), float([7, 1])] },
  { shows: "equal batches", inputs: [float([2, 3, 4]), float([2, 4, 5])] },
  { shows: "matrix shared by the batch, right", inputs: [float([2, 3, 2, 4]), float([4, 5])] },
  { shows: "matrix shared by the batch, left", inputs: [float([3, 4]), float([2, 4, 5])] },
  { shows: "batches broadcast on both sides", inputs: [float([2, 1, 3, 4]), float([3, 4, 2])] },
  { shows: "unit batch on the right", inputs: [float([2, 3, 4]), float([1, 4, 5])] },
  { shows: "attention heads", inputs: [float([2, 2, 5, 3]), float([2, 2, 3, 5])] },
];

const gemm: Case<"Gemm">[] = [0, 1].flatMap((transA) =>
  [0, 1].map((transB): Case<"Gemm"> => ({
    shows: `transA ${transA}, transB ${transB}`,
    inputs: [float(transA ? [4, 3] : [3, 4]), float(transB ? [5, 4] : [4, 5]), float([5])],
    attrs: { transA, transB, alpha: 0.5, beta: 2 },
  }))
);

const softmax: Case<"Softmax">[] = [
  { shows: "last axis by default", inputs: [float([2, 3, 4])] },
  { shows: "channel axis", inputs: [float([2, 3, 2, 2, 3])], attrs: { axis: 1 } },
  { shows: "negative axis", inputs: [float([2, 5, 3])], attrs: { axis: -2 } },
  { shows: "first axis", inputs: [float([4, 3])], attrs: { axis: 0 } },
  { shows: "axis of size 1", inputs: [float([3, 1])] },
  { shows: "no overflow", inputs: [exactly([2, 3], [200, 199, 198, -300, 0, 1])] },
];

export const MATMUL_CASES = {
  MatMul: matmul,
  Gemm: [
    ...gemm,
    { shows: "without c", inputs: [float([3, 4]), float([4, 5]), null] },
    { shows: "without c, scaled", inputs: [float([3, 4]), float([4, 5]), null], attrs: { alpha: 1.5 } },
    { shows: "c a whole matrix", inputs: [float([3, 4]), float([4, 5]), float([3, 5])] },
    { shows: "c a column", inputs: [float([3, 4]), float([4, 5]), float([3, 1])], attrs: { beta: -1 } },
    { shows: "c a scalar", inputs: [float([3, 4]), float([4, 5]), float([])] },
    { shows: "constant weights", inputs: [float([3, 4]), weights([5, 4]), weights([5])], attrs: { transB: 1 } },
  ],
  Softmax: softmax,
  LogSoftmax: softmax,
} satisfies CaseTable;
