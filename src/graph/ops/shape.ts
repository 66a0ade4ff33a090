/** Operators that move elements without computing: Reshape, Transpose, Concat, Slice, Pad, Expand, Tile, Gather. */
import type { InputInfo, OpDef, Ops, Value } from "../ir/ir.ts";
import {
  broadcastShapes,
  broadcastTo,
  gatherStrided,
  ndarray,
  reshape as view,
  stridesOf,
  transpose,
} from "../../tensor/ndarray.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../tensor/mod.ts";
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { constantNumbers, normalizeAxis } from "./operands.ts";
import { scatterRows } from "./scatter.ts";

/** A Slice's starts, lengths and steps for every axis, clamped as ONNX says. */
interface SliceSpec {
  readonly start: readonly number[];
  readonly length: readonly number[];
  readonly step: readonly number[];
}

/** The numbers of a Slice's inputs. */
interface SliceLists {
  readonly starts: readonly number[];
  readonly ends: readonly number[];
  readonly axes: readonly number[] | undefined;
  readonly steps: readonly number[] | undefined;
}

function sliceSpec(
  shape: readonly number[],
  { starts, ends, axes = starts.map((_, i) => i), steps = starts.map(() => 1) }: SliceLists,
): SliceSpec {
  if ([ends, axes, steps].some((list) => list.length !== starts.length)) {
    throw new RangeError(`expected lists of ${starts.length} numbers as starts, got ${[ends, axes, steps].join("; ")}`);
  }
  const start = shape.map(() => 0), length = [...shape], step = shape.map(() => 1);
  axes.forEach((axis, i) => {
    const a = normalizeAxis(axis, shape.length);
    const d = shape[a], s = steps[i];
    if (s === 0) throw new RangeError("expected a non-zero step, got 0");
    const clamp = (v: number, lo: number, hi: number) => Math.min(Math.max(v < 0 ? v + d : v, lo), hi);
    const from = s > 0 ? clamp(starts[i], 0, d) : clamp(starts[i], 0, d - 1);
    const to = s > 0 ? clamp(ends[i], 0, d) : clamp(ends[i], -1, d - 1);
    start[a] = from;
    step[a] = s;
    length[a] = Math.max(0, Math.ceil((to - from) / s));
  });
  return { start, length, step };
}

function readSlice(
  shape: readonly number[],
  [starts, ends, axes, steps]: readonly (Pick<InputInfo, "constant"> | null | undefined)[],
): SliceSpec {
  const numbers = (list: Pick<InputInfo, "constant"> | null | undefined, what: string) =>
    list == null ? undefined : constantNumbers(list, what);
  return sliceSpec(shape, {
    starts: constantNumbers(starts ?? {}, "starts"),
    ends: constantNumbers(ends ?? {}, "ends"),
    axes: numbers(axes, "axes"),
    steps: numbers(steps, "steps"),
  });
}

/** Inserts `step − 1` zeros between neighbours along each axis: the adjoint of a strided slice. */
export function dilate(op: Ops, x: Value, step: readonly number[]): Value {
  const rank = x.shape.length;
  if (step.every((s) => s === 1)) return x;
  const apart = op.Reshape(x, x.shape.flatMap((d) => [d, 1]));
  const padded = op.Pad(apart, [...Array(2 * rank).fill(0), ...step.flatMap((s) => [0, s - 1])], 0, {});
  const spread = op.Reshape(padded, x.shape.map((d, k) => d * step[k]));
  return op.Slice(
    spread,
    x.shape.map(() => 0),
    x.shape.map((d, k) => (d - 1) * step[k] + 1),
    x.shape.map((_, k) => k),
    x.shape.map(() => 1),
  );
}

/** Reverses `axes`. */
function flip(op: Ops, x: Value, axes: readonly number[]): Value {
  if (axes.length === 0) return x;
  return op.Slice(x, axes.map(() => -1), axes.map(() => -(2 ** 31)), axes, axes.map(() => -1));
}

