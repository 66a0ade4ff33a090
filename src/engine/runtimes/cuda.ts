/**
 * Opens `cuda` of onnxruntime-node. Looks for its library first, since loading an absent one can end the process.
 * Residents lie in the child's memory, and each run copies them to the card.
 */
import { join } from "node:path";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { EngineError } from "../errors.ts";
import { cudaLibrary } from "./cuda_library.ts";
import { ortSession, ortTensors } from "./ort.ts";
import type { Runtime, RuntimeOptions } from "./runtime.ts";

export function open({ threads }: RuntimeOptions): Promise<Runtime<Tensor>> {
  requireLibraries();
  return Promise.resolve({
    deviceName: gpuName(),
    software: false,
    ...ortTensors(Tensor),
    load: (path, { optimization = "all" }) =>
      ortSession(InferenceSession.create(path, {
        executionProviders: ["cuda"],
        executionMode: "sequential",
        intraOpNumThreads: threads,
        graphOptimizationLevel: optimization,
        logSeverityLevel: 3,
      })),
  });
}

function requireLibraries(): void {
  const { os, arch } = Deno.build;
  const library = cudaLibrary();
  if (library === undefined) {
    throw new EngineError("unsupported", `Cannot use CUDA: ONNX Runtime's package has no CUDA build for ${os} ${arch}`);
  }
  const missing = library.names.filter((name) => !exists(join(library.folder, name)));
  if (missing.length > 0) {
    throw new EngineError(
      "unsupported",
      `Cannot use CUDA: ${missing.join(" and ")} not found beside ONNX Runtime's binding in onnxruntime-node`,
    );
  }
  if (os === "linux" && !exists("/proc/driver/nvidia/version") && !exists("/dev/nvidia0") && !exists("/dev/dxg")) {
    throw new EngineError("unsupported", "Cannot use CUDA: no NVIDIA driver is visible to this process");
  }
}

/** The first GPU's name, as the driver spells it. */
function gpuName(): string {
  const root = "/proc/driver/nvidia/gpus";
  try {
    for (const { name } of Deno.readDirSync(root)) {
      const model = Deno.readTextFileSync(join(root, name, "information")).match(/^Model:\s*(.+)$/m);
      if (model !== null) return model[1].trim();
    }
  } catch { /* Windows, WSL: the driver has its name elsewhere */ }
  return "NVIDIA GPU";
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
