/** One small foreign model for each branch of an import rule. */
import { type Tensor, tensor } from "../../src/tensor/mod.ts";
import { type Attr, foreignModel } from "./onnx_model.ts";

/** A shape: a float32 input; a tensor: a constant; `feed`: an input with these values; null: absent. */
export type CaseInput = readonly number[] | Tensor | { readonly feed: Tensor } | null;

export interface ImportCase {
  readonly op: string;
  readonly inputs: readonly CaseInput[];
  readonly opset?: number;
  readonly attrs?: Readonly<Record<string, Attr>>;
  /** Number of outputs; default 1. */
  readonly outputs?: number;
}

const ints = (...v: number[]) => tensor("int64", [v.length], v);
const int = (v: number) => tensor("int64", [], [v]);
const floats = (...v: number[]) => tensor("float32", [v.length], v);
const bools = (...v: number[]) => tensor("bool", [v.length], v);
const feed = (t: Tensor) => ({ feed: t });
const X = [2, 3, 4] as const;
const IMAGE = [1, 4, 6, 5] as const;

/** Quantised operands. */
const BYTES = feed(tensor("uint8", [1, 1, 3, 4], [1, 200, 3, 90, 17, 6, 254, 8, 99, 10, 0, 12]));
const BYTES_3 = tensor("uint8", [1, 1, 2, 2], [7, 255, 0, 31]);
const ROWS = feed(tensor("uint8", [2, 2], [1, 200, 7, 90]));
const SCALE = tensor("float32", [], [0.013]), ZERO = tensor("uint8", [], [20]);

const UNARY =
  "Abs Ceil Cos Erf Exp Floor HardSwish Identity Neg Reciprocal Relu Round Sigmoid Sign Sin Softplus Tanh Mish Softsign Tan Sinh Cosh Selu Celu Elu LeakyRelu HardSigmoid Gelu ThresholdedRelu Shrink"
    .split(" ");
const BINARY = "Add Sub Mul Div Max Min Mean Sum".split(" ");
const COMPARE = "Equal Greater GreaterOrEqual Less LessOrEqual".split(" ");
const REDUCE = "ReduceL1 ReduceL2 ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare"
  .split(" ");

