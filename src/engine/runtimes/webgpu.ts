/**
 * Opens `webgpu`: onnxruntime-web over Deno's own `navigator.gpu`, with all limits and features of the adapter. Not
 * onnxruntime-node's WebGPU, which ends the process when a tensor is read back, and refuses Mesa's software driver.
 * Every output stays in a GPU buffer until it is fetched, so residents never leave the device.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Tensor } from "onnxruntime-web";
import { encodeModel, idleGraph } from "../../graph/mod.ts";
import { EngineError } from "../errors.ts";
import { ortSession, ortTensors } from "./ort.ts";
import type { Runtime } from "./runtime.ts";

type Ort = typeof import("onnxruntime-web");

/**
 * The model of a session that is never released. With its last session ONNX Runtime drops the GPU device and its
 * buffers.
 */
const ANCHOR = encodeModel(idleGraph());

export async function open(): Promise<Runtime<Tensor>> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new EngineError("unsupported", "Cannot use WebGPU: Deno finds no adapter (no Vulkan driver?)");
  const { description, vendor, device, isFallbackAdapter } = adapter.info;
  const name = description || `${vendor} ${device}`.trim() || "WebGPU adapter";
  const ort = await loadOrt();
  await ort.InferenceSession.create(ANCHOR, { executionProviders: ["webgpu"] });
  const gpu = await ort.env.webgpu.device as GPUDevice;
  gpu.lost.then(endProcess);
  return {
    deviceName: name,
    software: isFallbackAdapter || /swiftshader|llvmpipe|lavapipe|software|basic render/i.test(name),
    ...ortTensors(ort.Tensor),
    hold: (t) => upload(gpu, ort, ortTensors(ort.Tensor).feed(t)),
    maxTensorBytes: gpu.limits.maxBufferSize,
    guarded: (work) => guarded(gpu, work),
    load: async (path, { optimization = "all" }) => {
      const model = await Deno.readFile(path);
      return await ortSession(ort.InferenceSession.create(model, {
        executionProviders: ["webgpu"],
        preferredOutputLocation: "gpu-buffer",
        graphOptimizationLevel: optimization,
        logSeverityLevel: 3,
      }));
    },
  };
}

/** A lost device loses its buffers too: only a new process can be trusted. */
function endProcess({ reason, message }: GPUDeviceLostInfo): void {
  console.error(`The GPU device was lost (${reason}): ${message}`);
  Deno.exit(70);
}

/** Throws errors that the GPU reports during `work`. WebGPU itself would continue, with buffers that hold nothing. */
async function guarded<T>(gpu: GPUDevice, work: () => Promise<T>): Promise<T> {
  const filters = ["validation", "internal", "out-of-memory"] as const;
  for (const filter of filters) gpu.pushErrorScope(filter);
  const [done] = await Promise.allSettled([work()]);
  const found = await Promise.all(filters.map(() => gpu.popErrorScope()));
  if (done.status === "rejected") throw done.reason;
  const i = found.findIndex((e) => e !== null);
  if (i < 0) return done.value;
  const code = filters.toReversed()[i] === "out-of-memory" ? "out-of-memory" : "failed";
  throw new EngineError(code, `The GPU reports: ${found[i]!.message.split("\n")[0]}`);
}

/** Deno refuses the `blob:` imports of the package's own entry, so its files are named one by one. */
async function loadOrt(): Promise<Ort> {
  const dist = dirname(createRequire(import.meta.url).resolve("onnxruntime-web"));
  const url = (file: string) => pathToFileURL(join(dist, file)).href;
  const ort: Ort = await import(url("ort.jspi.bundle.min.mjs"));
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = {
    mjs: url("ort-wasm-simd-threaded.jspi.mjs"),
    wasm: url("ort-wasm-simd-threaded.jspi.wasm"),
  };
  ort.env.logLevel = "error";
  return ort;
}

/** Copies a float32 tensor into a GPU buffer; other types, small in practice, stay in memory. */
function upload(device: GPUDevice, ort: Ort, tensor: Tensor): Promise<Tensor> {
  if (tensor.type !== "float32" || tensor.location !== "cpu" || tensor.size === 0) return Promise.resolve(tensor);
  const data = tensor.data as Float32Array<ArrayBuffer>;
  const buffer = device.createBuffer({
    size: Math.ceil(data.byteLength / 16) * 16,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(buffer, 0, data);
  return Promise.resolve(ort.Tensor.fromGpuBuffer(buffer, {
    dataType: "float32",
    dims: tensor.dims,
    download: () => download(device, buffer, data.byteLength),
    dispose: () => buffer.destroy(),
  }));
}

async function download(device: GPUDevice, source: GPUBuffer, bytes: number): Promise<Float32Array> {
  const target = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, target, 0, bytes);
  device.queue.submit([encoder.finish()]);
  await target.mapAsync(GPUMapMode.READ);
  const data = new Float32Array(target.getMappedRange().slice(0));
  target.destroy();
  return data;
}
