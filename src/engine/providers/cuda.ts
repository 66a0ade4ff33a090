/**
 * `cuda`: cuDNN and ONNX Runtime's CUDA kernels. State lies in the process's memory, and every call copies it to the
 * card.
 */
import { join } from "node:path";
import { CUDA_PASSES, MIXED_CUDA_PASSES } from "../../graph/mod.ts";
import { npmPackage, type ProviderRecord } from "./provider.ts";

/** The files by which a driver shows itself: on Linux, and in WSL. */
const DRIVER = ["/proc/driver/nvidia/version", "/dev/nvidia0", "/dev/dxg"];
const CARDS = "/proc/driver/nvidia/gpus";

/** Whether there is a driver, and the first card's name as the driver spells it. */
function driver(): Readonly<Record<string, string>> {
  if (Deno.build.os === "linux" && !DRIVER.some(exists)) return {};
  try {
    for (const { name } of Deno.readDirSync(CARDS)) {
      const model = Deno.readTextFileSync(join(CARDS, name, "information")).match(/^Model:\s*(.+)$/m);
      if (model !== null) return { driver: "present", card: model[1].trim() };
    }
  } catch { /* Windows, WSL: the driver has its name elsewhere */ }
  return { driver: "present", card: "NVIDIA GPU" };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

export const cuda: ProviderRecord = {
  runtime: import.meta.resolve("../runtimes/cuda.ts"),
  isNative: true,
  facts: driver,
  library: npmPackage("onnxruntime-node"),
  hardware: "graphics card",
  precision: "tf32",
  precisions: {
    // ONNX Runtime's binding has no option for it; NVIDIA's libraries read this variable
    float32: { passes: CUDA_PASSES, env: { NVIDIA_TF32_OVERRIDE: "0" } },
    tf32: { passes: CUDA_PASSES },
    mixed: { passes: MIXED_CUDA_PASSES, isChecked: true },
  },
  precisionVariable: "SULCUS_CUDA_PRECISION",
  temporaryBytes: 2 ** 30, // a card has the memory, and each further piece would start several more kernels
  traits: {
    windows: { most: 8, voxels: 96 ** 3 }, // a card that fits a window of 96³ runs smaller ones together
    spanBytes: 2 ** 29,
    // up to this size a batch takes little longer than one crop, since starting the kernels takes most of the time. On
    // an H200, an update of the edge network at 64³ (0.6 GB) took 44 ms at once and 54 to 73 ms view by view; one of
    // UniUnet (4.8 GB) took 770 ms and 160 ms
    atOnceBytes: 2 ** 30,
    sizesAreOpen: true,
    isMemoryPredicted: false,
  },
};
