/** The signatures of all operators of the IR, with ONNX's names, input order and attribute names (opset 20). */
import type { Tensor, TensorType } from "../../tensor/mod.ts";

/** A value inside a builder: its name and static type. */
export interface Value extends TensorType {
  readonly name: string;
}

/** A value, a tensor (a constant), a number (a scalar constant of its peers' dtype), a list (a 1-D int64 constant) or null (absent). */
export type Operand = Value | Tensor | number | readonly number[] | null;

interface Unary {
  in: [x: Operand];
  attrs: Record<never, never>;
}
interface Binary {
  in: [a: Operand, b: Operand];
  attrs: Record<never, never>;
}
interface Reduce {
  in: [x: Operand, axes: readonly number[] | Value | null];
  attrs: { keepdims: number };
}
interface Window {
  kernel_shape: readonly number[];
  strides: readonly number[];
  /** Begin of every axis, then end of every axis. */
  pads: readonly number[];
  dilations: readonly number[];
}

/** Operator name → inputs and attributes. Every other table of the compiler is total over these names. */
export interface OpTable {
  Abs: Unary;
  Add: Binary;
  And: Binary;
  ArgMax: { in: [x: Operand]; attrs: { axis: number; keepdims: number } };
  AveragePool: { in: [x: Operand]; attrs: Window & { ceil_mode: number; count_include_pad: number } };
  BatchNormalization: {
    in: [x: Operand, scale: Operand, bias: Operand, mean: Operand, variance: Operand];
    attrs: { epsilon: number };
  };
  Cast: { in: [x: Operand]; attrs: { to: number } };
  Ceil: Unary;
  Clip: { in: [x: Operand, min: Operand, max: Operand]; attrs: Record<never, never> };
  Concat: { in: Operand[]; attrs: { axis: number } };
  Conv: { in: [x: Operand, w: Operand, b: Operand]; attrs: Window & { group: number } };
  ConvTranspose: {
    in: [x: Operand, w: Operand, b: Operand];
    attrs: Window & { group: number; output_padding: readonly number[] };
  };
  Cos: Unary;
  Div: Binary;
  Elu: { in: [x: Operand]; attrs: { alpha: number } };
  Equal: Binary;
  Erf: Unary;
  Exp: Unary;
  Expand: { in: [x: Operand, shape: readonly number[] | Value]; attrs: Record<never, never> };
  Floor: Unary;
  Gather: { in: [x: Operand, indices: Operand]; attrs: { axis: number } };
  Gelu: { in: [x: Operand]; attrs: { approximate: "none" | "tanh" } };
  Gemm: {
    in: [a: Operand, b: Operand, c: Operand];
    attrs: { alpha: number; beta: number; transA: number; transB: number };
  };
  GlobalAveragePool: Unary;
  GlobalMaxPool: Unary;
  Greater: Binary;
  GreaterOrEqual: Binary;
  HardSigmoid: { in: [x: Operand]; attrs: { alpha: number; beta: number } };
  HardSwish: Unary;
  Identity: Unary;
  InstanceNormalization: { in: [x: Operand, scale: Operand, bias: Operand]; attrs: { epsilon: number } };
  LayerNormalization: {
    in: [x: Operand, scale: Operand, bias: Operand];
    attrs: { axis: number; epsilon: number };
  };
  LeakyRelu: { in: [x: Operand]; attrs: { alpha: number } };
  Less: Binary;
  LessOrEqual: Binary;
  Log: Unary;
  LogSoftmax: { in: [x: Operand]; attrs: { axis: number } };
  MatMul: Binary;
  Max: Binary;
  MaxPool: { in: [x: Operand]; attrs: Window & { ceil_mode: number } };
  Min: Binary;
  Mul: Binary;
  Neg: Unary;
  Not: Unary;
  Or: Binary;
  PRelu: { in: [x: Operand, slope: Operand]; attrs: Record<never, never> };
  Pad: {
    in: [x: Operand, pads: readonly number[] | Value, value: Operand];
    attrs: { mode: "constant" | "reflect" | "edge" };
  };
  Pow: Binary;
  Reciprocal: Unary;
  ReduceMax: Reduce;
  ReduceMean: Reduce;
  ReduceMin: Reduce;
  ReduceSum: Reduce;
  Relu: Unary;
  Reshape: { in: [x: Operand, shape: readonly number[] | Value]; attrs: Record<never, never> };
  Resize: {
    in: [x: Operand, roi: null, scales: null, sizes: readonly number[] | Value];
    attrs: {
      mode: "nearest" | "linear";
      coordinate_transformation_mode: "half_pixel" | "align_corners" | "asymmetric" | "pytorch_half_pixel";
      nearest_mode: "floor" | "ceil" | "round_prefer_floor" | "round_prefer_ceil";
    };
  };
  Round: Unary;
  Sigmoid: Unary;
  Sign: Unary;
  Sin: Unary;
  Slice: {
    in: [
      x: Operand,
      starts: readonly number[] | Value,
      ends: readonly number[] | Value,
      axes: readonly number[] | Value,
      steps: readonly number[] | Value,
    ];
    attrs: Record<never, never>;
  };
  Softmax: { in: [x: Operand]; attrs: { axis: number } };
  Softplus: Unary;
  Sqrt: Unary;
  Sub: Binary;
  Tanh: Unary;
  Tile: { in: [x: Operand, repeats: readonly number[] | Value]; attrs: Record<never, never> };
  Transpose: { in: [x: Operand]; attrs: { perm: readonly number[] } };
  Where: { in: [condition: Operand, x: Operand, y: Operand]; attrs: Record<never, never> };
}

export type OpName = keyof OpTable;
export type InputsOf<K extends OpName> = OpTable[K]["in"];
export type AttrsOf<K extends OpName> = Readonly<OpTable[K]["attrs"]>;

/** `op.X(inputs…, attributes?)`: adds a node and returns its output. */
export type Ops = {
  readonly [K in OpName]: keyof OpTable[K]["attrs"] extends never ? (...inputs: InputsOf<K>) => Value
    : (...args: [...inputs: InputsOf<K>, attrs: Partial<AttrsOf<K>>]) => Value;
};
