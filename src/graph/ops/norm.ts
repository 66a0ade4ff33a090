/**
 * Normalisations. BatchNormalization is the inference form; `train/` writes the form with batch statistics in
 * primitives.
 */
import type { InputInfo, OpDef, Ops, Value } from "../ir/ir.ts";
import { map, reduce, reshape, zip } from "../../tensor/ndarray.ts";
import { type NdArray, sameShape, type TensorType } from "../../tensor/mod.ts";
import { normalizeAxis } from "./operands.ts";

/** Axes from `first` to the last. */
function axesFrom(first: number, rank: number): number[] {
  return Array.from({ length: rank - first }, (_, i) => first + i);
}

/** A per-channel vector [C] shaped to broadcast against [N, C, …]. */
function perChannel(op: Ops, v: Value, rank: number): Value {
  return op.Reshape(v, [v.shape[0], ...Array(rank - 2).fill(1)]);
}

/** x̂ = (x − μ)·r with μ and r = 1/√(σ² + ε) over `axes`. */
export function standardize(
  op: Ops,
  x: Value,
  { axes, epsilon }: { axes: readonly number[]; epsilon: number },
): { normalized: Value; rstd: Value; mean: Value; variance: Value } {
  const mean = op.ReduceMean(x, axes, { keepdims: 1 });
  const centred = op.Sub(x, mean);
  const variance = op.ReduceMean(op.Mul(centred, centred), axes, { keepdims: 1 });
  const rstd = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)));
  return { normalized: op.Mul(centred, rstd), rstd, mean, variance };
}

/** dx of x̂ = (x − μ)·r over `axes`, given g = dL/dx̂: r·(g − mean(g) − x̂·mean(g·x̂)). */
function standardizeVjp(
  op: Ops,
  { normalized, rstd }: { normalized: Value; rstd: Value },
  { g, axes }: { g: Value; axes: readonly number[] },
): Value {
  const mean = op.ReduceMean(g, axes, { keepdims: 1 });
  const slope = op.ReduceMean(op.Mul(g, normalized), axes, { keepdims: 1 });
  return op.Mul(op.Sub(op.Sub(g, mean), op.Mul(normalized, slope)), rstd);
}

function standardized(x: NdArray, axes: readonly number[], epsilon: number): NdArray {
  const n = axes.reduce((p, k) => p * x.shape[k], 1);
  const add = (s: number, v: number) => s + v;
  const mean = map((v) => v / n, reduce(x, { axes, initial: 0, f: add }));
  const centred = zip((v, m) => v - m, x, mean);
  const variance = map((v) => v / n, reduce(map((v) => v * v, centred), { axes, initial: 0, f: add }));
  return zip((v, s) => v / Math.sqrt(s + epsilon), centred, variance);
}

const column = (v: NdArray, rank: number) => reshape(v, [v.shape[0], ...Array(rank - 2).fill(1)]);

function inferChannels([x, ...vectors]: readonly InputInfo[]): TensorType {
  const wrong = vectors.find((v) => !sameShape(v.shape, [x.shape[1]]) || v.dtype !== x.dtype);
  if (wrong !== undefined) {
    throw new RangeError(
      `expected per-channel vectors ${x.dtype}[${x.shape[1]}] for [${x.shape}], got ${wrong.dtype}[${wrong.shape}]`,
    );
  }
  return { dtype: x.dtype, shape: x.shape };
}

export const NORM_OPS = {
  // y = x̂·γ + β, mean and variance over the axes from `axis` on
  LayerNormalization: {
    attrs: ({ axis = -1, epsilon = 1e-5 }, [x]) => ({ axis: normalizeAxis(axis, x.shape.length), epsilon }),
    infer: ([x, scale, bias], { axis }) => {
      const shape = x.shape.slice(axis);
      const wrong = [scale, bias].find((v) => v != null && (!sameShape(v.shape, shape) || v.dtype !== x.dtype));
      if (wrong != null) {
        throw new RangeError(`expected scale and bias ${x.dtype}[${shape}], got ${wrong.dtype}[${wrong.shape}]`);
      }
      return { dtype: x.dtype, shape: x.shape };
    },
    vjp: (op, { x: [x, scale, bias], attrs: { axis, epsilon } }, dy) => {
      const axes = axesFrom(axis, x.shape.length);
      const hat = standardize(op, x, { axes, epsilon });
      const dx = standardizeVjp(op, hat, { g: op.Mul(dy, scale), axes });
      return [dx, op.Mul(dy, hat.normalized), bias == null ? null : dy];
    },
    evaluate: ([x, scale, bias], { axis, epsilon }) => {
      const scaled = zip((v, s) => v * s, standardized(x, axesFrom(axis, x.shape.length), epsilon), scale);
      return bias == null ? scaled : zip((v, b) => v + b, scaled, bias);
    },
  } satisfies OpDef<"LayerNormalization">,

  // y = x̂·γ + β, mean and variance over the spatial axes
  InstanceNormalization: {
    attrs: ({ epsilon = 1e-5 }) => ({ epsilon }),
    infer: inferChannels,
    vjp: (op, { x: [x, scale], attrs: { epsilon } }, dy) => {
      const rank = x.shape.length, axes = axesFrom(2, rank), others = [0, ...axes];
      const hat = standardize(op, x, { axes, epsilon });
      const dx = standardizeVjp(op, hat, { g: op.Mul(dy, perChannel(op, scale, rank)), axes });
      const sum = (v: Value) => op.ReduceSum(v, others, { keepdims: 0 });
      return [dx, sum(op.Mul(dy, hat.normalized)), sum(dy)];
    },
    evaluate: ([x, scale, bias], { epsilon }) => {
      const rank = x.shape.length;
      const hat = standardized(x, axesFrom(2, rank), epsilon);
      return zip((v, s, b) => v * s + b, hat, column(scale, rank), column(bias, rank));
    },
  } satisfies OpDef<"InstanceNormalization">,

  // y = (x − m)·γ·r + β with the running m and r = 1/√(v + ε)
  BatchNormalization: {
    attrs: ({ epsilon = 1e-5 }) => ({ epsilon }),
    infer: inferChannels,
    vjp: (op, { x: [x, scale, , mean, variance], attrs: { epsilon } }, dy) => {
      const rank = x.shape.length, others = [0, ...axesFrom(2, rank)];
      const sum = (v: Value) => op.ReduceSum(v, others, { keepdims: 0 });
      const rstd = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)));
      const hat = op.Mul(op.Sub(x, perChannel(op, mean, rank)), perChannel(op, rstd, rank));
      const dscale = sum(op.Mul(dy, hat)), dbias = sum(dy), slope = op.Mul(scale, rstd);
      const dvariance = op.Mul(op.Mul(dscale, op.Mul(scale, -0.5)), op.Mul(rstd, rstd));
      return [op.Mul(dy, perChannel(op, slope, rank)), dscale, dbias, op.Neg(op.Mul(dbias, slope)), dvariance];
    },
    evaluate: ([x, scale, bias, mean, variance], { epsilon }) => {
      const rank = x.shape.length;
      const slope = zip((s, v) => s / Math.sqrt(v + epsilon), scale, variance);
      const shift = zip((b, m, s) => b - m * s, bias, mean, slope);
      return zip((v, s, b) => v * s + b, x, column(slope, rank), column(shift, rank));
    },
  } satisfies OpDef<"BatchNormalization">,
};
