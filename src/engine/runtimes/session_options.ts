/** How ONNX Runtime's CPU kernels, native and in WebAssembly, treat a graph and its memory. */
import type { InferenceSession } from "onnxruntime-node";
import type { LoadOptions } from "./runtime.ts";

/**
 * ONNX Runtime's optimizers that undo what the compiler did: the one that makes one node of equal ones, where computing
 * twice saves memory (`graph/merge.ts`), and the one that moves transposes, where that changes the order of sums with who
 * else reads a value, so that two forms of a step differ in their last bits.
 */
const DISABLED = [
  "CommonSubexpressionElimination",
  "TransposeOptimizer",
  "TransposeOptimizer_CPUExecutionProvider",
];

/** Options of a session; `extra`: further entries by ONNX Runtime's names. */
export function sessionOptions(
  { optimization = "all", keepMemory = false }: LoadOptions,
  extra: Readonly<Record<string, unknown>> = {},
): InferenceSession.SessionOptions {
  return {
    graphOptimizationLevel: optimization,
    logSeverityLevel: 3,
    enableCpuMemArena: keepMemory,
    // a pattern is planned in the first run and, beside what the arena has by then, takes as much once more
    enableMemPattern: false,
    extra: { ...extra, optimization: { disable_specified_optimizers: DISABLED.join(";") } },
  };
}
