/** Resize: along each axis a constant matrix, so its gradient is that matrix transposed. */
import type { AttrsOf, OpDef } from "../ir/ir.ts";
import { matmul, ndarray, reshape } from "../../tensor/ndarray.ts";
import { sizeOf, tensor } from "../../tensor/mod.ts";
import { constantNumbers } from "./operands.ts";
import { multiplyAxis } from "./shape.ts";

type Attrs = AttrsOf<"Resize">;

const COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"];
const ROUNDINGS = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"];

function requireOneOf(attribute: string, given: string, known: readonly string[]): void {
  if (!known.includes(given)) throw new TypeError(`expected ${attribute} ${known.join(", ")}, got ${given}`);
}

function sourceCoordinate(i: number, { from, to, mode }: { from: number; to: number; mode: string }): number {
  if (mode === "align_corners") return to === 1 ? 0 : i * (from - 1) / (to - 1);
  if (mode === "asymmetric") return i * from / to;
  if (mode === "pytorch_half_pixel" && to === 1) return 0;
  return (i + 0.5) * from / to - 0.5;
}

function nearest(x: number, mode: Attrs["nearest_mode"]): number {
  if (mode === "floor") return Math.floor(x);
  if (mode === "ceil") return Math.ceil(x);
  return mode === "round_prefer_floor" ? Math.ceil(x - 0.5) : Math.floor(x + 0.5);
}

/** The element of an axis that each of the new ones repeats. */
export function nearestSources(from: number, to: number, attrs: Attrs): number[] {
  const { coordinate_transformation_mode: mode, nearest_mode } = attrs;
  return Array.from({ length: to }, (_, i) => {
    const source = nearest(sourceCoordinate(i, { from, to, mode }), nearest_mode);
    return Math.min(Math.max(source, 0), from - 1);
  });
}

/** The [to, from] matrix by which Resize maps one axis; coordinates are clamped to the axis, as ONNX and PyTorch do. */
function resizeMatrix(from: number, to: number, attrs: Attrs): Float64Array {
  const matrix = new Float64Array(to * from);
  if (attrs.mode === "nearest") {
    nearestSources(from, to, attrs).forEach((source, i) => matrix[i * from + source] = 1);
    return matrix;
  }
  const clamp = (v: number) => Math.min(Math.max(v, 0), from - 1);
  for (let i = 0; i < to; i++) {
    const x = sourceCoordinate(i, { from, to, mode: attrs.coordinate_transformation_mode });
    const at = clamp(x), low = Math.floor(at), high = clamp(low + 1);
    matrix[i * from + low] += 1 - (at - low);
    matrix[i * from + high] += at - low;
  }
  return matrix;
}

function transposed(matrix: Float64Array, rows: number, columns: number): Float64Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]);
}

export const RESIZE_OPS = {
  // y = A·x along each axis, dx = Aᵀ·dy
  Resize: {
    attrs: (
      { mode = "nearest", coordinate_transformation_mode = "half_pixel", nearest_mode = "round_prefer_floor" },
    ) => {
      requireOneOf("mode", mode, ["nearest", "linear"]);
      requireOneOf("coordinate_transformation_mode", coordinate_transformation_mode, COORDINATES);
      requireOneOf("nearest_mode", nearest_mode, ROUNDINGS);
      return { mode, coordinate_transformation_mode, nearest_mode };
    },
    infer: ([x, , , sizes]) => {
      const shape = constantNumbers(sizes, "sizes");
      if (shape.length !== x.shape.length || shape.some((d) => d < 1)) {
        throw new RangeError(`expected ${x.shape.length} positive sizes for [${x.shape}], got [${shape}]`);
      }
      return { dtype: x.dtype, shape };
    },
    vjp: (op, { x: [x], y, attrs }, dy) => {
      let dx = dy;
      for (let axis = x.shape.length - 1; axis >= 0; axis--) {
        const from = x.shape[axis], to = y.shape[axis];
        if (from === to) continue;
        const matrix = Array.from(transposed(resizeMatrix(from, to, attrs), to, from));
        dx = multiplyAxis(op, dx, { axis, matrix: tensor(x.dtype, [from, to], matrix) });
      }
      return [dx];
    },
    evaluate: ([x], attrs, y) => {
      let out = x;
      for (let axis = 0; axis < x.shape.length; axis++) {
        const from = x.shape[axis], to = y.shape[axis];
        if (from === to) continue;
        const shape = out.shape.map((d, k) => (k === axis ? to : d));
        const flat = reshape(out, [sizeOf(shape.slice(0, axis)), from, sizeOf(shape.slice(axis + 1))]);
        out = reshape(matmul(ndarray([to, from], resizeMatrix(from, to, attrs)), flat), shape);
      }
      return out;
    },
  } satisfies OpDef<"Resize">,
};
