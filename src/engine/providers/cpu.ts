/** `cpu`: ONNX Runtime's native kernels on the processor. */
import { CPU_PASSES } from "../../graph/mod.ts";
import { npmPackage, type ProviderRecord } from "./provider.ts";

export const cpu: ProviderRecord = {
  runtime: import.meta.resolve("../runtimes/cpu.ts"),
  isNative: true,
  library: npmPackage("onnxruntime-node"),
  hardware: "processor",
  precision: "float32",
  precisions: { float32: { passes: CPU_PASSES } },
  temporaryBytes: 64 * 2 ** 20,
  traits: {
    windows: { most: 1, voxels: Infinity }, // one fills a processor
    spanBytes: 0,
    atOnceBytes: 0,
    sizesAreOpen: true,
    isMemoryPredicted: true,
  },
};
