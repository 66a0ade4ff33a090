/** The element types that ONNX allows for the first input of an operator; operators not listed take any. */
import { type DType, isFloat, quoted } from "../../../tensor/mod.ts";
import type { RuleContext } from "./rule.ts";

const FLOAT_ONLY: ReadonlySet<string> = new Set(
  ("Acosh Asinh Atanh Attention AveragePool BatchNormalization Ceil Celu Conv ConvTranspose Cos Cosh Dropout Elu Erf Exp Floor Gelu " +
    "GlobalAveragePool GlobalLpPool GlobalMaxPool GridSample GroupNormalization HardSigmoid HardSwish Hardmax InstanceNormalization IsInf IsNaN " +
    "LayerNormalization LeakyRelu Log LogSoftmax LpNormalization MaxPool Mean MeanVarianceNormalization Mish PRelu " +
    "RMSNormalization Reciprocal ReduceL2 ReduceLogSum ReduceLogSumExp Resize Round Selu Shrink Sigmoid Sin Sinh " +
    "Softmax Softplus Softsign Sqrt Swish Tan Tanh ThresholdedRelu Upsample").split(" "),
);

const NUMBERS_ONLY: ReadonlySet<string> = new Set(
  ("Abs Add ArgMax ArgMin Clip CumSum Div Einsum Gemm Greater GreaterOrEqual Less LessOrEqual MatMul Max Min Mod Mul " +
    "Neg Pow Range ReduceL1 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Sign Sub Sum TopK")
    .split(" "),
);

const BOOL_ONLY: ReadonlySet<string> = new Set(["And", "Not", "Or", "Where", "Xor"]);

const NUMBERS: ReadonlySet<DType> = new Set<DType>(["float32", "float64", "int32", "int64"]);

/** @throws {TypeError} input 0 has a type that the operator does not take */
export function checkDtype({ node, inputs }: RuleContext): void {
  const x = inputs[0];
  if (x == null) return;
  const fits = FLOAT_ONLY.has(node.op)
    ? isFloat(x.dtype)
    : NUMBERS_ONLY.has(node.op)
    ? NUMBERS.has(x.dtype)
    : !BOOL_ONLY.has(node.op) || x.dtype === "bool";
  if (fits) return;
  const wanted = FLOAT_ONLY.has(node.op) ? "float" : NUMBERS_ONLY.has(node.op) ? "float, int32 or int64" : "bool";
  throw new TypeError(`expected ${wanted} elements, got ${x.dtype} in ${quoted(node.inputs[0])}`);
}
