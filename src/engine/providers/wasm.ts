/** `wasm`: ONNX Runtime's kernels in WebAssembly. Three to five times slower than `cpu`; runs anywhere. */
import { CPU_PASSES } from "../../graph/mod.ts";
import { npmPackage, type ProviderRecord } from "./provider.ts";

export const wasm: ProviderRecord = {
  runtime: import.meta.resolve("../runtimes/wasm.ts"),
  isNative: false,
  library: npmPackage("onnxruntime-web"),
  hardware: "processor",
  isSpare: true, // less memory than `cpu` has, on the same processor
  precision: "float32",
  precisions: { float32: { passes: CPU_PASSES } },
  temporaryBytes: 64 * 2 ** 20,
  traits: {
    windows: { most: 1, voxels: Infinity },
    spanBytes: 0,
    atOnceBytes: 0,
    sizesAreOpen: true,
    isMemoryPredicted: false,
  },
};
