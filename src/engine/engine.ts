/**
 * The one interface behind which every execution provider stands. Not a model server: it knows graphs and tensors,
 * nothing of volumes, patients or networks.
 */
import type { Lowering } from "../graph/mod.ts";
import type { Tensor, TensorType } from "../tensor/mod.ts";
import type { Precision, Traits } from "./providers/provider.ts";
import type { Provider } from "./providers/table.ts";
import type { LoadOptions } from "./runtimes/runtime.ts";

/** The outcomes of probing a provider. */
export const DEVICE_STATES = ["ready", "absent", "failed"] as const;

/** The result of probing a provider, as `GET /version` shows it. */
export interface Device {
  readonly provider: Provider;
  readonly name: string;
  readonly state: (typeof DEVICE_STATES)[number];
  /** The reason why it is not ready, or why `auto` passes it over. */
  readonly reason?: string;
}

/** Names a tensor that the engine keeps between runs: a parameter, optimizer state. */
export interface Resident {
  readonly resident: string;
}

export interface RunOptions {
  /** Outputs to keep on the device: output name → resident name (replaces that resident after the run). */
  readonly keep?: Readonly<Record<string, string>>;
  /** Outputs to return as tensors. Default: every output that is not kept. */
  readonly fetch?: readonly string[];
  /** Called when the device has its feeds and begins to compute. */
  readonly onStart?: () => void;
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

/** A device with a supervised child process that owns its sessions and resident tensors. */
export interface Engine {
  readonly provider: Provider;
  readonly deviceName: string;
  readonly precision: Precision;
  /** The traits of its provider. */
  readonly traits: Traits;
  /**
   * How graphs are lowered for it: by its provider's passes, at its precision, and by what was measured of the device.
   */
  readonly lowering: Lowering;
  /** How they are lowered for float32, where answers at its precision must be compared with those first. */
  readonly exact?: Lowering | undefined;
  /** Objects that rooms above keep with it. */
  readonly companions: Companions;
  /** Loads an ONNX model from its bytes or a file. */
  load(model: Uint8Array | { readonly path: string }, options?: LoadOptions): Promise<Session>;
  /** Stores a tensor as a resident of this name. */
  put(name: string, value: Tensor): Promise<void>;
  /** Returns a resident's values. */
  get(name: string): Promise<Tensor>;
  /** Drops a resident. */
  drop(name: string): Promise<void>;
  /**
   * Returns the most memory that the child has held so far, bytes, without what a GPU holds; 0 where the system does not
   * report it. Work happens outside the child too: see `peakOfWork()`.
   */
  peakBytes(): Promise<number>;
  /** The same of this process, which uses the engine. */
  userPeakBytes(): Promise<number>;
  /** Lets both peaks begin anew: a kept engine's next task has a peak of its own. */
  forgetPeak(): void;
  /** Ends the child. */
  close(): Promise<void>;
}

/**
 * Objects that rooms above keep with an engine for its lifetime, one of each class, such as the networks loaded on it.
 */
export class Companions {
  readonly #made = new Map<new () => object, object>();

  /** Returns the engine's object of a class, made at the first call. */
  of<T extends object>(kind: new () => T): T {
    const found = this.#made.get(kind);
    if (found instanceof kind) return found;
    const made = new kind();
    this.#made.set(kind, made);
    return made;
  }
}
