/** The `cpu` provider: onnxruntime-node's native kernels. */
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

/**
 * How long a thread spins for its next work before it sleeps, µs. On an idle machine a step of many small nodes takes 0.9 of
 * the time that it takes without, and no less with more; where another process wants a core, this costs nothing, and 1 ms
 * makes it 1.4 times as long.
 */
const SPIN_US = 50;

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
          session: { intra_op: { spin_duration_us: String(SPIN_US) } },
          optimization: { disable_specified_optimizers: DISABLED.join(";") },
        },
      }),
  });
}
