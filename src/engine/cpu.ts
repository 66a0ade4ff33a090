/** The `cpu` provider: onnxruntime-node's native kernels. */
import { cpus } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import type { Runtime, RuntimeOptions } from "./_runtime.ts";

export function open({ threads }: RuntimeOptions): Promise<Runtime> {
  return Promise.resolve({
    deviceName: `${cpus()[0]?.model.trim() ?? "CPU"}, ${threads} threads`,
    software: false,
    Tensor,
    createSession: (path, { optimization = "all" }) =>
      InferenceSession.create(path, {
        executionProviders: ["cpu"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        graphOptimizationLevel: optimization,
        logSeverityLevel: 3,
      }),
  });
}
