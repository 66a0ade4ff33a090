/** Import rules of operators that move elements: their shapes, axes and index lists become constants. */
import type { Value } from "../../ir/ir.ts";
import { stridesOf } from "../../../tensor/ndarray.ts";
import { constantNumbers, normalizeAxis } from "../../ops/operands.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../../tensor/mod.ts";
import { listLength, type RuleContext, type Rules } from "./rule.ts";

/** A reshape, or the value itself where it has the shape. In a Reshape of the IR a size of 0 means another one. */
export function view(c: RuleContext, x: Value, shape: readonly number[]): Value {
  const same = x.shape.length === shape.length && x.shape.every((d, k) => d === shape[k]);
  if (!same && shape.includes(0)) return c.b.empty({ dtype: x.dtype, shape });
  return same ? x : c.op.Reshape(x, shape);
}

/** The part of `x` from `start` to `end` of one axis. */
export function cut(c: RuleContext, x: Value, [axis, start, end]: readonly [number, number, number]): Value {
  return start === 0 && end === x.shape[axis] ? x : c.op.Slice(x, [start], [end], [axis], [1]);
}

/** Above the importer's limit of axes: bounds lists of axes before their shapes are checked. */
const MAX_RANK = 64;

function range(n: number): number[] {
  return Array.from({ length: listLength(n) }, (_, i) => i);
}

function reshape(c: RuleContext): Value {
  const x = c.x(0);
  const shape = c.numbers(1, "shape");
  if (shape === undefined) throw new TypeError("expected a shape, got none");
  const keepZero = c.number("allowzero") === 1;
  const target = shape.map((d, k) => (d === 0 && !keepZero ? x.shape[k] : d));
  const hole = target.indexOf(-1);
  if (hole >= 0) target[hole] = sizeOf(x.shape) / sizeOf(target.toSpliced(hole, 1));
  if (sizeOf(target) !== sizeOf(x.shape) || !target.every(Number.isInteger)) {
    throw new RangeError(`expected a shape of ${sizeOf(x.shape)} elements for [${x.shape}], got [${shape}]`);
  }
  return view(c, x, target);
}

function squeeze(c: RuleContext): Value {
  const x = c.x(0), rank = x.shape.length;
  const listed = c.ints("axes", 1)?.map((a) => normalizeAxis(a, rank)) ?? [];
  const axes = listed.length > 0 ? listed : range(rank).filter((k) => x.shape[k] === 1);
  const wide = axes.find((a) => x.shape[a] !== 1);
  if (wide !== undefined) throw new RangeError(`expected axis ${wide} of [${x.shape}] to be 1`);
  return view(c, x, x.shape.filter((_, k) => !axes.includes(k)));
}

function unsqueeze(c: RuleContext): Value {
  const x = c.x(0);
  const listed = c.ints("axes", 1);
  if (listed === undefined) throw new TypeError("expected axes, got none");
  const rank = x.shape.length + listed.length;
  if (rank > MAX_RANK) throw new RangeError(`expected at most ${MAX_RANK} axes, got ${rank}`);
  const axes = listed.map((a) => normalizeAxis(a, rank));
  if (new Set(axes).size !== axes.length) throw new RangeError(`expected distinct axes, got [${listed}]`);
  const rest = [...x.shape];
  return view(c, x, range(rank).map((k) => (axes.includes(k) ? 1 : rest.shift()!)));
}

function flatten(c: RuleContext): Value {
  const x = c.x(0), rank = x.shape.length;
  const given = c.number("axis") ?? 1;
  const axis = given === rank ? rank : normalizeAxis(given, rank);
  return view(c, x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]);
}

function split(c: RuleContext): Value[] {
  const x = c.x(0);
  const axis = c.axis(0, x.shape.length);
  const d = x.shape[axis];
  const n = c.node.outputs.length;
  c.only("num_outputs", n);
  const chunk = Math.ceil(d / n);
  const sizes = c.ints("split", 1) ?? range(n).map((i) => Math.min(chunk, d - i * chunk));
  if (sizes.length < c.node.outputs.length || sizes.some((s) => s < 0) || sizes.reduce((a, b) => a + b, 0) !== d) {
    throw new RangeError(`expected ${c.node.outputs.length} parts of axis ${axis} of [${x.shape}], got [${sizes}]`);
  }
  let at = 0;
  return sizes.map((s) => cut(c, x, [axis, at, at += s]));
}

