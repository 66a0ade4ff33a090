/** The `wasm` provider: onnxruntime-web's kernels, threads too. Three to five times slower than `cpu`; runs anywhere. */
import threads, { type WorkerOptions } from "node:worker_threads";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { ortSession, ortTensors, processorOptions } from "./ort.ts";
import type { Runtime, RuntimeOptions } from "./runtime.ts";

/** Threads beyond this bring nothing and each costs stack in the 4 GiB heap. */
const MAX_THREADS = 8;
/** The size beyond which ONNX Runtime's heap never grows, pages of 64 KiB: 4 GiB but for one. */
const HEAP_PAGES = 65_535;

export function open({ threads: wanted }: RuntimeOptions): Promise<Runtime<Tensor>> {
  env.wasm.numThreads = wanted > 1 && takesWholeHeap() ? Math.min(wanted, MAX_THREADS) : 1;
  endWithThreads();
  env.logLevel = "error";
  return Promise.resolve({
    deviceName: `WebAssembly, ${env.wasm.numThreads} threads`,
    software: false,
    ...ortTensors(Tensor),
    load: async (path, options) => {
      const model = await Deno.readFile(path);
      const how = { executionProviders: ["wasm"], ...processorOptions(options) };
      return await ortSession(InferenceSession.create(model, how));
    },
  });
}

/**
 * Has this process's shared WebAssembly memories, of which ONNX Runtime makes one, begin at their full size: address
 * space, no memory. Of a heap that grows while its threads run, only the thread that made it grow sees the new part under
 * Deno (denoland/deno#35658): another one ends with "memory access out of bounds", and the first waits for it without end.
 * False where there is not so much address space.
 */
function takesWholeHeap(): boolean {
  const { Memory } = WebAssembly;
  const whole = { initial: HEAP_PAGES, maximum: HEAP_PAGES + 1, shared: true };
  try {
    new Memory(whole);
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor.shared ? whole : descriptor);
    }
  };
  return true;
}

/** Has the threads that ONNX Runtime starts end this process when they fail; see `_wasm_thread.ts`. */
function endWithThreads(): void {
  const { Worker } = threads;
  threads.Worker = class extends Worker {
    constructor(module: string | URL, options?: WorkerOptions) {
      const thread = new URL(import.meta.resolve("./_wasm_thread.ts"));
      thread.searchParams.set("module", `${module}`);
      super(thread, options);
    }
  };
}
