/** One life of a supervised child: spawn, calls, events, end. `Supervisor` restarts it. */
import { commandOf, type CommandOptions } from "./command.ts";
import { crashOf, type LastWords, type ProcessError } from "./failures.ts";
import { memoryKills } from "./memory.ts";
import { traceparent } from "./trace.ts";
import { CLOSE, decodeError, LineSplitter, type Message, READY, type Request } from "./wire.ts";

/** `module` calls `serve()`. */
export interface ProcessOptions extends CommandOptions {
  /** Names the process in messages: "the training process". */
  readonly title: string;
  /** Recognises reports of missing memory on its stderr. Default: those of language runtimes. */
  readonly isOutOfMemory?: LastWords["isOutOfMemory"];
  /** Receives the lines that the child sends by `emit()`. */
  readonly onEvent?: (event: string, data: unknown) => void;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

const STDERR_TAIL = 8192;

export class SupervisedProcess {
  readonly startedAt = performance.now();
  /** Resolves when the child takes requests. */
  readonly ready: Promise<void>;
  /** Resolves when the process has ended and its pipes are drained. */
  readonly ended: Promise<void>;
  #process: Deno.ChildProcess;
  #stdin: WritableStreamDefaultWriter<Uint8Array>;
  #pending = new Map<number, Pending>();
  #nextId = 1;
  #stderr = "";
  #killsBefore = memoryKills();
  #end: ProcessError | undefined;
  #options: ProcessOptions;
  #onEnd: () => void;

  /** `onEnd` is called once, before the pending calls reject. */
  constructor(options: ProcessOptions, onEnd: () => void) {
    this.#options = options;
    this.#onEnd = onEnd;
    this.#process = commandOf(options).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.ready = new Promise((resolve, reject) => this.#pending.set(0, { resolve: () => resolve(), reject }));
    this.ready.catch(() => {});
    this.ended = this.#watch();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Why the process ended or is ending; undefined while it serves. */
  get end(): ProcessError | undefined {
    return this.#end;
  }

  /** Sends a request. Rejects with the child's error, or with the reason why the process ended. */
  call(method: string, params: unknown): Promise<unknown> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    const parent = traceparent();
    const trace = parent === undefined ? {} : { trace: { parent, name: `${this.#options.title}: ${method}` } };
    const request: Request = { id, method, params: params ?? null, ...trace };
    const line = new TextEncoder().encode(JSON.stringify(request) + "\n");
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#stdin.write(line).catch(() => {}); // a broken pipe: the process has ended, and its status says why
    });
  }

  /** Ends the process at once; pending calls reject with `reason`. */
  kill(reason: ProcessError): void {
    this.#fail(reason);
    try {
      this.#process.kill("SIGKILL");
    } catch { /* it has ended already */ }
  }

  /** Asks the child to end, and kills it after `graceMs`. */
  async close(reason: ProcessError, graceMs: number): Promise<void> {
    const timer = setTimeout(() => this.kill(reason), graceMs);
    await this.call(CLOSE, null).catch(() => {});
    this.#fail(reason);
    await this.ended;
    clearTimeout(timer);
  }

  async #watch(): Promise<void> {
    const pipes = [this.#readMessages(), this.#readStderr()];
    const status = await this.#process.status;
    await Promise.all(pipes);
    const memoryKilled = memoryKills() > this.#killsBefore;
    const { title, isOutOfMemory } = this.#options;
    this.#fail(crashOf(title, status, { stderr: this.#stderr, memoryKilled, isOutOfMemory }));
    await this.#stdin.close().catch(() => {});
  }

  #fail(reason: ProcessError): void {
    if (this.#end === undefined) {
      this.#end = reason;
      this.#onEnd();
    }
    for (const { reject } of this.#pending.values()) reject(this.#end);
    this.#pending.clear();
  }

  async #readMessages(): Promise<void> {
    const lines = new LineSplitter();
    for await (const chunk of this.#process.stdout) {
      for (const line of lines.push(chunk)) this.#receive(line);
    }
  }

  #receive(line: string): void {
    let message: Message;
    try {
      message = JSON.parse(line);
    } catch {
      this.#keepStderr(line + "\n"); // no message: a library wrote to stdout
      return;
    }
    if ("event" in message) {
      if (message.event === READY) this.#take(0)?.resolve(null);
      else this.#options.onEvent?.(message.event, message.data);
    } else if ("error" in message) this.#take(message.id)?.reject(decodeError(message.error));
    else this.#take(message.id)?.resolve(message.result);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  async #readStderr(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stderr) this.#keepStderr(decoder.decode(chunk, { stream: true }));
  }

  #keepStderr(text: string): void {
    this.#stderr = (this.#stderr + text).slice(-STDERR_TAIL);
  }
}