/** The lists of a slice, complete and with starts and ends inside the tensor. */
function slice(c: RuleContext): Value {
  const x = c.x(0), rank = x.shape.length;
  const starts = c.ints("starts", 1), ends = c.ints("ends", 2);
  if (starts === undefined || ends === undefined) throw new TypeError("expected starts and ends");
  const axes = (c.ints("axes", 3) ?? range(starts.length)).map((a) => normalizeAxis(a, rank));
  const steps = c.numbers(4, "steps") ?? starts.map(() => 1);
  if ([ends, axes, steps].some((l) => l.length !== starts.length) || new Set(axes).size !== axes.length) {
    throw new RangeError(`expected lists of ${starts.length} distinct axes, got axes [${axes}] and steps [${steps}]`);
  }
  const bound = (v: number, [d, low, high]: readonly number[]) => Math.min(Math.max(v < 0 ? v + d : v, low), high);
  const cuts = axes.flatMap((axis, i) => {
    const d = x.shape[axis], step = steps[i];
    if (step === 0) throw new RangeError("expected a non-zero step, got 0");
    const from = bound(starts[i], step > 0 ? [d, 0, d] : [d, 0, d - 1]);
    const to = bound(ends[i], step > 0 ? [d, 0, d] : [d, -1, d - 1]);
    // −1 would count from the end again
    return from === 0 && to === d && step === 1 ? [] : [{ axis, step, from, to: to < 0 ? to - d : to }];
  });
  if (cuts.length === 0) return x;
  const list = (f: (cut: (typeof cuts)[number]) => number) => cuts.map(f);
  return c.op.Slice(x, list((s) => s.from), list((s) => s.to), list((s) => s.axis), list((s) => s.step));
}

function concat(c: RuleContext): Value {
  const all = c.all();
  const axis = c.axis(0, all[0].shape.length);
  const parts = all.filter((v) => v.shape[axis] !== 0);
  return parts.length === 1 ? parts[0] : c.op.Concat(...(parts.length === 0 ? all : parts), { axis });
}

/** Constant indices, counted from the start. @throws {RangeError} an index is outside */
function rowsOf(indices: Tensor, d: number): number[] {
  return constantNumbers({ ...indices, constant: indices }, "indices").map((r) => {
    if (r < -d || r >= d) throw new RangeError(`expected indices from ${-d} to ${d - 1}, got ${r}`);
    return r < 0 ? r + d : r;
  });
}

/** Constant indices of neighbouring rows become a slice, whose gradient costs less. */
function gather(c: RuleContext): Value {
  const x = c.x(0), indices = c.x(1);
  const axis = c.axis(0, x.shape.length);
  const known = c.known(1);
  if (known === undefined) return c.op.Gather(x, indices, { axis });
  const rows = rowsOf(known, x.shape[axis]);
  const shape = [...x.shape.slice(0, axis), ...indices.shape, ...x.shape.slice(axis + 1)];
  if (rows.length > 0 && rows.every((r, i) => r === rows[0] + i)) {
    return view(c, cut(c, x, [axis, rows[0], rows[0] + rows.length]), shape);
  }
  return c.op.Gather(x, tensor("int64", indices.shape, rows), { axis });
}

/** The rows for which a constant list is true. */
function compress(c: RuleContext): Value {
  const flat = c.attr("axis") === undefined, given = c.x(0);
  const x = flat ? view(c, given, [sizeOf(given.shape)]) : given, axis = flat ? 0 : c.axis(0, x.shape.length);
  const rows = c.numbers(1, "condition")?.flatMap((v, i) => (v === 0 ? [] : [i])) ?? [];
  rowsOf(tensor("int64", [rows.length], rows), x.shape[axis]);
  return c.op.Gather(x, tensor("int64", [rows.length], rows), { axis });
}

/** The elements of `x` at flat positions. */
function takeFlat(c: RuleContext, x: Value, { at, shape }: { at: readonly number[]; shape: readonly number[] }): Value {
  return c.op.Gather(view(c, x, [sizeOf(x.shape)]), tensor("int64", shape, at), { axis: 0 });
}

function needed(t: Tensor | undefined): Tensor {
  if (t === undefined) throw new TypeError("expected constant indices, got a value computed at run time");
  return t;
}

