/** The `cpu` provider: onnxruntime-node's native kernels. */
import { cpus } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { ortSession, ortTensors, processorOptions } from "./ort.ts";
import type { Runtime, RuntimeOptions } from "./runtime.ts";

/**
 * How long a thread spins for its next work before it sleeps, µs. On an idle machine a step of many small nodes takes 0.9 of
 * the time that it takes without, and no less with more; where another process wants a core, this costs nothing, and 1 ms
 * makes it 1.4 times as long.
 */
const SPIN_US = 50;

export function open({ threads }: RuntimeOptions): Promise<Runtime<Tensor>> {
  return Promise.resolve({
    deviceName: `${cpus()[0]?.model.trim() ?? "CPU"}, ${threads} threads`,
    software: false,
    ...ortTensors(Tensor),
    load: (path, options) =>
      ortSession(InferenceSession.create(path, {
        executionProviders: ["cpu"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        interOpNumThreads: 1,
        ...processorOptions(options, { session: { intra_op: { spin_duration_us: String(SPIN_US) } } }),
      })),
  });
}
