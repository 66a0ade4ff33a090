/** Import rules of operators that make constants, shapes and index lists, which fold away since shapes are static. */
import type { Value } from "../../ir/ir.ts";
import { sizeOf, type Tensor, tensor } from "../../../tensor/mod.ts";
import { ONNX_DTYPES } from "../../ir/dtypes.ts";
import { dtypeOf } from "../tensors.ts";
import { listLength, type RuleContext, type Rules } from "./rule.ts";

function constant(c: RuleContext): Value {
  const value = c.attr("value");
  if (isTensor(value)) return c.b.constant(value);
  for (const [name, dtype] of [["value_float", "float32"], ["value_int", "int64"]] as const) {
    const number = c.number(name);
    if (number !== undefined) return c.b.constant(tensor(dtype, [], [number]));
  }
  for (const [name, dtype] of [["value_floats", "float32"], ["value_ints", "int64"]] as const) {
    const list = c.intsAttr(name);
    if (list !== undefined) return c.b.constant(tensor(dtype, [list.length], list));
  }
  throw new TypeError(`expected a tensor or numbers, got ${[...c.node.attrs.keys()].join(", ") || "nothing"}`);
}

function isTensor(v: unknown): v is Tensor {
  return typeof v === "object" && v !== null && "dtype" in v;
}

function list(c: RuleContext, values: readonly number[]): Value {
  return c.b.constant(tensor("int64", [values.length], values));
}

function shape(c: RuleContext): Value {
  const { shape: dims } = c.x(0);
  return list(c, dims.slice(c.number("start") ?? 0, c.number("end")));
}

function constantOfShape(c: RuleContext): Value {
  const value = c.attr("value");
  if (value !== undefined && !isTensor(value)) throw new TypeError("expected a tensor in attribute value");
  const fill = value === undefined ? tensor("float32", [], [0]) : { ...value, shape: [] };
  const dims = c.numbers(0, "shape");
  if (dims === undefined) throw new TypeError("expected a shape, got none");
  if (dims.some((d) => d < 0)) throw new RangeError(`expected sizes from 0, got [${dims}]`);
  return c.op.Expand(fill, dims);
}

function range(c: RuleContext): Value {
  c.ignore("stash_type"); // the precision of float16, which is widened
  const [start, limit, step] = ["start", "limit", "delta"].map((name, i) => c.numbers(i, name)?.[0]);
  if (start === undefined || limit === undefined || step === undefined || step === 0) {
    throw new TypeError("expected start, limit and a non-zero delta");
  }
  const n = Math.max(0, Math.ceil((limit - start) / step));
  return c.b.constant(tensor(c.x(0).dtype, [n], Array.from({ length: listLength(n) }, (_, i) => start + i * step)));
}

/** The indices of the elements that are not zero: [rank, count]. */
function nonZero(c: RuleContext): Value {
  const x = c.x(0);
  const values = c.numbers(0, "values")!;
  const found = values.flatMap((v, i) => (v === 0 ? [] : [i]));
  const rows = x.shape.map((d, k) => {
    const stride = sizeOf(x.shape.slice(k + 1));
    return found.map((i) => Math.floor(i / stride) % d);
  });
  return c.b.constant(tensor("int64", [rows.length, found.length], rows.flat()));
}

/** Keeps one side of a diagonal and replaces the other by zeros. */
function trilu(c: RuleContext): Value {
  const x = c.x(0), k = c.numbers(1, "k")?.[0] ?? 0;
  const upper = (c.number("upper") ?? 1) !== 0;
  const [rows, columns] = x.shape.slice(-2);
  const keep = Uint8Array.from({ length: listLength(rows * columns) }, (_, i) => {
    const offset = (i % columns) - Math.floor(i / columns);
    return Number(upper ? offset >= k : offset <= k);
  });
  const mask = tensor("bool", [rows, columns], keep);
  return x.dtype === "bool" ? c.op.And(x, mask) : c.op.Where(mask, x, c.b.literal(x.dtype, 0));
}

function eyeLike(c: RuleContext): Value {
  const x = c.x(0), k = c.number("k") ?? 0, [rows, columns] = x.shape;
  const dtype = dtypeOf(c.number("dtype") ?? ONNX_DTYPES[x.dtype]);
  const ones = Array.from(
    { length: listLength(rows * columns) },
    (_, i) => Number((i % columns) - Math.floor(i / columns) === k),
  );
  return c.b.constant(tensor(dtype, [rows, columns], ones));
}

/** values = [off, on]. */
function oneHot(c: RuleContext): Value {
  const { op } = c;
  const indices = c.x(0), depth = c.numbers(1, "depth")?.[0] ?? 0, values = c.x(2);
  if (!(depth >= 1)) throw new RangeError(`expected a depth from 1, got ${depth}`);
  const rank = indices.shape.length + 1, axis = c.axis(-1, rank);
  const column = op.Reshape(indices, indices.shape.toSpliced(axis, 0, 1));
  const positive = op.Where(op.Less(column, 0), op.Add(column, depth), column);
  const classes = tensor(
    indices.dtype,
    [depth, ...Array(rank - 1 - axis).fill(1)],
    Array.from({ length: listLength(depth) }, (_, i) => i),
  );
  const pick = (i: number) => op.Reshape(op.Slice(values, [i], [i + 1], [0], [1]), []);
  return op.Where(op.Equal(positive, classes), pick(1), pick(0));
}

export const CONSTANT_RULES: Rules = {
  Constant: constant,
  ConstantOfShape: constantOfShape,
  EyeLike: eyeLike,
  NonZero: nonZero,
  OneHot: oneHot,
  Range: range,
  Shape: shape,
  Size: (c) => c.b.constant(tensor("int64", [], [sizeOf(c.x(0).shape)])),
  Trilu: trilu,
};
