/**
 * What a provider gives the device child: ONNX Runtime's session and tensor classes and how to use them there.
 * One file per provider makes one; loaded only in the child, since loading a native library may end the process.
 */
import type { InferenceSession, Tensor, TensorConstructor } from "onnxruntime-node";

export interface LoadOptions {
  /** Off for training-step graphs whose weights are inputs and for cross-checks; default "all". */
  readonly optimization?: "all" | "basic" | "disabled";
  /** What nodes free stays with the session for the next run, until it is released: faster (`cpu`; others ignore it). */
  readonly keepMemory?: boolean;
}

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

/**
 * Opens the runtime of a module of this folder.
 * @throws {EngineError} "unsupported", in words, where the provider is not installed or has no device
 */
export async function openRuntime(module: string, options: RuntimeOptions): Promise<Runtime> {
  const { open } = await import(module) as { open(options: RuntimeOptions): Promise<Runtime> };
  return await open(options);
}
