/** The signatures of all operators of the IR, with ONNX's names, input order and attribute names (opset 20). */
import type { Tensor, TensorType } from "../../tensor/mod.ts";

/** A value inside a builder: its name and static type. */
export interface Value extends TensorType {
  readonly name: string;
}

/**
 * A value, a tensor (a constant), a number (a scalar constant of its peers' dtype) or a list (a 1-D int64 constant).
 */
export type Operand = Value | Tensor | number | readonly number[];
/** An input that may be absent. */
type Optional<T = Operand> = T | null;
/** Numbers on which the output's shape depends: always a constant. */
type Numbers = readonly number[] | Value;

interface Unary {
  in: [x: Operand];
  attrs: Record<never, never>;
}
interface Binary {
  in: [a: Operand, b: Operand];
  attrs: Record<never, never>;
}
interface Reduce {
  in: [x: Operand, axes: Optional<Numbers>];
  attrs: { keepdims: number };
}
interface Window {
  kernel_shape: readonly number[];
  strides: readonly number[];
  /** Begin of every axis, then end of every axis. */
  pads: readonly number[];
  dilations: readonly number[];
}

/** Operator name → inputs and attributes. All tables of the compiler are total over these names. */
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
  Clip: { in: [x: Operand, min: Optional, max: Optional]; attrs: Record<never, never> };
  Concat: { in: Operand[]; attrs: { axis: number } };
  Conv: { in: [x: Operand, w: Operand, b: Optional]; attrs: Window & { group: number } };
  ConvTranspose: {
    in: [x: Operand, w: Operand, b: Optional];
    attrs: Window & { group: number; output_padding: readonly number[] };
  };
  Cos: Unary;
  Div: Binary;
  Elu: { in: [x: Operand]; attrs: { alpha: number } };
  Equal: Binary;
  Erf: Unary;
  Exp: Unary;
  Expand: { in: [x: Operand, shape: Numbers]; attrs: Record<never, never> };
  Floor: Unary;
  Gather: { in: [x: Operand, indices: Operand]; attrs: { axis: number } };
  Gelu: { in: [x: Operand]; attrs: { approximate: "none" | "tanh" } };
  Gemm: {
    in: [a: Operand, b: Operand, c: Optional];
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
    in: [x: Operand, scale: Operand, bias: Optional];
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
    in: [x: Operand, pads: Numbers, value: Optional];
    attrs: { mode: "constant" | "reflect" | "edge" };
  };
  Pow: Binary;
  Reciprocal: Unary;
  ReduceMax: Reduce;
  ReduceMean: Reduce;
  ReduceMin: Reduce;
  ReduceSum: Reduce;
  Relu: Unary;
  Reshape: { in: [x: Operand, shape: Numbers]; attrs: Record<never, never> };
  Resize: {
    in: [x: Operand, roi: null, scales: null, sizes: Numbers];
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
      starts: Numbers,
      ends: Numbers,
      axes: Optional<Numbers>,
      steps: Optional<Numbers>,
    ];
    attrs: Record<never, never>;
  };
  Softmax: { in: [x: Operand]; attrs: { axis: number } };
  Softplus: Unary;
  Sqrt: Unary;
  Sub: Binary;
  Tanh: Unary;
  Tile: { in: [x: Operand, repeats: Numbers]; attrs: Record<never, never> };
  Transpose: { in: [x: Operand]; attrs: { perm: readonly number[] } };
  Where: { in: [condition: Operand, x: Operand, y: Operand]; attrs: Record<never, never> };
}

export type OpName = keyof OpTable;
export type InputsOf<K extends OpName> = OpTable[K]["in"];
export type AttrsOf<K extends OpName> = Readonly<OpTable[K]["attrs"]>;

/** One `T` for each input of an operator; that of an optional input may be missing. */
export type PerInput<K extends OpName, T> = PerElement<InputsOf<K>, T>;
type PerElement<I extends readonly unknown[], T> = {
  readonly [P in keyof I]: null extends I[P] ? T | null | undefined : T;
};

/** Types a list as the inputs of `op`. Their number is not checked: a rule fails where an input is missing. */
export function inputsOf<K extends OpName, T>(_op: K, list: readonly (T | null | undefined)[]): PerInput<K, T> {
  return list as readonly unknown[] as PerInput<K, T>;
}

/** Calls `op.X(…)` for an operator chosen at run time. */
export function applied<K extends OpName>(
  op: Ops,
  name: K,
  { inputs, attrs }: { readonly inputs: readonly (Operand | null)[]; readonly attrs: Partial<AttrsOf<K>> },
): Value {
  const call = op[name] as (...args: unknown[]) => Value;
  return call(...inputs, attrs);
}

/** `op.X(inputs…, attributes?)`: adds a node and returns its output. */
export type Ops = {
  readonly [K in OpName]: keyof OpTable[K]["attrs"] extends never ? (...inputs: InputsOf<K>) => Value
    : (...args: [...inputs: InputsOf<K>, attrs: Partial<AttrsOf<K>>]) => Value;
};