export const IMPORT_CASES: readonly ImportCase[] = [
  ...UNARY.map((op) => ({ op, inputs: [X] })),
  ...BINARY.map((op) => ({ op, inputs: [X, [3, 1]] })),
  ...COMPARE.map((op) => ({ op, inputs: [X, floats(0.2)] })),
  ...REDUCE.flatMap((op): ImportCase[] => [
    { op, inputs: [X, ints(1)] },
    { op, inputs: [X, ints(-1, 0)], attrs: { keepdims: 0 } },
    { op, inputs: [X], opset: 12, attrs: { axes: [1, 2], keepdims: 0 } },
    { op, inputs: [X], opset: 11, attrs: { keepdims: 0 } },
  ]),
  { op: "ReduceSum", inputs: [X], attrs: { noop_with_empty_axes: 1 } },
  { op: "ReduceLogSum", inputs: [feed(tensor("float32", [2, 2], [1, 2, 3, 4])), ints(1)] },
  { op: "Log", inputs: [feed(floats(0.5, 1, 7))] },
  { op: "Sqrt", inputs: [feed(floats(0.5, 1, 7))] },
  { op: "Max", inputs: [X, [4], [1, 1]] },
  { op: "Min", inputs: [X] },
  { op: "Sum", inputs: [X, [4], [1, 1]] },
  { op: "Mean", inputs: [X, [4], [1, 1]] },
  { op: "Pow", inputs: [feed(floats(0.5, 1, 7)), int(2)] },
  { op: "Pow", inputs: [feed(floats(0.5, 1, 7)), floats(1.5)] },
  { op: "PRelu", inputs: [X, floats(0.1, 0.2, 0.3, 0.4)] },
  { op: "Mod", inputs: [feed(ints(-7, 7, 5)), ints(3, -3, 5)] },
  { op: "Mod", inputs: [ints(-7, 7, 5), ints(3, -3, 5)] },
  { op: "Mod", inputs: [feed(floats(-7.5, 7.5)), floats(2, -2)], attrs: { fmod: 1 } },
  { op: "And", inputs: [feed(bools(1, 0, 1)), bools(1, 1, 0)] },
  { op: "Or", inputs: [feed(bools(1, 0, 1)), bools(1, 0, 0)] },
  { op: "Xor", inputs: [feed(bools(1, 0, 1)), bools(1, 1, 0)] },
  { op: "Not", inputs: [feed(bools(1, 0, 1))] },
  { op: "IsNaN", inputs: [feed(floats(1, NaN, -Infinity))] },
  { op: "Where", inputs: [bools(1, 0, 1, 0), X, [3, 1]] },
  { op: "Cast", inputs: [feed(floats(-1.5, 0, 2.5))], attrs: { to: 6 } },
  { op: "Cast", inputs: [feed(floats(-1.5, 0, 2.5))], attrs: { to: 9 } },
  { op: "CastLike", inputs: [feed(ints(-1, 0, 2)), floats(0)], opset: 15 },
  { op: "Dropout", inputs: [X], opset: 10, attrs: { ratio: 0.3 } },
  { op: "Dropout", inputs: [X, tensor("float32", [], [0.3])], outputs: 2 },
  { op: "Clip", inputs: [X], opset: 9, attrs: { min: -0.2, max: 0.3 } },
  { op: "Clip", inputs: [X, null, tensor("float32", [], [0.3])] },
  { op: "Clip", inputs: [X] },
  { op: "Elu", inputs: [X], attrs: { alpha: 0.3 } },
  { op: "Celu", inputs: [X], attrs: { alpha: 0.3 } },
  { op: "Selu", inputs: [X], attrs: { alpha: 1.5, gamma: 0.8 } },
  { op: "Gelu", inputs: [X], attrs: { approximate: "tanh" } },
  { op: "HardSigmoid", inputs: [X], attrs: { alpha: 0.4, beta: 0.3 } },
  { op: "LeakyRelu", inputs: [X], attrs: { alpha: 0.3 } },
  { op: "ThresholdedRelu", inputs: [X], attrs: { alpha: 0.3 } },
  { op: "Shrink", inputs: [X], attrs: { lambd: 0.3, bias: 0.1 } },

  { op: "Swish", inputs: [X], opset: 24, attrs: { alpha: 1.5 } },
  { op: "IsInf", inputs: [feed(floats(1, NaN, -Infinity, Infinity))] },
  { op: "IsInf", inputs: [feed(floats(1, NaN, -Infinity, Infinity))], attrs: { detect_negative: 0 } },
  { op: "Acosh", inputs: [feed(floats(1.5, 7))] },
  { op: "Asinh", inputs: [X] },
  { op: "Atanh", inputs: [feed(floats(-0.5, 0.9))] },
  { op: "AffineGrid", inputs: [[2, 3, 4], ints(2, 1, 3, 4, 2)] },
  { op: "GridSample", inputs: [[1, 2, 3, 4], [1, 2, 3, 2]] },
  {
    op: "GridSample",
    inputs: [[2, 2, 3, 4, 3], [2, 2, 3, 1, 3]],
    attrs: { mode: "nearest", padding_mode: "border", align_corners: 1 },
  },
  { op: "QuantizeLinear", inputs: [X, tensor("float32", [], [0.02]), tensor("uint8", [], [100])] },
  { op: "QuantizeLinear", inputs: [X, floats(0.02, 0.03, 0.01)] },
  { op: "DequantizeLinear", inputs: [feed(tensor("uint8", [3], [0, 7, 255])), tensor("float32", [], [0.02])] },
  { op: "DequantizeLinear", inputs: [tensor("uint8", [3], [0, 7, 255]), floats(0.1, 0.2, 0.3)], attrs: { axis: 0 } },
  { op: "DynamicQuantizeLinear", inputs: [X], outputs: 3 },
  { op: "ConvInteger", inputs: [BYTES, BYTES_3, tensor("uint8", [], [9])] },
  {
    op: "MatMulInteger",
    inputs: [feed(tensor("uint8", [2, 2], [1, 200, 7, 9])), tensor("uint8", [2, 2], [3, 4, 5, 6])],
  },
  { op: "QLinearConv", inputs: [BYTES, SCALE, ZERO, BYTES_3, SCALE, ZERO, tensor("float32", [], [0.3]), ZERO] },
  { op: "QLinearMatMul", inputs: [ROWS, SCALE, ZERO, ROWS, SCALE, ZERO, tensor("float32", [], [0.3]), ZERO] },

  { op: "Constant", inputs: [], attrs: { value_floats: [1, 2] } },
  { op: "Constant", inputs: [], attrs: { value_int: 3 } },
  { op: "Constant", inputs: [], attrs: { value: floats(1, 2) } },
  { op: "ConstantOfShape", inputs: [ints(2, 3)], attrs: { value: ints(7) } },
  { op: "ConstantOfShape", inputs: [ints(2, 3)] },
  { op: "EyeLike", inputs: [[3, 4]], attrs: { k: 1 } },
  { op: "NonZero", inputs: [tensor("float32", [2, 3], [0, 1, 2, 0, 0, 3])] },
  { op: "OneHot", inputs: [feed(ints(1, -1, 0)), int(3), floats(-1, 2)] },
  { op: "OneHot", inputs: [feed(tensor("int64", [2, 2], [1, 2, 0, 1])), int(3), floats(0, 1)], attrs: { axis: 1 } },
  { op: "Range", inputs: [int(1), int(8), int(3)] },
  { op: "Range", inputs: [int(8), int(1), int(-3)] },
  { op: "Shape", inputs: [X] },
  { op: "Shape", inputs: [X], attrs: { start: -2, end: 3 } },
  { op: "Size", inputs: [X] },
  { op: "Trilu", inputs: [X] },
  { op: "Trilu", inputs: [X, int(-1)], attrs: { upper: 0 } },

  { op: "Reshape", inputs: [X, ints(0, -1, 2)] },
  { op: "Flatten", inputs: [X] },
  { op: "Flatten", inputs: [X], attrs: { axis: -1 } },
  { op: "Flatten", inputs: [X], attrs: { axis: 0 } },
  { op: "Squeeze", inputs: [[1, 3, 1, 2]] },
  { op: "Squeeze", inputs: [[1, 3, 1, 2]], opset: 11, attrs: { axes: [2] } },
  { op: "Squeeze", inputs: [[1, 3, 1, 2], ints(-2)] },
  { op: "Unsqueeze", inputs: [X], opset: 11, attrs: { axes: [0, 4] } },
  { op: "Unsqueeze", inputs: [X, ints(-1, 1)] },
  { op: "Split", inputs: [X], attrs: { axis: 1, num_outputs: 2 }, outputs: 2 },
  { op: "Split", inputs: [X, ints(1, 3)], attrs: { axis: -1 }, outputs: 2 },
  { op: "Split", inputs: [X], opset: 11, attrs: { axis: 1, split: [1, 2] }, outputs: 2 },
  { op: "Split", inputs: [X], opset: 13, outputs: 2 },
  { op: "Slice", inputs: [X], opset: 9, attrs: { starts: [1, 0], ends: [3, -1], axes: [1, 2] } },
  { op: "Slice", inputs: [X, ints(0, -1), ints(100, -100), ints(1, 2), ints(2, -2)] },
  { op: "Slice", inputs: [X, ints(2), tensor("int64", [1], BigInt64Array.of(2n ** 63n - 1n)), ints(2)] },
  { op: "Concat", inputs: [X, [2, 1, 4]], attrs: { axis: -2 } },
  { op: "Gather", inputs: [X, int(-1)], attrs: { axis: 1 } },
  { op: "Gather", inputs: [X, ints(1, 2)], attrs: { axis: 2 } },
  { op: "Gather", inputs: [X, tensor("int64", [2, 2], [2, -3, 1, 1])], attrs: { axis: 1 } },
  { op: "Gather", inputs: [X, feed(ints(2, 0))], attrs: { axis: 1 } },
  { op: "GatherElements", inputs: [X, tensor("int64", [1, 3, 2], [3, -1, 0, 1, 2, 2])], attrs: { axis: 2 } },
  { op: "GatherND", inputs: [X, tensor("int64", [2, 2], [0, 1, 1, -1])] },
  { op: "GatherND", inputs: [X, tensor("int64", [1, 2, 3], [0, 1, 1, 1, 2, 0])] },
  { op: "ScatterND", inputs: [X, tensor("int64", [2, 2], [0, 1, 1, -1]), [2, 4]] },
  { op: "ScatterElements", inputs: [X, tensor("int64", [1, 2, 2], [3, 1, 0, 2]), [1, 2, 2]], attrs: { axis: 2 } },
  { op: "Pad", inputs: [X], opset: 10, attrs: { pads: [0, 1, 0, 1, 0, 2], value: 0.5 } },
  { op: "Pad", inputs: [X, ints(1, 2), tensor("float32", [], [0.5]), ints(-1)] },
  { op: "Pad", inputs: [X, ints(0, 1, 2, 0, 0, 3)], attrs: { mode: "reflect" } },
  { op: "Pad", inputs: [X, ints(0, 1, 2, 1, 0, 3)], attrs: { mode: "edge" } },
  { op: "Expand", inputs: [[3, 1], ints(2, 1, 4)] },
  { op: "Tile", inputs: [X, ints(1, 2, 3)] },
  { op: "Transpose", inputs: [X] },
  { op: "Transpose", inputs: [X], attrs: { perm: [1, 2, 0] } },
  { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2 } },
  { op: "DepthToSpace", inputs: [[1, 8, 2, 3]], attrs: { blocksize: 2, mode: "CRD" } },
  { op: "SpaceToDepth", inputs: [[1, 2, 4, 6]], attrs: { blocksize: 2 } },
  { op: "Scatter", inputs: [X, tensor("int64", [1, 1, 2], [3, 1]), [1, 1, 2]], opset: 9, attrs: { axis: 2 } },
  { op: "Compress", inputs: [X, bools(1, 0, 1)], attrs: { axis: 1 } },
  { op: "Compress", inputs: [X, bools(1, 0, 1, 1)] },
  { op: "Hardmax", inputs: [X], attrs: { axis: 1 } },
  { op: "Hardmax", inputs: [X], opset: 11 },
  { op: "TopK", inputs: [X, ints(1)], attrs: { axis: 1 }, outputs: 2 },
  { op: "TopK", inputs: [X, ints(1)], attrs: { largest: 0 }, outputs: 2 },
  { op: "GlobalLpPool", inputs: [IMAGE] },
  { op: "GlobalLpPool", inputs: [IMAGE], attrs: { p: 1 } },
  { op: "ArgMax", inputs: [X], attrs: { axis: 1, keepdims: 0 } },
  { op: "ArgMin", inputs: [X], attrs: { axis: -1 } },
  { op: "CumSum", inputs: [X, int(1)] },
  { op: "CumSum", inputs: [X, int(-1)], attrs: { exclusive: 1, reverse: 1 } },
  { op: "CumSum", inputs: [tensor("int64", [2, 3], [1, 2, 3, 4, 5, 6]), int(1)], attrs: { reverse: 1 } },
  { op: "CumSum", inputs: [tensor("int64", [2, 3], [1, 2, 3, 4, 5, 6]), int(0)], attrs: { exclusive: 1 } },

  { op: "Conv", inputs: [IMAGE, [6, 2, 3, 3], [6]], attrs: { group: 2, auto_pad: "SAME_UPPER", strides: [2, 2] } },
  { op: "Conv", inputs: [IMAGE, [3, 4, 2, 2]], attrs: { auto_pad: "SAME_LOWER" } },
  { op: "Conv", inputs: [IMAGE, [3, 4, 2, 2]], attrs: { auto_pad: "VALID", dilations: [2, 1] } },
  { op: "Conv", inputs: [[1, 2, 7], [3, 2, 3]], attrs: { pads: [1, 0] } },
  { op: "ConvTranspose", inputs: [IMAGE, [4, 3, 3, 3], [3]], attrs: { strides: [2, 2], output_padding: [1, 0] } },
  { op: "ConvTranspose", inputs: [IMAGE, [4, 3, 3, 3]], attrs: { strides: [2, 2], output_shape: [12, 10] } },
  {
    op: "ConvTranspose",
    inputs: [IMAGE, [4, 3, 3, 3]],
    attrs: { strides: [2, 2], auto_pad: "SAME_UPPER" },
  },
  { op: "MaxPool", inputs: [IMAGE], attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1] } },
  { op: "MaxPool", inputs: [IMAGE], attrs: { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 } },
  { op: "AveragePool", inputs: [IMAGE], attrs: { kernel_shape: [3, 2], auto_pad: "SAME_UPPER" } },
  { op: "AveragePool", inputs: [IMAGE], attrs: { kernel_shape: [2, 2], pads: [1, 1, 0, 0], count_include_pad: 1 } },
  {
    op: "AveragePool",
    inputs: [[1, 1, 5, 5]],
    attrs: { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
  },
  {
    op: "AveragePool",
    inputs: [[1, 1, 6, 6]],
    attrs: { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1, count_include_pad: 1 },
  },
  {
    op: "AveragePool",
    inputs: [[1, 2, 6, 7]],
    attrs: { kernel_shape: [2, 2], dilations: [2, 3], strides: [1, 2] },
  },
  {
    op: "MaxPool",
    inputs: [[1, 1, 5, 5]],
    attrs: { kernel_shape: [2, 2], strides: [3, 3], pads: [1, 1, 1, 1], ceil_mode: 1 },
  },
  {
    op: "MaxPool",
    inputs: [[1, 2, 5, 4, 6]],
    attrs: { kernel_shape: [2, 2, 3], auto_pad: "SAME_LOWER" },
  },
  { op: "MaxPool", inputs: [[1, 2, 5, 4, 6]], attrs: { kernel_shape: [2, 2, 3], dilations: [2, 1, 2] } },
  { op: "GlobalAveragePool", inputs: [[2, 2, 3, 2, 2]] },
  { op: "GlobalMaxPool", inputs: [[2, 2, 5]] },
  {
    op: "Conv",
    inputs: [[1, 2, 5, 4, 6], [4, 1, 3, 2, 1]],
    attrs: { group: 2, dilations: [1, 2, 1], strides: [1, 1, 2] },
  },
  {
    op: "ConvTranspose",
    inputs: [[1, 4, 3, 2, 2], [4, 1, 3, 2, 2]],
    attrs: { group: 2, strides: [2, 3, 1], pads: [1, 0, 0, 0, 1, 0], dilations: [2, 1, 1] },
  },
  {
    op: "ConvTranspose",
    inputs: [[1, 2, 5], [2, 2, 4]],
    attrs: { strides: [3], output_shape: [14], auto_pad: "SAME_UPPER" },
  },
  { op: "ConvTranspose", inputs: [[1, 2, 5], [2, 2, 4]], attrs: { strides: [3], output_shape: [13] } },
  { op: "GlobalAveragePool", inputs: [IMAGE] },
  { op: "GlobalMaxPool", inputs: [IMAGE] },
  { op: "Upsample", inputs: [IMAGE, floats(1, 1, 2, 3)], opset: 9, attrs: { mode: "nearest" } },
  { op: "Upsample", inputs: [IMAGE, floats(1, 1, 2, 2)], opset: 9, attrs: { mode: "linear" } },
  { op: "Resize", inputs: [IMAGE, floats(1, 1, 0.5, 2)], opset: 10, attrs: { mode: "nearest" } },
  { op: "Resize", inputs: [IMAGE, floats(), floats(1, 1, 2, 2)], opset: 11, attrs: { mode: "linear" } },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(1, 4, 9, 7)],
    attrs: { mode: "linear", coordinate_transformation_mode: "align_corners" },
  },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(9, 7)],
    attrs: { mode: "linear", axes: [2, 3], coordinate_transformation_mode: "pytorch_half_pixel" },
  },
  {
    op: "Resize",
    inputs: [IMAGE, null, floats(1, 1, 2, 2)],
    attrs: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
  },

  { op: "Resize", inputs: [[1, 2, 3, 4, 2], null, null, ints(1, 2, 6, 6, 5)], attrs: { mode: "linear" } },
  { op: "Resize", inputs: [[1, 2, 3, 4, 2], null, null, ints(1, 2, 7, 2, 5)], attrs: { mode: "nearest" } },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(1, 4, 11, 3)],
    attrs: { mode: "nearest", coordinate_transformation_mode: "align_corners", nearest_mode: "round_prefer_ceil" },
  },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(1, 4, 4, 9)],
    attrs: { mode: "nearest", nearest_mode: "ceil" },
  },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(1, 4, 1, 3)],
    attrs: { mode: "linear", coordinate_transformation_mode: "pytorch_half_pixel" },
  },
  {
    op: "Resize",
    inputs: [IMAGE, null, null, ints(1, 4, 4, 3)],
    attrs: { mode: "linear", coordinate_transformation_mode: "half_pixel_symmetric" },
  },
  { op: "Resize", inputs: [IMAGE, null, floats(1, 1, 1.5, 0.4)], attrs: { mode: "linear" } },
  {
    op: "BatchNormalization",
    inputs: [IMAGE, [4], [4], [4], feed(floats(0.5, 1, 2, 3))],
    attrs: { epsilon: 0.01, momentum: 0.8 },
  },
  { op: "InstanceNormalization", inputs: [IMAGE, [4], [4]], attrs: { epsilon: 0.01 } },
  { op: "LayerNormalization", inputs: [X, [3, 4], [3, 4]], attrs: { axis: 1 } },
  { op: "LayerNormalization", inputs: [X, [4]], attrs: { epsilon: 0.01, stash_type: 1 } },
  { op: "GroupNormalization", inputs: [IMAGE, [2], [2]], opset: 18, attrs: { num_groups: 2, epsilon: 0.01 } },
  { op: "GroupNormalization", inputs: [IMAGE, [4], [4]], opset: 21, attrs: { num_groups: 2 } },
  { op: "LpNormalization", inputs: [X], attrs: { axis: 1, p: 1 } },
  { op: "LpNormalization", inputs: [X] },
  { op: "MeanVarianceNormalization", inputs: [IMAGE] },
  { op: "RMSNormalization", inputs: [X, [4]], opset: 23 },

  { op: "MatMul", inputs: [X, [4, 5]] },
  { op: "MatMul", inputs: [[4], [2, 4, 5]] },
  { op: "MatMul", inputs: [X, [4]] },
  { op: "MatMul", inputs: [[4], [4]] },
  { op: "Gemm", inputs: [[3, 2], [4, 3], [4]], attrs: { transA: 1, transB: 1, alpha: 0.5, beta: 2 } },
  { op: "Gemm", inputs: [[2, 3], [3, 4]] },
  { op: "Softmax", inputs: [X], opset: 11 },
  { op: "Softmax", inputs: [X], opset: 11, attrs: { axis: 2 } },
  { op: "Softmax", inputs: [X], attrs: { axis: 1 } },
  { op: "LogSoftmax", inputs: [X], opset: 11, attrs: { axis: 1 } },
  { op: "LogSoftmax", inputs: [X] },
  { op: "Einsum", inputs: [[2, 3, 4, 5], [2, 3, 6, 5]], attrs: { equation: "bhqd,bhkd->bhqk" } },
  { op: "Einsum", inputs: [[2, 3, 4], [2, 4, 5]], attrs: { equation: "bij, bjk -> bik" } },
  { op: "Einsum", inputs: [[2, 3, 4], [4, 5]], attrs: { equation: "...i,ij->...j" } },
  { op: "Einsum", inputs: [[2, 3, 4]], attrs: { equation: "abc->ca" } },
  { op: "Einsum", inputs: [[3], [4]], attrs: { equation: "i,j" } },
  { op: "Einsum", inputs: [[2, 3], [3, 4, 5]], attrs: { equation: "ij,jkl->ki" } },
  { op: "Attention", inputs: [[1, 2, 3, 4], [1, 2, 5, 4], [1, 2, 5, 4]], opset: 23 },
  {
    op: "Attention",
    inputs: [[1, 3, 8], [1, 3, 8], [1, 3, 8]],
    opset: 23,
    attrs: { q_num_heads: 2, kv_num_heads: 2, is_causal: 1, scale: 0.3 },
  },
  {
    op: "Attention",
    inputs: [[1, 4, 3, 4], [1, 2, 5, 4], [1, 2, 5, 6], [3, 5]],
    opset: 23,
    attrs: { is_causal: 1 },
  },
  {
    op: "Attention",
    inputs: [[2, 2, 2, 4], [2, 2, 3, 4], [2, 2, 3, 4], tensor("bool", [2, 3], [1, 0, 1, 1, 1, 0])],
    opset: 23,
  },
];

/** The file of one node, and values for its inputs. */
export function importCase(
  { op, inputs, opset = 20, attrs, outputs = 1 }: ImportCase,
): { model: Uint8Array; feeds: Record<string, Tensor> } {
  const feeds: Record<string, Tensor> = {}, constants: Record<string, Tensor> = {};
  const names = inputs.map((input, i) => {
    if (input === null) return "";
    if ("dtype" in input) constants[`x${i}`] = input;
    else feeds[`x${i}`] = "feed" in input ? input.feed : wave(input, i);
    return `x${i}`;
  });
  const results = Array.from({ length: outputs }, (_, i) => `y${i}`);
  const nodes = [{ op, inputs: names, outputs: results, attrs }];
  return { model: foreignModel({ opset, inputs: feeds, constants, nodes, outputs: results }), feeds };
}

/** Distinct values of both signs. */
function wave(shape: readonly number[], seed: number): Tensor {
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor("float32", shape, Array.from({ length: n }, (_, i) => Math.sin(1 + seed + 2.3 * i) * 1.5));
}
