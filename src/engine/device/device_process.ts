/**
 * A device's process as its engine sees it: one life after another, with calls and peaks. Who may start processes has one
 * of its own; a worker, which may not, uses one that its parent lends (`lending.ts`).
 */
import { type CallOptions, forgetPeakOf, peakBytesOf, ProcessError, Supervisor } from "../../process/mod.ts";
import type { Precision } from "../providers/provider.ts";
import { type Provider, recordOf } from "../providers/table.ts";
import { hasNoMemory } from "./failures.ts";
import { type OpenParams, type OpenReply, STARTED } from "./messages.ts";

/** All that it takes to start one. */
export interface DeviceSettings {
  readonly provider: Provider;
  readonly precision: Precision;
  readonly threads: number;
  /** The spool's folder. */
  readonly folder: string;
  /** Files and folders of models. Default: whatever the user may read who started the program. */
  readonly models: readonly string[] | "all";
}

export interface DeviceCall extends CallOptions {
  /** The life that holds what the call uses. The call fails where another one has begun. */
  readonly generation?: number;
}

/** The most memory that processes have held, bytes. */
export interface Peaks {
  readonly device: number;
  /** The process that uses the device. */
  readonly user: number;
}

export interface DeviceProcess {
  /** Lives that have ended, as of the last call. */
  readonly generation: number;
  /** The process id; undefined while none runs, or where it is another's child. */
  readonly pid: number | undefined;
  /** @throws {ProcessError} or an error of the child */
  start(): Promise<OpenReply>;
  /** @throws {ProcessError} or an error of the child */
  call(method: string, params: unknown, options?: DeviceCall): Promise<unknown>;
  peaks(): Promise<Peaks>;
  forgetPeaks(): void;
  /** Lets it return unused memory, if it runs. */
  rest(): void;
  close(): Promise<void>;
}

/** Makes a device's process; the first call starts it. `onStarted`: a run begins to compute. */
export type StartDevice = (settings: DeviceSettings, onStarted: () => void) => DeviceProcess;

const OPEN_TIMEOUT_MS = 60_000;

/** What ONNX Runtime's packages ask for: the native one names the processor; the other starts threads, which copy all variables. */
const NATIVE = { facts: ["cpus"] } as const;
const WEB = { variables: "all" } as const;

/** A child of this process. */
export class OwnDevice implements DeviceProcess {
  readonly #supervisor: Supervisor;
  #device: OpenReply = { deviceName: "", software: false };
  #peakBytes = 0;

  readonly #user: number | "self";

  /** `user`: the process that uses it. */
  constructor(
    { provider, precision, threads, folder, models }: DeviceSettings,
    onStarted: () => void,
    user: number | "self" = "self",
  ) {
    this.#user = user;
    const { runtime, isNative, precisions, facts } = recordOf(provider);
    this.#supervisor = new Supervisor({
      title: `the ${provider} device process`,
      module: import.meta.resolve("./_child.ts"),
      v8Flags: ["--expose-gc"],
      isOutOfMemory: hasNoMemory,
      onEvent: (event) => event === STARTED && onStarted(),
      env: precisions[precision]?.env,
      confinement: { reads: models, writes: [folder], native: isNative, ...(isNative ? NATIVE : WEB) },
      initialize: async (call) => {
        const open: OpenParams = { provider, runtime, threads, folder, facts: facts?.() ?? {} };
        this.#device = await call("open", open, { timeoutMs: OPEN_TIMEOUT_MS }) as OpenReply;
      },
    });
  }

  get generation(): number {
    return this.#supervisor.generation;
  }

  get pid(): number | undefined {
    return this.#supervisor.pid;
  }

  async start(): Promise<OpenReply> {
    await this.#supervisor.start();
    return this.#device;
  }

  async call(method: string, params: unknown, { timeoutMs, generation }: DeviceCall = {}): Promise<unknown> {
    if (generation !== undefined && generation !== this.generation) {
      throw new ProcessError("crashed", "The device process has ended, and what it held is lost");
    }
    try {
      return await this.#supervisor.call(method, params, { timeoutMs });
    } finally {
      this.#samplePeak();
    }
  }

  peaks(): Promise<Peaks> {
    this.#samplePeak();
    return Promise.resolve({ device: this.#peakBytes, user: peakBytesOf(this.#user) });
  }

  forgetPeaks(): void {
    this.#peakBytes = 0;
    if (this.pid !== undefined) forgetPeakOf(this.pid);
    forgetPeakOf(this.#user);
  }

  rest(): void {
    if (this.pid !== undefined) this.call("rest", null).catch(() => {}); // the next call reports it
  }

  async close(): Promise<void> {
    this.#samplePeak();
    await this.#supervisor.close();
  }

  /** Of a process that has ended nobody can ask any more. */
  #samplePeak(): void {
    if (this.pid !== undefined) this.#peakBytes = Math.max(this.#peakBytes, peakBytesOf(this.pid));
  }
}
