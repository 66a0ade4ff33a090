/**
 * The files of ONNX Runtime's CUDA provider, which its npm package lacks. `deno task cuda` installs them beside its
 * binding.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const FILES: Readonly<Partial<Record<typeof Deno.build.os, { readonly folder: string; readonly names: string[] }>>> = {
  linux: {
    folder: "linux",
    names: ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"],
  },
  windows: {
    folder: "win32",
    names: ["onnxruntime_providers_shared.dll", "onnxruntime_providers_cuda.dll"],
  },
};

export interface CudaLibrary {
  /** The folder of the npm package. */
  readonly root: string;
  /** The folder of its binding, where the files belong. */
  readonly folder: string;
  readonly names: readonly string[];
}

/** Returns undefined where the package has no build with CUDA for this system and processor. */
export function cudaLibrary(): CudaLibrary | undefined {
  const files = FILES[Deno.build.os];
  if (files === undefined || Deno.build.arch !== "x86_64") return undefined;
  const root = join(dirname(createRequire(import.meta.url).resolve("onnxruntime-node")), "..");
  return { root, folder: join(root, "bin", "napi-v6", files.folder, "x64"), names: files.names };
}