function reshapeTarget(x: InputInfo, shape: readonly number[]): number[] {
  const target = shape.map((d, k) => (d === 0 ? x.shape[k] : d));
  const hole = target.indexOf(-1);
  if (hole >= 0) target[hole] = sizeOf(x.shape) / -sizeOf(target);
  if (sizeOf(target) !== sizeOf(x.shape) || !target.every((d) => Number.isInteger(d) && d >= 0)) {
    throw new RangeError(`expected a shape of ${sizeOf(x.shape)} elements for [${x.shape}], got [${shape}]`);
  }
  return target;
}

/** The source index for each padded index, or −1 for the fill value. */
function padSources(d: number, { low, high, mode }: { low: number; high: number; mode: string }): number[] {
  return Array.from({ length: low + d + high }, (_, i) => {
    const at = i - low;
    if (at >= 0 && at < d) return at;
    if (mode === "constant") return -1;
    if (mode === "edge") return at < 0 ? 0 : d - 1;
    return at < 0 ? -at : 2 * (d - 1) - at;
  });
}

/** Most elements of the 0/1 matrix with which indices that only run time knows take rows. */
const MAX_SELECTION = 2 ** 24;

export const SHAPE_OPS = {
  // dx = dy in x's shape
  Reshape: {
    infer: ([x, shape]) => ({ dtype: x.dtype, shape: reshapeTarget(x, constantNumbers(shape, "shape")) }),
    vjp: (op, { x: [x] }, dy) => [op.Reshape(dy, x.shape), null],
    evaluate: ([x], _a, y) => view(x, y.shape),
  } satisfies OpDef<"Reshape">,

  // dx = dy with the inverse permutation
  Transpose: {
    attrs: ({ perm }, [x]) => ({ perm: perm ?? x.shape.map((_, k) => x.shape.length - 1 - k) }),
    infer: ([x], { perm }) => {
      if (perm.length !== x.shape.length || x.shape.some((_, k) => !perm.includes(k))) {
        throw new RangeError(`expected a permutation of ${x.shape.length} axes, got [${perm}]`);
      }
      return { dtype: x.dtype, shape: perm.map((p) => x.shape[p]) };
    },
    vjp: (op, { attrs: { perm } }, dy) => [op.Transpose(dy, { perm: perm.map((_, k) => perm.indexOf(k)) })],
    evaluate: ([x], { perm }) => transpose(x, perm),
  } satisfies OpDef<"Transpose">,

  // dxᵢ = the slice of dy that came from xᵢ
  Concat: {
    attrs: ({ axis = 0 }, [x]) => ({ axis: normalizeAxis(axis, x.shape.length) }),
    infer: (inputs, { axis }) => {
      const shape = [...inputs[0].shape];
      for (const { shape: s, dtype } of inputs.slice(1)) {
        if (dtype !== inputs[0].dtype || s.length !== shape.length || s.some((d, k) => k !== axis && d !== shape[k])) {
          throw new RangeError(
            `expected equal dims but for axis ${axis}, got ${inputs.map((i) => `[${i.shape}]`).join(" ")}`,
          );
        }
        shape[axis] += s[axis];
      }
      return { dtype: inputs[0].dtype, shape };
    },
    vjp: (op, { x, attrs: { axis } }, dy) => {
      let at = 0;
      return x.map((v) => op.Slice(dy, [at], [at += v.shape[axis]], [axis], [1]));
    },
    evaluate: (inputs, { axis }, y) => {
      const out = ndarray(y.shape);
      const inner = sizeOf(y.shape.slice(axis + 1));
      const row = y.shape[axis] * inner;
      let at = 0;
      for (const x of inputs) {
        const n = x.shape[axis] * inner;
        for (let i = 0; i * row < out.data.length; i++) out.data.set(x.data.subarray(i * n, (i + 1) * n), i * row + at);
        at += n;
      }
      return out;
    },
  } satisfies OpDef<"Concat">,

  // dx = dy between zeros: flipped where the step is negative, dilated by |step|, padded back
  Slice: {
    infer: ([x, ...lists]) => ({ dtype: x.dtype, shape: readSlice(x.shape, lists).length }),
    vjp: (op, { x: [x, ...lists], constant }, dy) => {
      const { start, length, step } = readSlice(x.shape, lists.map((v, i) => v && { constant: constant(i + 1) }));
      if (length.includes(0)) return [null];
      const upright = flip(op, dy, step.flatMap((s, k) => (s < 0 ? [k] : [])));
      const spread = dilate(op, upright, step.map(Math.abs));
      const low = start.map((s, k) => (step[k] > 0 ? s : s + (length[k] - 1) * step[k]));
      const high = low.map((l, k) => x.shape[k] - l - spread.shape[k]);
      return [[...low, ...high].every((p) => p === 0) ? spread : op.Pad(spread, [...low, ...high], 0, {})];
    },
    evaluate: ([x, ...lists]) => {
      const [starts, ends, axes, steps] = lists.map((list) => list ? Array.from(list.data) : undefined);
      const { start, length, step } = sliceSpec(x.shape, { starts: starts ?? [], ends: ends ?? [], axes, steps });
      const own = stridesOf(x.shape);
      const offset = start.reduce((sum, s, k) => sum + s * own[k], 0);
      return gatherStrided(x, { shape: length, strides: own.map((s, k) => s * step[k]), offset });
    },
  } satisfies OpDef<"Slice">,

  // constant: dx = the inner part of dy, dvalue = Σ dy − Σ dx
  Pad: {
    attrs: ({ mode = "constant" }) => {
      if (!["constant", "edge", "reflect"].includes(mode)) {
        throw new TypeError(`expected mode constant, edge or reflect, got ${mode}`);
      }
      return { mode };
    },
    infer: ([x, pads], { mode }) => {
      const p = constantNumbers(pads, "pads"), rank = x.shape.length;
      if (p.length !== 2 * rank) throw new RangeError(`expected ${2 * rank} pads for [${x.shape}], got ${p.length}`);
      const shape = x.shape.map((d, k) => d + p[k] + p[k + rank]);
      if (shape.some((d) => d < 0) || (mode === "reflect" && p.some((v, i) => v >= x.shape[i % rank]))) {
        throw new RangeError(`expected pads that suit [${x.shape}] in mode ${mode}, got [${p}]`);
      }
      return { dtype: x.dtype, shape };
    },
    vjp: (op, { x: [x, , value], attrs: { mode }, constant }, dy) => {
      const p = constantNumbers({ constant: constant(1) }, "pads"), rank = x.shape.length;
      if (mode === "constant") {
        const dx = op.Pad(dy, p.map((v) => -v), 0, {});
        const sum = (v: Value) => op.ReduceSum(v, null, { keepdims: 0 });
        return [dx, null, value == null ? null : op.Sub(sum(dy), sum(dx))];
      }
      // reflect, edge: the pads' gradients add to the voxels they were copied from, axis by axis
      let dx = dy;
      for (let k = 0; k < rank; k++) {
        const source = padSources(x.shape[k], { low: p[k], high: p[k + rank], mode });
        if (p[k] === 0 && p[k + rank] === 0) continue;
        dx = scatterRows(op, dx, { axis: k, size: x.shape[k], rows: source });
      }
      return [dx];
    },
    evaluate: ([x, pads, value], { mode }, y) => {
      const rank = x.shape.length;
      const fill = value?.data[0] ?? 0;
      const sources = x.shape.map((d, k) => padSources(d, { low: pads.data[k], high: pads.data[k + rank], mode }));
      const strides = stridesOf(x.shape);
      const out = ndarray(y.shape);
      const index = y.shape.map(() => 0);
      for (let i = 0; i < out.data.length; i++) {
        let at = 0;
        for (let k = 0; k < rank; k++) {
          at = sources[k][index[k]] < 0 || at < 0 ? -1 : at + sources[k][index[k]] * strides[k];
        }
        out.data[i] = at < 0 ? fill : x.data[at];
        for (let k = rank - 1; k >= 0 && ++index[k] === y.shape[k]; k--) index[k] = 0;
      }
      return out;
    },
  } satisfies OpDef<"Pad">,

  // dx = dy; the walk sums the repeated axes
  Expand: {
    infer: ([x, shape]) => ({ dtype: x.dtype, shape: broadcastShapes(x.shape, constantNumbers(shape, "shape")) }),
    vjp: (_op, _c, dy) => [dy, null],
    evaluate: ([x], _a, y) => broadcastTo(x, y.shape),
  } satisfies OpDef<"Expand">,

  // dx = the sum of the copies
  Tile: {
    infer: ([x, repeats]) => {
      const r = constantNumbers(repeats, "repeats");
      if (r.length !== x.shape.length || r.some((v) => v < 1)) {
        throw new RangeError(`expected ${x.shape.length} positive repeats for [${x.shape}], got [${r}]`);
      }
      return { dtype: x.dtype, shape: x.shape.map((d, k) => d * r[k]) };
    },
    vjp: (op, { x: [x], y }, dy) => {
      const copies = op.Reshape(dy, x.shape.flatMap((d, k) => [y.shape[k] / d, d]));
      return [op.ReduceSum(copies, x.shape.map((_, k) => 2 * k), { keepdims: 0 }), null];
    },
    evaluate: ([x], _a, y) => {
      const apart = broadcastTo(
        view(x, x.shape.flatMap((d) => [1, d])),
        x.shape.flatMap((d, k) => [y.shape[k] / d, d]),
      );
      return view(apart, y.shape);
    },
  } satisfies OpDef<"Tile">,

  // dx = the sums of dy's rows by the row that they were taken from
  Gather: {
    attrs: ({ axis = 0 }, [x]) => ({ axis: normalizeAxis(axis, x.shape.length) }),
    infer: ([x, indices], { axis }) => {
      if (indices.dtype !== "int64" && indices.dtype !== "int32") {
        throw new TypeError(`expected int64 or int32 indices, got ${indices.dtype}[${indices.shape}]`);
      }
      const d = x.shape[axis];
      const wrong = indices.constant && toNumbers(indices.constant).find((i) => i < -d || i >= d);
      if (wrong !== undefined) throw new RangeError(`expected indices of an axis of ${d}, got ${wrong}`);
      return { dtype: x.dtype, shape: [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)] };
    },
    vjp: (op, { x: [x, indices], attrs: { axis }, constant }, dy) => {
      const rows = constant(1), size = x.shape[axis], n = sizeOf(indices.shape);
      const flat = op.Reshape(dy, [...x.shape.slice(0, axis), n, ...x.shape.slice(axis + 1)]);
      if (rows !== undefined) {
        const positive = Int32Array.from<number | bigint>(
          rows.data,
          (r) => Number(r) < 0 ? Number(r) + size : Number(r),
        );
        return [scatterRows(op, flat, { axis, size, rows: positive }), null];
      }
      if (size * n > MAX_SELECTION) {
        throw new RangeError(
          `expected constant indices, or at most ${MAX_SELECTION} pairs of rows and indices, got ${size} and ${n}`,
        );
      }
      const column = Array.from({ length: size }, (_, i) => i);
      const hit = (from: number) =>
        op.Equal(op.Reshape(indices, [1, n]), tensor(indices.dtype, [size, 1], column.map((i) => i + from)));
      const selection = op.Cast(op.Or(hit(0), hit(-size)), { to: ONNX_DTYPES[x.dtype] });
      return [multiplyAxis(op, flat, { axis, matrix: selection }), null];
    },
    evaluate: ([x, indices], { axis }, y) => {
      const outer = sizeOf(x.shape.slice(0, axis)), inner = sizeOf(x.shape.slice(axis + 1)), d = x.shape[axis];
      const out = ndarray(y.shape);
      let at = 0;
      for (let o = 0; o < outer; o++) {
        for (const r of indices.data) {
          const from = (o * d + (r < 0 ? r + d : r)) * inner;
          out.data.set(x.data.subarray(from, from + inner), at);
          at += inner;
        }
      }
      return out;
    },
  } satisfies OpDef<"Gather">,
};

/** Multiplies `axis` of `x`, of size d, by a matrix [size, d]. */
export function multiplyAxis(op: Ops, x: Value, { axis, matrix }: { axis: number; matrix: Tensor | Value }): Value {
  const [size, d] = matrix.shape;
  const outer = sizeOf(x.shape.slice(0, axis)), inner = sizeOf(x.shape.slice(axis + 1));
  const shape = x.shape.map((n, k) => (k === axis ? size : n));
  if (inner === 1) return op.Reshape(op.Gemm(op.Reshape(x, [outer, d]), matrix, null, { transB: 1 }), shape);
  return op.Reshape(op.MatMul(matrix, op.Reshape(x, [outer, d, inner])), shape);
}
