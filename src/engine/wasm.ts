/** The `wasm` provider: onnxruntime-web's kernels, threads too. Three to five times slower than `cpu`; runs anywhere. */
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import type { Runtime, RuntimeOptions } from "./_runtime.ts";

/** Threads beyond this bring nothing and each costs stack in the 4 GiB heap. */
const MAX_THREADS = 8;

export function open({ threads }: RuntimeOptions): Promise<Runtime> {
  env.wasm.numThreads = Math.min(threads, MAX_THREADS);
  env.logLevel = "error";
  return Promise.resolve({
    deviceName: `WebAssembly, ${env.wasm.numThreads} threads`,
    software: false,
    Tensor,
    createSession: async (path, { optimization = "all" }) =>
      InferenceSession.create(await Deno.readFile(path), {
        executionProviders: ["wasm"],
        graphOptimizationLevel: optimization,
        logSeverityLevel: 3,
      }),
  });
}
