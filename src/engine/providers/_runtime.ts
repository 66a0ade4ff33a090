/**
 * What a provider gives the device child: ONNX Runtime's session and tensor classes and how to use them there.
 * One file per provider makes one; loaded only in the child, since loading a native library may end the process.
 */
import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-node";
import type { LoadOptions, Provider } from "../engine.ts";

export interface Runtime {
  readonly deviceName: string;
  /** The device is the CPU under another name, so `auto` leaves it out. */
  readonly software: boolean;
  readonly Tensor: TensorConstructor;
  createSession(path: string, options: LoadOptions): Promise<InferenceSession>;
  /** The largest tensor that the device can hold, bytes; absent where memory is the only limit. */
  readonly maxTensorBytes?: number;
  /** Runs `work` and fails where the device reported an error meanwhile; absent where runs report their own. */
  readonly guarded?: <T>(work: () => Promise<T>) => Promise<T>;
  /** Moves a tensor to the device's memory; absent where runs read the process's memory. */
  readonly upload?: (tensor: Tensor) => Promise<Tensor>;
}

export interface RuntimeOptions {
  /** Threads inside an operator. */
  readonly threads: number;
}

/** @throws {EngineError} "unsupported", in words, where the provider is not installed or has no device */
export async function openRuntime(provider: Provider, options: RuntimeOptions): Promise<Runtime> {
  const module = await import(import.meta.resolve(`./${provider}.ts`)) as {
    open(options: RuntimeOptions): Promise<Runtime>;
  };
  return await module.open(options);
}