/** Flat positions in `shape` that an index tensor of the same rank names along `axis`. */
function positionsAlong(shape: readonly number[], indices: Tensor, axis: number): number[] {
  if (indices.shape.length !== shape.length || indices.shape.some((d, k) => k !== axis && d > shape[k])) {
    throw new RangeError(`expected indices within [${shape}] but for axis ${axis}, got [${indices.shape}]`);
  }
  const own = stridesOf(shape), strides = stridesOf(indices.shape);
  return rowsOf(indices, shape[axis]).map((row, i) =>
    own.reduce((at, s, k) => at + s * (k === axis ? row : Math.floor(i / strides[k]) % indices.shape[k]), 0)
  );
}

function gatherElements(c: RuleContext): Value {
  const x = c.x(0), axis = c.axis(0, x.shape.length);
  const indices = needed(c.known(1));
  return takeFlat(c, x, { at: positionsAlong(x.shape, indices, axis), shape: indices.shape });
}

/** Flat positions of the first element of every block that index vectors (last axis) name. */
function positionsOf(shape: readonly number[], indices: Tensor): number[] {
  const n = indices.shape.at(-1)!;
  if (indices.data.length === 0) return [];
  const own = stridesOf(shape);
  const columns = range(n).map((k) => rowsOf(column(indices, n, k), shape[k]));
  return range(sizeOf(indices.shape) / n).map((i) => columns.reduce((at, rows, k) => at + rows[i] * own[k], 0));
}

function column(t: Tensor, n: number, k: number): Tensor {
  return tensor(
    t.dtype,
    [t.data.length / n],
    toNumbers(t).filter((_, i) => i % n === k),
  );
}

function requireDepth(x: Value, { shape }: Tensor): void {
  if (!(shape.at(-1)! >= 1 && shape.at(-1)! <= x.shape.length)) {
    throw new RangeError(`expected index vectors of 1 to ${x.shape.length} numbers, got [${shape}]`);
  }
}

/** The flat positions of whole blocks. */
function blocks(starts: readonly number[], block: number): number[] {
  return range(starts.length * block).map((i) => starts[Math.floor(i / block)] + i % block);
}

function gatherNd(c: RuleContext): Value {
  c.only("batch_dims", 0);
  const x = c.x(0), indices = needed(c.known(1));
  requireDepth(x, indices);
  const tail = x.shape.slice(indices.shape.at(-1)!), block = sizeOf(tail);
  const starts = positionsOf(x.shape, indices);
  return takeFlat(c, x, {
    at: blocks(starts, block),
    shape: [...indices.shape.slice(0, -1), ...tail],
  });
}

/** `x` with the elements at flat positions replaced, by a gather from old and new elements in one list. */
function putFlat(c: RuleContext, x: Value, { at, updates }: { at: readonly number[]; updates: Value }): Value {
  if (at.length === 0) return x;
  const size = sizeOf(x.shape);
  const pick = range(size);
  at.forEach((p, i) => pick[p] = size + i);
  const both = c.op.Concat(view(c, x, [size]), view(c, updates, [at.length]), { axis: 0 });
  return c.op.Gather(both, tensor("int64", x.shape, pick), { axis: 0 });
}

function scatterNd(c: RuleContext): Value {
  c.only("reduction", "none");
  const x = c.x(0), indices = needed(c.known(1));
  requireDepth(x, indices);
  const block = sizeOf(x.shape.slice(indices.shape.at(-1)!));
  return putFlat(c, x, { at: blocks(positionsOf(x.shape, indices), block), updates: c.x(2) });
}

function scatterElements(c: RuleContext): Value {
  c.only("reduction", "none");
  const x = c.x(0), axis = c.axis(0, x.shape.length);
  return putFlat(c, x, { at: positionsAlong(x.shape, needed(c.known(1)), axis), updates: c.x(2) });
}

