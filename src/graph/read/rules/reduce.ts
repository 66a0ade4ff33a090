/** Import rules of reductions and running sums. */
import type { Value } from "../../ir/ir.ts";
import { normalizeAxis } from "../../ops/operands.ts";
import { multiplyAxis } from "../../ops/shape.ts";
import { isFloat, sizeOf, type Tensor, tensor, toNumbers } from "../../../tensor/mod.ts";
import { cut, view } from "./shape.ts";
import { listLength, type Rule, type RuleContext, type Rules } from "./rule.ts";

type ReduceOp = "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum";

/** Most factors that ReduceProd multiplies one by one. */
const MAX_FACTORS = 64;

/** Axes of a reduction, null where it reduces nothing. */
function axesOf(c: RuleContext, rank: number): number[] | null {
  const axes = c.ints("axes", 1);
  const noop = c.number("noop_with_empty_axes") === 1;
  if (axes !== undefined && axes.length > 0) return axes.map((a) => normalizeAxis(a, rank));
  return noop ? null : Array.from({ length: rank }, (_, k) => k);
}

/** 0 or 1; default 1. */
function keepdimsOf(c: RuleContext): number {
  c.only("keepdims", 0, 1);
  return c.number("keepdims") ?? 1;
}

/** post(op(pre(x))) over the node's axes. */
function reduction(
  op: ReduceOp,
  { pre, post }: { pre?: (c: RuleContext, x: Value) => Value; post?: (c: RuleContext, y: Value) => Value } = {},
): Rule {
  return (c) => {
    const x = c.x(0);
    const axes = axesOf(c, x.shape.length);
    const keepdims = keepdimsOf(c);
    const before = pre === undefined ? x : pre(c, x);
    const y = axes === null || axes.length === 0 ? before : c.op[op](before, axes, { keepdims });
    return post === undefined ? y : post(c, y);
  };
}

const square = (c: RuleContext, x: Value) => c.op.Mul(x, x);

// m + ln Σ e^(x − m), m = max(x)
function logSumExp(c: RuleContext): Value {
  const { op } = c;
  const x = c.x(0);
  const axes = axesOf(c, x.shape.length);
  const keepdims = keepdimsOf(c);
  if (axes === null || axes.length === 0) return x;
  const top = op.ReduceMax(x, axes, { keepdims: 1 });
  const y = op.Add(top, op.Log(op.ReduceSum(op.Exp(op.Sub(x, top)), axes, { keepdims: 1 })));
  return keepdims ? y : op.Reshape(y, x.shape.filter((_, k) => !axes.includes(k)));
}

/** A product of the slices along each axis. */
function product(c: RuleContext): Value {
  const { op } = c;
  const x = c.x(0), rank = x.shape.length;
  const axes = axesOf(c, rank);
  const keepdims = keepdimsOf(c);
  if (axes === null || axes.length === 0) return x;
  const factors = axes.reduce((n, a) => n * x.shape[a], 1);
  if (factors > MAX_FACTORS) throw new RangeError(`expected at most ${MAX_FACTORS} factors, got ${factors}`);
  let y = x;
  for (const axis of axes) {
    const parts = Array.from({ length: y.shape[axis] }, (_, i) => cut(c, y, [axis, i, i + 1]));
    y = parts.length === 0
      ? op.Expand(c.b.literal(x.dtype, 1), y.shape.with(axis, 1))
      : parts.reduce((a, b) => op.Mul(a, b));
  }
  return keepdims ? y : view(c, y, y.shape.filter((_, k) => !axes.includes(k)));
}

function argMax(c: RuleContext, x: Value): Value {
  c.only("select_last_index", 0);
  return c.op.ArgMax(x, { axis: c.axis(0, x.shape.length), keepdims: keepdimsOf(c) });
}

/** (Σ|x|ᵖ)^(1/p) over the spatial axes. */
function globalLpPool(c: RuleContext): Value {
  const { op } = c;
  c.only("p", 1, 2);
  const x = c.x(0), axes = x.shape.flatMap((_, k) => (k < 2 ? [] : [k]));
  return c.number("p") === 1
    ? op.ReduceSum(op.Abs(x), axes, { keepdims: 1 })
    : op.Sqrt(op.ReduceSum(op.Mul(x, x), axes, { keepdims: 1 }));
}

