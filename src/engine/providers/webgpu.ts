/** `webgpu`: ONNX Runtime's WebGPU kernels over Deno's `navigator.gpu`. State stays on the card. */
import { WEBGPU_PASSES } from "../../graph/mod.ts";
import { npmPackage, type ProviderRecord } from "./provider.ts";

export const webgpu: ProviderRecord = {
  runtime: import.meta.resolve("../runtimes/webgpu.ts"),
  isNative: false,
  library: npmPackage("onnxruntime-web"),
  hardware: "graphics card",
  precision: "float32",
  precisions: { float32: { passes: WEBGPU_PASSES } },
  temporaryBytes: 64 * 2 ** 20,
  traits: {
    windows: { most: 8, voxels: 96 ** 3 }, // a card that fits a window of 96³ runs smaller ones together
    spanBytes: 0,
    atOnceBytes: 0,
    sizesAreOpen: true,
    isMemoryPredicted: false,
  },
};
