/** Opens `wasm`: onnxruntime-web's kernels, with threads where the address space allows them. */
import threads, { type WorkerOptions } from "node:worker_threads";
import { env, InferenceSession, Tensor } from "onnxruntime-web";
import { ortSession, ortTensors, processorOptions } from "./ort.ts";
import type { Runtime, RuntimeOptions } from "./runtime.ts";

/** More threads are not faster, and each takes its stack from the 4 GiB heap. */
const MAX_THREADS = 8;
/** The largest size of ONNX Runtime's heap, pages of 64 KiB: 4 GiB less one page. */
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
 * Makes the shared WebAssembly memories of this process, of which ONNX Runtime's heap is one, start at their full size.
 * That takes address space, no memory. Under Deno a growing heap fails (denoland/deno#35658): only the thread that
 * grows it sees the new part, another one ends with "memory access out of bounds", and the first waits for it forever.
 * Returns false where there is not enough address space.
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

/** Makes a failing thread of ONNX Runtime end this process; see `_wasm_thread.ts`. */
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
