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

export function open({ threads, facts }: RuntimeOptions): Promise<Runtime<Tensor>> {
  requireLibraries(facts);
  return Promise.resolve({
    deviceName: facts.card,
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

function requireLibraries(facts: RuntimeOptions["facts"]): void {
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
  if (!("driver" in facts)) {
    throw new EngineError("unsupported", "Cannot use CUDA: no NVIDIA driver is visible to this process");
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