function pad(c: RuleContext): Value {
  const x = c.x(0), rank = x.shape.length;
  c.only("mode", "constant", "reflect", "edge");
  const listed = c.ints("pads", 1);
  if (listed === undefined) throw new TypeError("expected pads, got none");
  const axes = (c.numbers(3, "axes") ?? range(rank)).map((a) => normalizeAxis(a, rank));
  if (listed.length !== 2 * axes.length) throw new RangeError(`expected ${2 * axes.length} pads, got [${listed}]`);
  const pads = Array<number>(2 * rank).fill(0);
  axes.forEach((a, i) => {
    pads[a] = listed[i];
    pads[a + rank] = listed[i + axes.length];
  });
  const attribute = c.number("value");
  const value = attribute === undefined ? c.optional(2) : c.b.literal(x.dtype, attribute);
  if (value !== null && value.dtype !== x.dtype) {
    throw new TypeError(`expected a value of ${x.dtype}, got ${value.dtype}`);
  }
  if (pads.every((p) => p === 0)) return x;
  const mode = (c.text("mode") ?? "constant") as "constant" | "reflect" | "edge";
  return c.op.Pad(x, pads, value === null ? null : view(c, value, []), { mode });
}

function expand(c: RuleContext): Value {
  const x = c.x(0);
  const shape = c.numbers(1, "shape");
  if (shape === undefined) throw new TypeError("expected a shape, got none");
  if (shape.some((d) => d < 0)) throw new RangeError(`expected sizes from 0, got [${shape}]`);
  const y = c.op.Expand(x, shape);
  return y.shape.length === x.shape.length && y.shape.every((d, k) => d === x.shape[k]) ? x : y;
}

function tile(c: RuleContext): Value {
  const repeats = c.numbers(1, "repeats");
  if (repeats === undefined) throw new TypeError("expected repeats, got none");
  return repeats.every((r) => r === 1) ? c.x(0) : c.op.Tile(c.x(0), repeats);
}

function transpose(c: RuleContext): Value {
  const x = c.x(0);
  const perm = c.intsAttr("perm");
  return perm?.every((p, k) => p === k) ? x : c.op.Transpose(x, perm === undefined ? {} : { perm });
}

/** The block size of an image operator whose sizes it divides. */
function blockSize(c: RuleContext, { shape }: Value, divided: (b: number) => readonly number[]): number {
  const b = c.number("blocksize") ?? 0;
  if (shape.length !== 4 || !(b >= 1) || !divided(b).every(Number.isInteger)) {
    throw new RangeError(`expected an image [N, C, H, W] that blocks divide, got [${shape}] and blocksize ${b}`);
  }
  return b;
}

/** [N, C·b², H, W] → [N, C, H·b, W·b]. */
function depthToSpace(c: RuleContext): Value {
  const x = c.x(0), b = blockSize(c, x, (size) => [x.shape[1] / size ** 2]);
  c.only("mode", "DCR", "CRD");
  const [n, ch, h, w] = x.shape, inner = ch / b ** 2;
  const crd = c.text("mode") === "CRD";
  const apart = c.op.Reshape(x, crd ? [n, inner, b, b, h, w] : [n, b, b, inner, h, w]);
  return c.op.Reshape(c.op.Transpose(apart, { perm: crd ? [0, 1, 4, 2, 5, 3] : [0, 3, 4, 1, 5, 2] }), [
    n,
    inner,
    h * b,
    w * b,
  ]);
}

/** [N, C, H·b, W·b] → [N, C·b², H, W]. */
function spaceToDepth(c: RuleContext): Value {
  const x = c.x(0), b = blockSize(c, x, (size) => [x.shape[2] / size, x.shape[3] / size]);
  c.only("mode", "DCR", "CRD");
  const [n, ch, h, w] = x.shape, crd = c.text("mode") === "CRD";
  const apart = c.op.Reshape(x, [n, ch, h / b, b, w / b, b]);
  return c.op.Reshape(c.op.Transpose(apart, { perm: crd ? [0, 1, 3, 5, 2, 4] : [0, 3, 5, 1, 2, 4] }), [
    n,
    ch * b ** 2,
    h / b,
    w / b,
  ]);
}

export const SHAPE_RULES: Rules = {
  Compress: compress,
  Concat: concat,
  DepthToSpace: depthToSpace,
  Expand: expand,
  Flatten: flatten,
  Gather: gather,
  GatherElements: gatherElements,
  GatherND: gatherNd,
  Pad: pad,
  Reshape: reshape,
  Scatter: scatterElements,
  ScatterElements: scatterElements,
  ScatterND: scatterNd,
  Slice: slice,
  SpaceToDepth: spaceToDepth,
  Split: split,
  Squeeze: squeeze,
  Tile: tile,
  Transpose: transpose,
  Unsqueeze: unsqueeze,
};
