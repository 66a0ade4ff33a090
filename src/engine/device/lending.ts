/**
 * Devices for a process that may start none: its parent starts them and passes calls on. Tensors go through the spool's
 * files as ever, so that a call is a few hundred bytes. A worker that reads files of strangers can so neither start a
 * program nor choose what its device's process may do.
 */
import { dirname, resolve } from "node:path";
import { ProcessError } from "../../process/mod.ts";
import {
  type DeviceCall,
  type DeviceProcess,
  type DeviceSettings,
  OwnDevice,
  type Peaks,
  type StartDevice,
} from "./device_process.ts";
import type { OpenReply } from "./messages.ts";

/** Asks the parent. */
type Ask = (method: string, params: unknown) => Promise<unknown>;

/** The one method that a borrower asks. */
export const DEVICE = "device";
/** The method by which the parent reports that a run begins to compute; its parameter is the device's id. */
export const DEVICE_STARTED = "device-started";

type Question =
  | { readonly does: "start"; readonly device: string; readonly settings: Omit<DeviceSettings, "models"> }
  | {
    readonly does: "call";
    readonly device: string;
    readonly method: string;
    readonly params: unknown;
    readonly options: DeviceCall;
  }
  | { readonly does: "peaks" | "forget" | "rest" | "close"; readonly device: string };

interface Reply {
  readonly result?: unknown;
  readonly error?: { readonly code: ProcessError["code"]; readonly message: string };
  readonly generation: number;
}

/** The borrower's side. */
export class Borrowed {
  readonly #ask: Ask;
  readonly #onStarted = new Map<string, () => void>();

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Takes the parent's report. */
  started(device: string): void {
    this.#onStarted.get(device)?.();
  }

  readonly start: StartDevice = ({ models: _, ...settings }, onStarted) => {
    const device = crypto.randomUUID();
    let generation = 0;
    const ask = async (question: Question): Promise<unknown> => {
      const reply = await this.#ask(DEVICE, question) as Reply;
      generation = reply.generation;
      if (reply.error !== undefined) throw new ProcessError(reply.error.code, reply.error.message);
      return reply.result;
    };
    this.#onStarted.set(device, onStarted);
    return {
      get generation() {
        return generation;
      },
      pid: undefined,
      start: () => ask({ does: "start", device, settings }) as Promise<OpenReply>,
      call: (method, params, options = {}) => ask({ does: "call", device, method, params, options }),
      peaks: () => ask({ does: "peaks", device }) as Promise<Peaks>,
      forgetPeaks: () => void ask({ does: "forget", device }).catch(() => {}), // the next call reports it
      rest: () => void ask({ does: "rest", device }).catch(() => {}),
      close: async () => {
        this.#onStarted.delete(device);
        await ask({ does: "close", device });
      },
    } satisfies DeviceProcess;
  };
}

export interface LenderOptions {
  /** Folders of models: all that a device may read beside the spool. */
  readonly models: readonly string[];
  /** The folder in which the borrower's spools lie. */
  readonly spool: string;
  /** The borrower's process id. */
  readonly borrower: () => number;
  readonly onStarted: (device: string) => void;
}

/** The parent's side: the devices of one borrower. */
export class Lender {
  readonly #options: LenderOptions;
  readonly #devices = new Map<string, OwnDevice>();

  constructor(options: LenderOptions) {
    this.#options = options;
  }

  /** Answers what a borrower asks. @throws an error of the device's process that is not its end */
  async answer(asked: unknown): Promise<Reply> {
    const question = asked as Question; // of our own `Borrowed`
    if (question.does === "close" && !this.#devices.has(question.device)) return { generation: 0 };
    const device = this.#deviceFor(question);
    const reply = (outcome: Omit<Reply, "generation">): Reply => ({ ...outcome, generation: device.generation });
    try {
      return reply({ result: await this.#do(question, device) ?? null });
    } catch (error) {
      if (!(error instanceof ProcessError)) throw error;
      return reply({ error: { code: error.code, message: error.message } });
    }
  }

  /** Ends what a borrower has left. */
  async close(): Promise<void> {
    const devices = [...this.#devices.values()];
    this.#devices.clear();
    await Promise.all(devices.map((device) => device.close()));
  }

  #deviceFor(question: Question): OwnDevice {
    const known = this.#devices.get(question.device);
    if (known !== undefined) return known;
    if (question.does !== "start") throw new ProcessError("closed", "The device has been closed");
    const { device, settings } = question;
    const { models, spool, borrower, onStarted } = this.#options;
    if (dirname(resolve(settings.folder)) !== resolve(spool)) {
      throw new TypeError("Cannot start a device: expected its folder in the spool of its worker");
    }
    const own = new OwnDevice({ ...settings, models }, () => onStarted(device), borrower());
    this.#devices.set(device, own);
    return own;
  }

  async #do(question: Question, device: OwnDevice): Promise<unknown> {
    switch (question.does) {
      case "start":
        return await device.start();
      case "call":
        return await device.call(question.method, question.params, question.options);
      case "peaks":
        return await device.peaks();
      case "forget":
        return device.forgetPeaks();
      case "rest":
        return device.rest();
      case "close":
        this.#devices.delete(question.device);
        return await device.close();
    }
  }
}
