/** ONNX Runtime's sessions and tensors, native or of the web, in the terms of a `Runtime`. */
import type { InferenceSession, Tensor as OrtTensor, TensorConstructor } from "onnxruntime-node";
import type { DType, Tensor, TensorType } from "../../tensor/mod.ts";
import { EngineError } from "../errors.ts";
import type { LoadOptions, Runtime, RuntimeSession } from "./runtime.ts";

const DTYPES: readonly string[] = ["float32", "float64", "int64", "int32", "uint8", "bool"] satisfies DType[];
/** No dimension is larger. */
const MAX_SIZE = 2 ** 31 - 1;

/** How a runtime handles tensors of ONNX Runtime. Held ones stay in the process's memory. */
export function ortTensors(OrtTensor: TensorConstructor) {
  const feed = ({ dtype, data, shape }: Tensor): OrtTensor =>
    new OrtTensor(dtype as Exclude<DType, "bfloat16">, data as never, shape);
  return {
    feed,
    hold: (t: Tensor) => Promise.resolve(feed(t)),
    typeOf,
    isOnDevice: (t: OrtTensor) => t.location !== "cpu",
    download: async (t: OrtTensor) => ({ ...typeOf(t), data: await t.getData(true) as Tensor["data"] }),
    dispose: (t: OrtTensor) => t.dispose(),
  } satisfies Partial<Runtime<OrtTensor>>;
}

/** @throws {EngineError} "unsupported": an input or output that is no tensor, or of no known type */
export async function ortSession(created: Promise<InferenceSession>): Promise<RuntimeSession<OrtTensor>> {
  const session = await created;
  try {
    return {
      inputs: typesOf(session.inputMetadata),
      outputs: typesOf(session.outputMetadata),
      run: (feeds, fetch) => session.run(feeds, fetch),
      release: () => session.release(),
    };
  } catch (error) {
    await session.release();
    throw error;
  }
}

/**
 * ONNX Runtime's optimizers that undo what the compiler did: the one that makes one node of equal ones, where computing
 * twice saves memory (`graph/schedule/merge.ts`), and the one that moves transposes, which changes the order of sums
 * depending on who else reads a value, so that two forms of a step differ in their last bits.
 */
const DISABLED = [
  "CommonSubexpressionElimination",
  "TransposeOptimizer",
  "TransposeOptimizer_CPUExecutionProvider",
];

/** Session options for the kernels of the processor, native and in WebAssembly; `extra` by ONNX Runtime's names. */
export function processorOptions(
  { optimization = "all", keepMemory = false }: LoadOptions,
  extra: Readonly<Record<string, unknown>> = {},
): InferenceSession.SessionOptions {
  return {
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
    enableCpuMemArena: keepMemory,
    // a pattern is planned in the first run and takes, beside what the arena has by then, as much once more
    enableMemPattern: false,
    extra: { ...extra, optimization: { disable_specified_optimizers: DISABLED.join(";") } },
  };
}

function typeOf(t: OrtTensor): TensorType {
  return { dtype: dtypeOf(t.type, "a tensor"), shape: t.dims };
}

/** Types by name; a dimension that the model leaves open is -1. */
function typesOf(metadata: readonly InferenceSession.ValueMetadata[]): Record<string, TensorType> {
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
