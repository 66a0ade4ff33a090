/**
 * A worker process as the server sees it: runs a task, passes its events on, cancels it, and turns its errors into stable
 * codes. Not a queue.
 */
import type { Provider } from "../../engine/mod.ts";
import { ProcessError, RemoteError, Supervisor } from "../../process/mod.ts";
import { DomainError } from "../../storage/mod.ts";
import type { FoundOf, JobKind, ParamsOf } from "../kinds/table.ts";
import type { TaskEvent, WorkErrorCode } from "../types.ts";
import type { EventMessage, LoadMessage, RunMessage } from "./messages.ts";

export interface RunOptions {
  readonly provider: Provider | "auto";
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: TaskEvent) => void;
  /** Time after which the process is killed and the call rejects with `timeout`, ms. */
  readonly timeoutMs?: number;
  /** Lock file that the process holds while the task runs. */
  readonly lock?: string;
}

export interface TaskProcessOptions {
  /** Its name in messages: "the training process". */
  readonly title: string;
  /** URL of the tasks module. */
  readonly tasksModule: string;
  readonly dataDirectory: string;
  /** How long a cancelled task may take to end before the process is killed, ms. */
  readonly cancelGraceMs: number;
}

/** Time to start a process on a machine that is busy with a training, ms. */
const START_MS = 120_000;

export class TaskProcess {
  readonly #options: TaskProcessOptions;
  readonly #supervisor: Supervisor;
  readonly #listeners = new Map<string, (event: TaskEvent) => void>();

  constructor(options: TaskProcessOptions) {
    this.#options = options;
    this.#supervisor = new Supervisor({
      title: options.title,
      module: import.meta.resolve("./worker.ts"),
      v8Flags: ["--expose-gc"],
      startTimeoutMs: START_MS,
      initialize: async (call) => {
        const message: LoadMessage = { tasks: options.tasksModule, dataDirectory: options.dataDirectory };
        await call("load", message, { timeoutMs: START_MS });
      },
      onEvent: (_name, data) => {
        const { run, event } = data as EventMessage;
        this.#listeners.get(run)?.(event);
      },
    });
  }

  /** Processes that have ended so far. */
  get restarts(): number {
    return this.#supervisor.generation;
  }

  /**
   * Runs one task.
   * @throws {DomainError} with the task's own code; `crashed`, `out-of-memory`, `timeout` of the process; `cancelled`
   */
  async run<K extends JobKind>(task: K, params: ParamsOf<K>, options: RunOptions): Promise<FoundOf<K>> {
    const { provider, signal, onEvent, timeoutMs, lock } = options;
    if (signal?.aborted) throw cancelled();
    const run = crypto.randomUUID();
    if (onEvent) this.#listeners.set(run, onEvent);
    let killer: ReturnType<typeof setTimeout> | undefined;
    const cancel = () => {
      this.#supervisor.call("cancel", { run }).catch(() => {}); // it has ended meanwhile
      killer = setTimeout(() => this.#supervisor.kill(), this.#options.cancelGraceMs);
    };
    signal?.addEventListener("abort", cancel, { once: true });
    try {
      const message: RunMessage = { run, task, params, provider, lock };
      return await this.#supervisor.call("run", message, { timeoutMs }) as FoundOf<K>;
    } catch (error) {
      throw signal?.aborted ? cancelled() : domainErrorOf(error, this.#options.title);
    } finally {
      signal?.removeEventListener("abort", cancel);
      clearTimeout(killer);
      this.#listeners.delete(run);
    }
  }

  /** Ends the process; a running task rejects with `closed`. */
  async close(): Promise<void> {
    await this.#supervisor.close();
  }
}

function cancelled(): DomainError<"cancelled"> {
  return new DomainError("cancelled", "The task was cancelled");
}

/** Classes of errors whose codes and messages are written for users. */
const KNOWN = ["EngineError", "InferenceError", "TrainingError", "DomainError"];

/** An error of a worker as a {@link DomainError}. Messages of other origin may hold paths, so they stay in its cause. */
export function domainErrorOf(error: unknown, title: string): DomainError<WorkErrorCode> {
  if (error instanceof DomainError) return error;
  if (error instanceof ProcessError) return new DomainError(error.code, error.message, { cause: error });
  if (error instanceof RemoteError && KNOWN.includes(error.name)) {
    return new DomainError(error.code as WorkErrorCode, error.message, { cause: error });
  }
  if (error instanceof Error && error.name === "VolumeError") {
    return new DomainError("invalid-volume", error.message, { cause: error });
  }
  const own = error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
  const detail = own && error.message.startsWith("Cannot ") ? error.message : "an unforeseen error";
  return new DomainError("internal", `${title[0].toUpperCase()}${title.slice(1)} failed: ${detail}`, { cause: error });
}
