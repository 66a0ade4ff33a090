/**
 * An `Engine` whose sessions and residents live in a supervised child: the parent's side. Checks feeds and options,
 * moves tensors through the spool and runs one call at a time.
 */
import { resolve } from "node:path";
import type { Lowering } from "../../graph/mod.ts";
import type { Tensor, TensorType } from "../../tensor/mod.ts";
import { readCosts } from "../calibration/cost_table.ts";
import { Companions, type Engine, type Resident, type RunOptions, type Session } from "../engine.ts";
import { EngineError } from "../errors.ts";
import type { Precision, Traits } from "../providers/provider.ts";
import { loweringOf, precisionOf, type Provider, recordOf } from "../providers/table.ts";
import type { LoadOptions } from "../runtimes/runtime.ts";
import { checkElements, checkFeeds, planOutputs } from "./checks.ts";
import { type DeviceCall, type DeviceProcess, OwnDevice, type StartDevice } from "./device_process.ts";
import { errorOfProcess } from "./failures.ts";
import type { LoadReply, OpenReply, Placement, RunParams, RunReply } from "./messages.ts";
import { layOut, readTensors, Spool, writeTensors } from "./spool.ts";

export interface EngineOptions {
  /** Threads inside an operator; default: the processors that this process may use. */
  readonly threads?: number;
  /** Holds tensors in transit; default: the system's temporary folder. */
  readonly spoolDirectory?: string;
  /** Makes the device's process. Default: a child of this one, which reads models wherever they are. */
  readonly start?: StartDevice;
  /** Ignored where the provider lacks it. Default: the one that the environment asks for, else the provider's own. */
  readonly precision?: Precision;
  /** For every call but `run`, whose limit is its own option, ms; default 10 minutes. */
  readonly loadTimeoutMs?: number;
  /** Holds the calibration of the device, if there is one. */
  readonly dataDirectory?: string;
  /** Receives the reason why a calibration is not used. */
  readonly warn?: (message: string) => void;
}

const LOAD_TIMEOUT_MS = 600_000;
/** The parent's own thread copies up to this many bytes, in under half a millisecond; more in another thread. */
const BLOCK_BYTES = 2 ** 20;
/** After this pause the spool's files are removed and the child returns unused memory to the system. */
const IDLE_MS = 1000;

/** A resident as the parent knows it. */
interface Kept {
  readonly type: TensorType;
  /** The child's generation that holds it. */
  readonly generation: number;
}

export class DeviceEngine implements Engine {
  #process: DeviceProcess;
  #spool: Spool;
  #options: EngineOptions;
  #device: OpenReply = { deviceName: "", software: false };
  #residents = new Map<string, Kept>();
  #turn: Promise<unknown> = Promise.resolve();
  #idle: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  /** Of the run in progress. */
  #onStart: (() => void) | undefined;
  #lowering: Lowering;

  readonly precision: Precision;
  readonly traits: Traits;
  readonly companions = new Companions();

  private constructor(readonly provider: Provider, options: EngineOptions) {
    this.#options = options;
    const record = recordOf(provider);
    this.precision = precisionOf(provider, options.precision);
    this.traits = record.traits;
    this.#lowering = loweringOf(provider, this.precision);
    this.#spool = Spool.create(options.spoolDirectory);
    const { start = (...from) => new OwnDevice(...from), threads = navigator.hardwareConcurrency } = options;
    const settings = {
      provider,
      precision: this.precision,
      threads,
      folder: this.#spool.folder,
      models: "all",
    } as const;
    this.#process = start(settings, () => this.#onStart?.());
  }

  /**
   * Starts a device's child.
   * @throws {EngineError} "unsupported" where the provider is absent, else why the child did not start
   */
  static async open(provider: Provider, options: EngineOptions = {}): Promise<DeviceEngine> {
    const engine = new DeviceEngine(provider, options);
    try {
      engine.#device = await engine.#process.start();
      const { dataDirectory, warn = () => {} } = options;
      if (dataDirectory !== undefined) {
        engine.#lowering = { ...engine.#lowering, costs: await readCosts(dataDirectory, engine, { warn }) };
      }
      return engine;
    } catch (error) {
      await engine.close();
      throw errorOfProcess(error);
    }
  }

  get deviceName(): string {
    return this.#device.deviceName;
  }

  get lowering(): Lowering {
    return this.#lowering;
  }

  get exact(): Lowering | undefined {
    const { isChecked } = recordOf(this.provider).precisions[this.precision] ?? {};
    return isChecked ? loweringOf(this.provider, "float32") : undefined;
  }

  /** True where the device is the processor under another name, as a software WebGPU adapter. */
  get software(): boolean {
    return this.#device.software;
  }