/** 1 at the first largest element along an axis, 0 elsewhere; before operator set 13 all later axes count as one. */
function hardmax(c: RuleContext): Value {
  const { op } = c;
  const x = c.x(0), axis = c.axis(c.opset < 13 ? 1 : -1, x.shape.length);
  const rows = c.opset < 13 ? view(c, x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]) : x;
  const along = c.opset < 13 ? 1 : axis, size = rows.shape[along];
  const places = tensor(
    "int64",
    rows.shape.map((d, k) => (k === along ? d : 1)),
    Array.from({ length: listLength(size) }, (_, i) => i),
  );
  return view(c, c.cast(op.Equal(op.ArgMax(rows, { axis: along, keepdims: 1 }), places), x.dtype), x.shape);
}

/** The first of an axis only: the largest or smallest element and its index. */
function topK(c: RuleContext): Value[] {
  const { op } = c;
  c.ignore("sorted");
  const x = c.x(0), k = c.number("k") ?? c.numbers(1, "k")?.[0], axis = c.axis(-1, x.shape.length);
  if (k !== 1) throw new RangeError(`expected k = 1, got ${k}: export without sorting`);
  return c.number("largest") === 0
    ? [op.ReduceMin(x, [axis], { keepdims: 1 }), op.ArgMax(op.Neg(x), { axis, keepdims: 1 })]
    : [op.ReduceMax(x, [axis], { keepdims: 1 }), op.ArgMax(x, { axis, keepdims: 1 })];
}

function runningSum(
  t: Tensor,
  { axis, exclusive, reverse }: { axis: number; exclusive: boolean; reverse: boolean },
): Tensor {
  const inner = sizeOf(t.shape.slice(axis + 1)), d = t.shape[axis];
  const values = toNumbers(t), sums = [...values];
  for (let i = 0; i < values.length; i++) {
    const at = reverse ? values.length - 1 - i : i;
    const first = Math.floor(at / inner) % d === (reverse ? d - 1 : 0);
    if (!first) sums[at] += sums[at + (reverse ? inner : -inner)];
  }
  return tensor(t.dtype, t.shape, exclusive ? sums.map((s, i) => s - values[i]) : sums);
}

/** Running sum along one axis: computed at once for a constant, otherwise a product with a triangular matrix. */
function cumSum(c: RuleContext): Value {
  const x = c.x(0);
  const axis = normalizeAxis(c.numbers(1, "axis")?.[0] ?? 0, x.shape.length);
  const exclusive = c.number("exclusive") === 1, reverse = c.number("reverse") === 1;
  const d = x.shape[axis];
  const known = c.known(0);
  if (known !== undefined) return c.b.constant(runningSum(known, { axis, exclusive, reverse }));
  if (!isFloat(x.dtype)) throw new TypeError(`expected a float or constant input, got ${x.dtype}`);
  const matrix = Float64Array.from({ length: listLength(d * d) }, (_, i) => {
    const ahead = (Math.floor(i / d) - (i % d)) * (reverse ? -1 : 1);
    return Number(exclusive ? ahead > 0 : ahead >= 0);
  });
  return multiplyAxis(c.op, x, { axis, matrix: tensor(x.dtype, [d, d], Array.from(matrix)) });
}

export const REDUCE_RULES: Rules = {
  ArgMax: (c) => argMax(c, c.x(0)),
  ArgMin: (c) => argMax(c, c.op.Neg(c.x(0))),
  CumSum: cumSum,
  GlobalLpPool: globalLpPool,
  Hardmax: hardmax,
  ReduceL1: reduction("ReduceSum", { pre: (c, x) => c.op.Abs(x) }),
  ReduceL2: reduction("ReduceSum", { pre: square, post: (c, y) => c.op.Sqrt(y) }),
  ReduceLogSum: reduction("ReduceSum", { post: (c, y) => c.op.Log(y) }),
  ReduceLogSumExp: logSumExp,
  ReduceMax: reduction("ReduceMax"),
  ReduceMean: reduction("ReduceMean"),
  ReduceMin: reduction("ReduceMin"),
  ReduceProd: product,
  ReduceSum: reduction("ReduceSum"),
  ReduceSumSquare: reduction("ReduceSum", { pre: square }),
  TopK: topK,
};
