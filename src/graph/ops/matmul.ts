/** Matrix products and the softmax family. */
import type { InputInfo, OpDef, PerInput } from "../ir/ir.ts";
import { broadcastShapes, map, matmul, reduce, transpose, zip } from "../../tensor/ndarray.ts";
import { type NdArray, sameShape, sizeOf, type TensorType } from "../../tensor/mod.ts";
import { inferFloat } from "./elementwise.ts";
import { normalizeAxis } from "./operands.ts";

/** A permutation that exchanges the last two axes. */
function swapLast(rank: number): number[] {
  return Array.from({ length: rank }, (_, k) => (k < rank - 2 ? k : 2 * rank - 3 - k));
}

function inferGemm([a, b, c]: PerInput<"Gemm", InputInfo>, transA: number, transB: number): TensorType {
  const [m, k] = transA ? a.shape.toReversed() : a.shape;
  const [l, n] = transB ? b.shape.toReversed() : b.shape;
  if (a.shape.length !== 2 || b.shape.length !== 2 || k !== l) {
    throw new RangeError(`expected matrices [M, K] and [K, N], got [${a.shape}] and [${b.shape}]`);
  }
  const other = [b, c].find((v) => v != null && v.dtype !== a.dtype);
  if (other != null) throw new TypeError(`expected equal dtypes, got ${a.dtype} and ${other.dtype}`);
  if (c != null && !sameShape(broadcastShapes(c.shape, [m, n]), [m, n])) {
    throw new RangeError(`expected a summand that broadcasts to [${m},${n}], got [${c.shape}]`);
  }
  return { dtype: a.dtype, shape: [m, n] };
}

function logSumExp(x: NdArray, axis: number): NdArray {
  const top = reduce(x, { axes: [axis], initial: -Infinity, f: Math.max });
  const sum = reduce(zip((v, t) => Math.exp(v - t), x, top), { axes: [axis], initial: 0, f: (s, v) => s + v });
  return zip((t, s) => t + Math.log(s), top, sum);
}

const softmaxAttrs = ({ axis = -1 }: { axis?: number }, [x]: readonly [InputInfo]) => ({
  axis: normalizeAxis(axis, x.shape.length),
});

export const MATMUL_OPS = {
  // y = a·b, da = dy·bᵀ, db = aᵀ·dy
  MatMul: {
    infer: ([a, b]) => {
      if (a.shape.length < 2 || b.shape.length < 2 || a.shape.at(-1) !== b.shape.at(-2) || a.dtype !== b.dtype) {
        throw new RangeError(
          `expected [..., M, K] and [..., K, N], got ${a.dtype}[${a.shape}] and ${b.dtype}[${b.shape}]`,
        );
      }
      const batch = broadcastShapes(a.shape.slice(0, -2), b.shape.slice(0, -2));
      return { dtype: a.dtype, shape: [...batch, a.shape.at(-2)!, b.shape.at(-1)!] };
    },
    vjp: (op, { x: [a, b] }, dy) => {
      const da = op.MatMul(dy, op.Transpose(b, { perm: swapLast(b.shape.length) }));
      if (b.shape.length > 2 || a.shape.length === 2) {
        return [da, op.MatMul(op.Transpose(a, { perm: swapLast(a.shape.length) }), dy)];
      }
      // a matrix shared by the batch: one product over all rows
      const rows = sizeOf(a.shape.slice(0, -1));
      const at = op.Transpose(op.Reshape(a, [rows, a.shape.at(-1)!]), { perm: [1, 0] });
      return [da, op.MatMul(at, op.Reshape(dy, [rows, dy.shape.at(-1)!]))];
    },
    evaluate: ([a, b]) => matmul(a, b),
  } satisfies OpDef<"MatMul">,

  // y = α·op(a)·op(b) + β·c
  Gemm: {
    attrs: ({ alpha = 1, beta = 1, transA = 0, transB = 0 }) => ({ alpha, beta, transA, transB }),
    infer: (x, { transA, transB }) => inferGemm(x, transA, transB),
    vjp: (op, { x: [a, b, c], attrs: { alpha, beta, transA, transB } }, dy) => {
      const da = transA
        ? op.Gemm(b, dy, null, { alpha, transA: transB, transB: 1 })
        : op.Gemm(dy, b, null, { alpha, transB: 1 - transB });
      const db = transB
        ? op.Gemm(dy, a, null, { alpha, transA: 1, transB: transA })
        : op.Gemm(a, dy, null, { alpha, transA: 1 - transA });
      return [da, db, c == null ? null : op.Mul(dy, beta)];
    },
    evaluate: ([a, b, c], { alpha, beta, transA, transB }) => {
      const ab = matmul(transA ? transpose(a, [1, 0]) : a, transB ? transpose(b, [1, 0]) : b);
      return c == null ? map((v) => alpha * v, ab) : zip((v, w) => alpha * v + beta * w, ab, c);
    },
  } satisfies OpDef<"Gemm">,

  // y = softmax(x), dx = y·(dy − Σ dy·y)
  Softmax: {
    attrs: softmaxAttrs,
    infer: inferFloat,
    vjp: (op, { y, attrs: { axis } }, dy) => {
      const mixed = op.ReduceSum(op.Mul(dy, y), [axis], { keepdims: 1 });
      return [op.Mul(y, op.Sub(dy, mixed))];
    },
    evaluate: ([x], { axis }) => zip((v, l) => Math.exp(v - l), x, logSumExp(x, axis)),
  } satisfies OpDef<"Softmax">,

  // y = x − ln Σ eˣ, dx = dy − eʸ·Σ dy
  LogSoftmax: {
    attrs: softmaxAttrs,
    infer: inferFloat,
    vjp: (op, { y, attrs: { axis } }, dy) => [
      op.Sub(dy, op.Mul(op.Exp(y), op.ReduceSum(dy, [axis], { keepdims: 1 }))),
    ],
    evaluate: ([x], { axis }) => zip((v, l) => v - l, x, logSumExp(x, axis)),
  } satisfies OpDef<"LogSoftmax">,
};
