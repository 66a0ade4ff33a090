/**
 * The one interface behind which every execution provider stands. Not a model server: it knows graphs and tensors,
 * nothing of volumes, patients or networks.
 */
import type { Costs } from "../graph/mod.ts";
export { EngineError, type EngineErrorCode } from "../process/mod.ts";
import type { Tensor, TensorType } from "../tensor/mod.ts";

/** ONNX Runtime execution providers, in the order in which `auto` tries them. */
export const PROVIDERS = ["cuda", "webgpu", "cpu", "wasm"] as const;
export type Provider = (typeof PROVIDERS)[number];

/**
 * What a device computes products and convolutions in. `float32`: as the CPU does. `tf32`: operands with 10 bits of
 * mantissa. `mixed`: operands in bfloat16 (8 bits). Sums, weights and all else are float32 in every case.
 */
export const PRECISIONS = ["float32", "tf32", "mixed"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** What probing a provider found; as `GET /version` shows it. */
export interface Device {
  readonly provider: Provider;
  readonly name: string;
  readonly state: "ready" | "absent" | "failed";
  /** Why it is not ready, in words. */
  readonly reason?: string;
}

/** Refers to a tensor kept by the engine between runs (parameters, optimizer state), by name. */
export interface Resident {
  readonly resident: string;
}

export interface RunOptions {
  /** Outputs to keep on the device: output name → resident name (replaces that resident after the run). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Outputs to bring back as tensors. Default: every output that is not kept. */
  readonly fetch?: readonly string[];
  /** Kill the child and throw `EngineError("timeout")` after this many milliseconds. */
  readonly timeoutMs?: number;
}

/** A loaded graph. */
export interface Session {
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
  /**
   * Runs the graph once.
   * @throws {EngineError} the provider failed, ran out of memory, timed out or crashed
   */
  run(feeds: Readonly<Record<string, Tensor | Resident>>, options?: RunOptions): Promise<Record<string, Tensor>>;
  release(): Promise<void>;
}

export interface LoadOptions {
  /** Off for training-step graphs whose weights are inputs and for cross-checks; default "all". */
  readonly optimization?: "all" | "basic" | "disabled";
  /** What nodes free stays with the session for the next run, until it is released: faster (`cpu`; others ignore it). */
  readonly keepMemory?: boolean;
}

/** A device with a supervised child process that owns its sessions and resident tensors. */
export interface Engine {
  readonly provider: Provider;
  readonly deviceName: string;
  /** `float32` on every provider but `cuda`. */
  readonly precision: Precision;
  /** What was measured of this device, for lowering; absent: nothing. */
  readonly costs?: Costs | undefined;
  /** Loads an ONNX model from its bytes or a file. */
  load(model: Uint8Array | { readonly path: string }, options?: LoadOptions): Promise<Session>;
  /** Puts a tensor into the engine's store of residents. */
  put(name: string, value: Tensor): Promise<void>;
  /** Reads a resident back. */
  get(name: string): Promise<Tensor>;
  /** Drops a resident. */
  drop(name: string): Promise<void>;
  /** Highest resident set size of the child so far, bytes. */
  peakBytes(): Promise<number>;
  /** Ends the child. */
  close(): Promise<void>;
}
