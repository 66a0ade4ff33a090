/** Tensors and types between this program's form and ONNX Runtime's. */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import type { DType, Tensor, TensorType } from "../../tensor/mod.ts";
import { EngineError } from "../errors.ts";

const DTYPES: readonly string[] = ["float32", "float64", "int64", "int32", "uint8", "bool"] satisfies DType[];
/** No dimension is larger. */
const MAX_SIZE = 2 ** 31 - 1;

export function toOrt(OrtTensor: TensorConstructor, { dtype, data, shape }: Tensor): OrtTensor {
  return new OrtTensor(dtype as Exclude<DType, "bfloat16">, data as never, shape);
}

/** Returns the values in the process's memory and frees a buffer on the device. */
export async function download(t: OrtTensor): Promise<Tensor> {
  const type = typeOf(t);
  return { ...type, data: await t.getData(true) as Tensor["data"] };
}

export function typeOf(t: OrtTensor): TensorType {
  return { dtype: dtypeOf(t.type, "a tensor"), shape: t.dims };
}

/** Types by name; a dimension that the model leaves open is -1. */
export function typesOf(metadata: readonly InferenceSession.ValueMetadata[]): Record<string, TensorType> {
  const types: Record<string, TensorType> = {};
  for (const value of metadata) {
    const { name } = value;
    if (!value.isTensor) throw new EngineError("unsupported", `Cannot load the model: "${name}" is not a tensor`);
    // onnxruntime-web gives a dimension without a name as the unsigned form of -1
    const shape = value.shape.map((d) => typeof d === "number" && d <= MAX_SIZE ? d : -1);
    types[name] = { dtype: dtypeOf(value.type, `"${name}"`), shape };
  }
  return types;
}

function dtypeOf(type: string, what: string): DType {
  if (DTYPES.includes(type)) return type as DType;
  throw new EngineError("unsupported", `Cannot use ${what} of type ${type}: expected one of ${DTYPES.join(", ")}`);
}
