/**
 * The `cpu` provider: onnxruntime-node's native kernels. Its threads do not spin while they wait: as fast on an idle
 * machine, and 1.7 times faster where another process wants a core.
 */
import { cpus } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Runtime, RuntimeOptions } from "./_runtime.ts";

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

export function open({ threads }: RuntimeOptions): Promise<Runtime> {
  return Promise.resolve({
    deviceName: `${cpus()[0]?.model.trim() ?? "CPU"}, ${threads} threads`,
    software: false,
    Tensor,
    createSession: (path, { optimization = "all", keepMemory = false }) =>
      InferenceSession.create(path, {
        executionProviders: ["cpu"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimization,
        logSeverityLevel: 3,
        enableCpuMemArena: keepMemory,
        // a pattern is planned in the first run and, beside what the arena has by then, takes as much once more
        enableMemPattern: false,
        extra: {
          session: { intra_op: { allow_spinning: "0" } },
          optimization: { disable_specified_optimizers: DISABLED.join(";") },
        },
      }),
  });
}
