/** One life of a supervised child: spawn, calls, events, end. `Supervisor` restarts it. */
import { constants, setPriority } from "node:os";
import { commandOf, type CommandOptions } from "./command.ts";
import { crashOf, type LastWords, type ProcessError } from "./failures.ts";
import { memoryKills, offerToOomKiller, threadsOf } from "./memory.ts";
import { traceparent, under } from "./trace.ts";
import {
  type Answer,
  CLOSE,
  decodeError,
  encodeError,
  LineSplitter,
  type Message,
  type Question,
  READY,
  type Request,
} from "./wire.ts";

/** `module` calls `serve()`. */
export interface ProcessOptions extends CommandOptions {
  /** Names the process in messages: "the training process". */
  readonly title: string;
  /** Recognises reports of missing memory on its stderr. Default: those of language runtimes. */
  readonly isOutOfMemory?: LastWords["isOutOfMemory"];
  /** Receives the lines that the child sends by `emit()`. */
  readonly onEvent?: (event: string, data: unknown) => void;
  /** Answers what the child asks by `ask()`. Default: nothing is answered. */
  readonly onQuestion?: (method: string, params: unknown) => Promise<unknown>;
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
    offerToOomKiller(this.#process.pid);
    yieldProcessor(this.#process.pid);
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
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send(request);
    });
  }

  #send(message: Request | Answer): void {
    const line = new TextEncoder().encode(JSON.stringify(message) + "\n");
    this.#stdin.write(line).catch(() => {}); // a broken pipe: the process has ended, and its status says why
  }

  async #answer({ question, method, params, parent }: Question): Promise<void> {
    try {
      const { onQuestion } = this.#options;
      if (onQuestion === undefined) throw new TypeError(`Cannot answer "${method}": nothing may be asked`);
      const result = await under(parent, () => onQuestion(method, params));
      this.#send({ question, result: result ?? null });
    } catch (error) {
      this.#send({ question, error: encodeError(error) });
    }
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
      if (message.event === READY) {
        yieldProcessor(this.pid);
        this.#take(0)?.resolve(null);
      } else this.#options.onEvent?.(message.event, message.data);
    } else if ("question" in message) this.#answer(message);
    else if ("error" in message) this.#take(message.id)?.reject(decodeError(message.error));
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

/**
 * Lets this process have the processor before a child that computes: it answers people. Threads take over what the thread
 * has that starts them: asked when the child starts, and for those that it has started by then when it is ready.
 */
function yieldProcessor(pid: number): void {
  const asked = new Set<number>();
  for (let threads = [pid]; threads.length > 0; threads = threadsOf(pid).filter((id) => !asked.has(id))) {
    for (const id of threads) {
      asked.add(id);
      try {
        setPriority(id, constants.priority.PRIORITY_BELOW_NORMAL);
      } catch { /* it has ended, or the system forbids it: all are equal then */ }
    }
  }
}
