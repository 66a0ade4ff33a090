/** Element types by the numbers that ONNX gives them (`TensorProto.DataType`). */
import type { DType } from "../../tensor/mod.ts";

/** ONNX's number of each dtype. */
export const ONNX_DTYPES: Readonly<Record<DType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float64: 11,
  bfloat16: 16,
};

/** The dtype of a foreign model's element type. @throws {TypeError} another type, bfloat16 included */
export function dtypeOfOnnx(code: number): DType {
  const found = dtypeNumbered(code);
  if (found === undefined || found === "bfloat16") {
    const names = Object.keys(ONNX_DTYPES).filter((name) => name !== "bfloat16");
    throw new TypeError(`Cannot use tensor element type ${code}: expected one of ${names.join(", ")}`);
  }
  return found;
}

/** The dtype with an ONNX number, bfloat16 included, if there is one. */
export function dtypeNumbered(code: number): DType | undefined {
  return (Object.keys(ONNX_DTYPES) as DType[]).find((dtype) => ONNX_DTYPES[dtype] === code);
}
