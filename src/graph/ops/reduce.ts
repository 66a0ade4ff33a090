/** Reductions over axes. */
import {
  type InputInfo,
  NO_GRADIENT,
  type OpDef,
  type Ops,
  type PerInput,
  type Value,
  type VjpContext,
} from "../ir/ir.ts";
import { map, ndarray, reduce, reshape, transpose } from "../../tensor/ndarray.ts";
import { type NdArray, sizeOf, type TensorType, toNumbers } from "../../tensor/mod.ts";
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { constantNumbers, normalizeAxis } from "./operands.ts";

type ReduceName = "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum";

/** Axes of a reduction, none meaning all, negatives counted from the end. */
function axesOf(rank: number, listed: readonly number[] | undefined): number[] {
  if (listed === undefined || listed.length === 0) return Array.from({ length: rank }, (_, k) => k);
  const axes = listed.map((a) => normalizeAxis(a, rank));
  if (new Set(axes).size !== axes.length) throw new RangeError(`expected distinct axes, got [${listed}]`);
  return axes;
}

function infer([x, axes]: PerInput<ReduceName, InputInfo>, { keepdims }: { keepdims: number }): TensorType {
  const folded = axesOf(x.shape.length, axes == null ? undefined : constantNumbers(axes, "axes"));
  const shape = x.shape.flatMap((d, k) => (folded.includes(k) ? (keepdims ? [1] : []) : [d]));
  return { dtype: x.dtype, shape };
}

/** The axes that a node folds. */
function foldedAxes({ x: [x], constant }: VjpContext<ReduceName>): number[] {
  const axes = constant(1);
  return axesOf(x.shape.length, axes && toNumbers(axes));
}

/** The reduced value or its gradient with the folded axes as 1, so that it broadcasts against x. */
function kept(op: Ops, context: VjpContext<ReduceName>, v: Value): Value {
  if (context.attrs.keepdims) return v;
  const [x] = context.x, axes = foldedAxes(context);
  return op.Reshape(v, x.shape.map((d, k) => (axes.includes(k) ? 1 : d)));
}

function fold(
  [x, axes]: PerInput<ReduceName, NdArray>,
  y: TensorType,
  { initial, f }: { initial: number; f: (acc: number, v: number) => number },
): NdArray {
  const folded = reduce(x, { axes: axesOf(x.shape.length, axes ? Array.from(axes.data) : undefined), initial, f });
  return reshape(folded, y.shape);
}

// y = max(x) over axes: dy is shared evenly among equal extrema
function extremum(op: Ops, c: VjpContext<ReduceName>, dy: Value): (Value | null)[] {
  const [x] = c.x;
  const hit = op.Cast(op.Equal(x, kept(op, c, c.y)), { to: ONNX_DTYPES[x.dtype] });
  return [op.Mul(op.Div(kept(op, c, dy), op.ReduceSum(hit, foldedAxes(c), { keepdims: 1 })), hit), null];
}

const attrs = ({ keepdims = 1 }: { keepdims?: number }) => ({ keepdims });

export const REDUCE_OPS = {
  // y = Σ x, dx = dy
  ReduceSum: {
    attrs,
    infer,
    vjp: (op, c, dy) => [op.Expand(kept(op, c, dy), c.x[0].shape), null],
    evaluate: (x, _a, y) => fold(x, y, { initial: 0, f: (a, v) => a + v }),
  } satisfies OpDef<"ReduceSum">,
  // y = Σ x / n, dx = dy / n
  ReduceMean: {
    attrs,
    infer,
    vjp: (op, c, dy) => {
      const n = sizeOf(c.x[0].shape) / sizeOf(c.y.shape);
      return [op.Expand(op.Div(kept(op, c, dy), n), c.x[0].shape), null];
    },
    evaluate: (x, _a, y) => {
      const n = x[0].data.length / sizeOf(y.shape);
      return map((v) => v / n, fold(x, y, { initial: 0, f: (a, v) => a + v }));
    },
  } satisfies OpDef<"ReduceMean">,
  ReduceMax: {
    attrs,
    infer,
    vjp: extremum,
    evaluate: (x, _a, y) => fold(x, y, { initial: -Infinity, f: Math.max }),
  } satisfies OpDef<"ReduceMax">,
  ReduceMin: {
    attrs,
    infer,
    vjp: extremum,
    evaluate: (x, _a, y) => fold(x, y, { initial: Infinity, f: Math.min }),
  } satisfies OpDef<"ReduceMin">,
  ArgMax: {
    attrs: ({ axis = 0, keepdims = 1 }) => ({ axis, keepdims }),
    infer: ([x], { axis, keepdims }) => {
      const a = normalizeAxis(axis, x.shape.length);
      return { dtype: "int64", shape: x.shape.flatMap((d, k) => (k === a ? (keepdims ? [1] : []) : [d])) };
    },
    vjp: NO_GRADIENT,
    evaluate: ([x], { axis }, y) => {
      const a = normalizeAxis(axis, x.shape.length);
      const last = x.shape.map((_, k) => k).filter((k) => k !== a);
      const rows = transpose(x, [...last, a]).data;
      const n = x.shape[a];
      const out = ndarray(y.shape);
      for (let i = 0; i < out.data.length; i++) {
        let best = 0;
        for (let j = 1; j < n; j++) if (rows[i * n + j] > rows[i * n + best]) best = j;
        out.data[i] = best;
      }
      return out;
    },
  } satisfies OpDef<"ArgMax">,
};
