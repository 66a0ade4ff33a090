/**
 * How a device's process uses a provider's library: one module of this folder a provider. Loaded in that process only,
 * since a native library may end the process that loads it.
 */
import type { Tensor, TensorType } from "../../tensor/mod.ts";

export interface LoadOptions {
  /** Off for training-step graphs whose weights are inputs and for cross-checks; default "all". */
  readonly optimization?: "all" | "basic" | "disabled";
  /**
   * Keeps the memory that nodes free for the session's next run, until it is released. Faster on the processor; others
   * ignore it.
   */
  readonly keepMemory?: boolean;
}

/** A provider's library, opened on a device. `T` is its own kind of tensor. */
export interface Runtime<T = unknown> {
  readonly deviceName: string;
  /** The device is the processor under another name, so `auto` leaves it out. */
  readonly software: boolean;
  /** The largest tensor that the device can hold, bytes; absent where memory is the only limit. */
  readonly maxTensorBytes?: number;
  load(path: string, options: LoadOptions): Promise<RuntimeSession<T>>;
  /** A tensor for one run. */
  feed(tensor: Tensor): T;
  /** A tensor for many runs, in the device's memory if it has its own. */
  hold(tensor: Tensor): Promise<T>;
  typeOf(tensor: T): TensorType;
  isOnDevice(tensor: T): boolean;
  /** Returns the values in the process's memory and frees a buffer on the device. */
  download(tensor: T): Promise<Tensor>;
  dispose(tensor: T): void;
  /** Runs `work` and fails where the device reported an error meanwhile; absent where runs report their own. */
  readonly guarded?: <R>(work: () => Promise<R>) => Promise<R>;
}

/** A loaded graph. A dimension of its types that the model leaves open is -1. */
export interface RuntimeSession<T> {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  run(feeds: Readonly<Record<string, T>>, fetch: readonly string[]): Promise<Readonly<Record<string, T>>>;
  release(): Promise<void>;
}

export interface RuntimeOptions {
  /** Threads inside an operator. */
  readonly threads: number;
  /** Found out by its record's `facts`. */
  readonly facts: Readonly<Record<string, string>>;
}

/**
 * Opens the runtime of a module of this folder.
 * @throws {EngineError} "unsupported", in words, where the provider is not installed or has no device
 */
export async function openRuntime(module: string, options: RuntimeOptions): Promise<Runtime> {
  const { open } = await import(module) as { open(options: RuntimeOptions): Promise<Runtime> };
  return await open(options);
}