  /** The child's process id; undefined while none runs. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  load(model: Uint8Array | { readonly path: string }, options: LoadOptions = {}): Promise<Session> {
    return this.#inTurn(async () => {
      const ofBytes = model instanceof Uint8Array;
      const path = ofBytes ? await this.#writeModel(model) : resolve(model.path);
      const reply = await this.#call<LoadReply>("load", { path, options });
      if (ofBytes) await Deno.remove(path);
      return this.#session(reply, this.#process.generation);
    });
  }

  put(name: string, value: Tensor): Promise<void> {
    return this.#inTurn(async () => {
      const file = await this.#write({ [name]: checkElements(name, value) });
      await this.#call("put", { name, file });
      this.#remember({ [name]: value });
    });
  }

  get(name: string): Promise<Tensor> {
    return this.#inTurn(async () => {
      this.#residentType(name);
      const { generation } = this.#process;
      return (await this.#read(await this.#call<Placement>("get", { name }, { generation })))[name];
    });
  }

  drop(name: string): Promise<void> {
    return this.#inTurn(async () => {
      const { generation } = this.#process;
      const isThere = this.#residents.get(name)?.generation === generation;
      this.#residents.delete(name);
      if (isThere) await this.#call("drop", { name }, { generation });
    });
  }

  async peakBytes(): Promise<number> {
    return (await this.#process.peaks()).device;
  }

  async userPeakBytes(): Promise<number> {
    return (await this.#process.peaks()).user;
  }

  forgetPeak(): void {
    this.#process.forgetPeaks();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#idle);
    await this.#process.close();
    this.#spool.remove();
  }

  #session({ session, inputs, outputs }: LoadReply, generation: number): Session {
    return {
      inputs,
      outputs,
      run: (feeds, options = {}) =>
        this.#inTurn(() => {
          if (generation !== this.#process.generation) {
            throw new EngineError("crashed", "Cannot run the graph: its device process ended, load the model again");
          }
          return this.#run(session, inputs, outputs, feeds, options);
        }),
      release: () =>
        this.#inTurn(async () => {
          if (generation === this.#process.generation) await this.#call("release", { session }, { generation });
        }),
    };
  }

  async #run(
    session: number,
    inputs: Session["inputs"],
    outputs: Session["outputs"],
    feeds: Readonly<Record<string, Tensor | Resident>>,
    options: RunOptions,
  ): Promise<Record<string, Tensor>> {
    const { tensors, residents } = checkFeeds(inputs, feeds, (name) => this.#residentType(name));
    const params: RunParams = {
      session,
      residents,
      ...planOutputs(outputs, options),
      file: await this.#write(tensors),
    };
    this.#onStart = options.onStart;
    const { file, kept } = await this.#call<RunReply>("run", params, {
      timeoutMs: options.timeoutMs ?? Infinity,
      generation: this.#process.generation,
    });
    this.#remember(kept);
    return await this.#read(file);
  }

  /** Runs `work` after all earlier work. Empties the spool after a failure, and when nothing follows. */
  #inTurn<T>(work: () => T | Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      clearTimeout(this.#idle);
      try {
        if (this.#closed) throw this.#closedError();
        return await work();
      } catch (error) {
        if (this.#closed) throw this.#closedError();
        this.#spool.sweep();
        throw error;
      } finally {
        if (!this.#closed) Deno.unrefTimer(this.#idle = setTimeout(() => this.#rest(), IDLE_MS));
      }
    });
    this.#turn = turn.catch(() => {});
    return turn;
  }

  #rest(): void {
    this.#spool.sweep();
    this.#process.rest();
  }

  async #call<T>(method: string, params: unknown, options: DeviceCall = {}): Promise<T> {
    const { timeoutMs = this.#options.loadTimeoutMs ?? LOAD_TIMEOUT_MS, ...rest } = options;
    const limit = Number.isFinite(timeoutMs) ? { timeoutMs } : {};
    try {
      return await this.#process.call(method, params, { ...rest, ...limit }) as T;
    } catch (error) {
      throw errorOfProcess(error);
    }
  }

  async #write(tensors: Readonly<Record<string, Tensor>>): Promise<Placement> {
    const { placed, bytes } = layOut(tensors);
    if (Object.keys(placed).length === 0) return null;
    const path = this.#spool.place("feeds");
    await writeTensors(path, tensors, BLOCK_BYTES);
    return { path, bytes, tensors: placed };
  }

  async #writeModel(bytes: Uint8Array): Promise<string> {
    const path = this.#spool.place("model");
    await Deno.writeFile(path, bytes, { mode: 0o600 });
    return path;
  }

  async #read(file: Placement): Promise<Record<string, Tensor>> {
    if (file === null) return {};
    return await readTensors(file.path, file.tensors, { blockBytes: BLOCK_BYTES });
  }

  #remember(types: Readonly<Record<string, TensorType>>): void {
    const { generation } = this.#process;
    for (const [name, { dtype, shape }] of Object.entries(types)) {
      this.#residents.set(name, { type: { dtype, shape }, generation });
    }
  }

  #residentType(name: string): TensorType {
    const kept = this.#residents.get(name);
    if (kept === undefined) throw new RangeError(`Cannot use resident "${name}": the device holds none of this name`);
    if (kept.generation === this.#process.generation) return kept.type;
    throw new EngineError("crashed", `Cannot use resident "${name}": it was lost when its device process ended`);
  }

  #closedError(): EngineError {
    return new EngineError("closed", `The ${this.provider} engine has been closed`);
  }
}
