/**
 * A child process that is started on the first call, and again, with growing delay, on the first call after it ended.
 * Not a pool and not a queue: calls run side by side, and a call whose child dies is never repeated.
 */
import { deadline } from "./deadline.ts";
import { ProcessError, sentence } from "./failures.ts";
import { type ProcessOptions, SupervisedProcess } from "./supervised_process.ts";

export interface SupervisorOptions extends ProcessOptions {
  /** Prepares every new process before any other call; the caller of that call gets what it throws. */
  readonly initialize?: (call: Call) => Promise<void>;
  /** From spawn to the child's first message, ms; default 30000. */
  readonly startTimeoutMs?: number;
  /** From `close()` to SIGKILL, ms; default 2000. */
  readonly graceMs?: number;
}

export interface CallOptions {
  /** Kill the child and reject with `ProcessError("timeout")` after this many ms. Default: no limit. */
  readonly timeoutMs?: number;
}

export type Call = (method: string, params?: unknown, options?: CallOptions) => Promise<unknown>;

/** Delay before the n-th start in a row, ms: none, none, 100, 200, … 30000. */
const delayMs = (ends: number) => ends < 2 ? 0 : Math.min(30_000, 100 * 2 ** (ends - 2));
/** A child that lived this long has not "ended in a row". */
const STEADY_MS = 60_000;

export class Supervisor {
  #options: SupervisorOptions;
  #process: SupervisedProcess | undefined;
  #current: Promise<SupervisedProcess> | undefined;
  #closing = Promise.withResolvers<void>();
  #closed = false;
  #generation = 0;
  #endsInARow = 0;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** The child's process id; undefined while none serves. */
  get pid(): number | undefined {
    return this.#process?.end === undefined ? this.#process?.pid : undefined;
  }

  /** The number of processes that have ended so far: when it changes, everything that the child held is lost. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * Calls a method of the child, which is started first if none runs.
   * @throws {ProcessError} "crashed" or "out-of-memory": the child ended; "timeout"; "failed"; "closed"
   * @throws an error of the child, as `TypeError`, `RangeError`, `SyntaxError` or `RemoteError`
   */
  async call(method: string, params?: unknown, options?: CallOptions): Promise<unknown> {
    const process = await this.#running();
    return await this.#limited(process, () => process.call(method, params), `"${method}"`, options?.timeoutMs);
  }

  /** Starts the child before its first call. @throws as `call()` */
  async start(): Promise<void> {
    await this.#running();
  }

  /** Ends the child at once; pending calls reject with `reason`. The next call starts another. */
  kill(reason: ProcessError = new ProcessError("crashed", `${sentence(this.#options.title)} was stopped`)): void {
    this.#process?.kill(reason);
  }

  /** Ends the child, first by asking. Pending and later calls reject with `ProcessError("closed")`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#closing.resolve();
    await this.#process?.close(this.#closedError(), this.#options.graceMs ?? 2000);
  }

  #running(): Promise<SupervisedProcess> {
    return this.#closed ? Promise.reject(this.#closedError()) : this.#current ??= this.#start();
  }

  async #start(): Promise<SupervisedProcess> {
    try {
      await this.#process?.ended;
      await this.#backOff();
      if (this.#closed) throw this.#closedError();
      const process = this.#spawn();
      const call: Call = (method, params, options) =>
        this.#limited(process, () => process.call(method, params), `"${method}"`, options?.timeoutMs);
      try {
        await this.#limited(process, () => process.ready, "starting", this.#options.startTimeoutMs ?? 30_000);
        await this.#options.initialize?.(call);
      } catch (error) {
        process.kill(error instanceof ProcessError ? error : new ProcessError("failed", "It could not be started"));
        throw error;
      }
      return process;
    } catch (error) {
      this.#current = undefined;
      throw error;
    }
  }

  #spawn(): SupervisedProcess {
    const process = new SupervisedProcess(this.#options, () => {
      this.#current = undefined;
      this.#generation++;
      this.#endsInARow = performance.now() - process.startedAt < STEADY_MS ? this.#endsInARow + 1 : 1;
    });
    return this.#process = process;
  }

  async #backOff(): Promise<void> {
    let timer;
    const delay = new Promise<void>((resolve) => timer = setTimeout(resolve, delayMs(this.#endsInARow)));
    await Promise.race([delay, this.#closing.promise]);
    clearTimeout(timer);
  }

  /** Waits for `work`; kills the child when it takes longer than `timeoutMs`. */
  async #limited<T>(process: SupervisedProcess, work: () => Promise<T>, what: string, timeoutMs?: number): Promise<T> {
    const title = sentence(this.#options.title);
    const limit = timeoutMs === undefined ? undefined : deadline(
      timeoutMs,
      () => process.kill(new ProcessError("timeout", `${title} was stopped: ${what} took longer than ${timeoutMs} ms`)),
    );
    try {
      return await work();
    } finally {
      limit?.cancel();
    }
  }

  #closedError(): ProcessError {
    return new ProcessError("closed", `${sentence(this.#options.title)} has been closed`);
  }
}
