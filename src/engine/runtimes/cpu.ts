/** Opens `cpu`: onnxruntime-node's native kernels. */
import { cpus } from "node:os";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { ortSession, ortTensors, processorOptions } from "./ort.ts";
import type { Runtime, RuntimeOptions } from "./runtime.ts";

/**
 * A thread spins this long for its next work before it sleeps, µs. On an idle machine that shortens a step of many
 * small nodes to 0.9 of its time, and spinning longer gains nothing. Beside a busy process it costs nothing, while 1 ms
 * would take 1.4 times as long.
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
