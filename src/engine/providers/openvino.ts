/** `openvino`: Intel's kernels on the processor, bfloat16 where it has that. `deno task openvino` installs it. */
import { MIXED_OPENVINO_PASSES, OPENVINO_MEMORY, OPENVINO_PASSES } from "../../graph/mod.ts";
import { OPENVINO_VERSION } from "../runtimes/openvino/library.ts";
import type { ProviderRecord } from "./provider.ts";

/** The processor multiplies pairs of bfloat16; without that OpenVINO would compute them in float32, slowly. */
function hasBfloat16(): boolean {
  try {
    return /\b(avx512_bf16|amx_bf16)\b/.test(Deno.readTextFileSync("/proc/cpuinfo"));
  } catch {
    return false; // no Linux: there is no OpenVINO either
  }
}

export const openvino: ProviderRecord = {
  runtime: import.meta.resolve("../runtimes/openvino/openvino.ts"),
  isNative: true,
  library: `openvino@${OPENVINO_VERSION}`,
  hardware: "processor",
  isSpare: true,
  precision: "float32",
  precisions: {
    float32: { passes: OPENVINO_PASSES },
    mixed: { passes: MIXED_OPENVINO_PASSES, isThere: hasBfloat16, isChecked: true },
  },
  temporaryBytes: 64 * 2 ** 20,
  traits: {
    windows: { most: 1, voxels: Infinity },
    spanBytes: 0,
    atOnceBytes: 0,
    sizesAreOpen: false,
    isMemoryPredicted: true,
    memory: OPENVINO_MEMORY,
  },
};
