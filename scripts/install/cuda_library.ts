/**
 * Installs ONNX Runtime's CUDA provider beside onnxruntime-node's binding: `deno task cuda`. The npm package lacks it,
 * so it comes from the wheel `onnxruntime-gpu` of the same release on PyPI, whose hash is pinned. A machine that uses it
 * needs an NVIDIA driver and, on its library path, CUDA 13 with cuBLAS and cuRAND, and cuDNN 9.
 */
import { join } from "node:path";
import { CUDA_WHEEL, install } from "./wheels.ts";
import { cudaLibrary } from "../../src/engine/runtimes/cuda_library.ts";

const library = cudaLibrary();
if (Deno.build.os !== "linux" || library === undefined) {
  throw new Error(
    `Cannot install the CUDA provider: expected Linux on x86_64, got ${Deno.build.os} ${Deno.build.arch}`,
  );
}
const { version } = JSON.parse(await Deno.readTextFile(join(library.root, "package.json")));
if (version !== CUDA_WHEEL.version) {
  throw new Error(`Cannot install the CUDA provider: no wheel is known for onnxruntime-node ${version}`);
}
console.log(`Fetching onnxruntime-gpu ${version} (247 MB)`);
await install(CUDA_WHEEL, library);
