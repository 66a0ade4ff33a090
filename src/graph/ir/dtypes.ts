/** Element types by the numbers that ONNX gives them (`TensorProto.DataType`). */
import type { DType } from "../../tensor/mod.ts";

/** ONNX's numbers for the dtypes that Cast can name. */
export const ONNX_DTYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  bfloat16: 16,
};

/** The dtype of a foreign model's element type; the compiler's own bfloat16 is not read. */
export function dtypeOfOnnx(code: number): DType {
  const found = dtypeNumbered(code);
  if (found === undefined || found === "bfloat16") {
    const names = Object.keys(ONNX_DTYPES).filter((name) => name !== "bfloat16");
    throw new TypeError(`Cannot use tensor element type ${code}: expected one of ${names.join(", ")}`);
  }
  return found;
}

/** The dtype with an ONNX number, bfloat16 included. */
export function dtypeNumbered(code: number): DType | undefined {
  return (Object.keys(ONNX_DTYPES) as DType[]).find((dtype) => ONNX_DTYPES[dtype] === code);
}
