/**
 * A worker process as the server sees it: runs a task, passes its events on, lends it devices, cancels it, and turns its
 * errors into stable codes. Not a queue.
 */
import { resolve } from "node:path";
import { DEVICE, DEVICE_STARTED, Lender, type Provider, Spool } from "../../engine/mod.ts";
import { budgetVariables, DEFAULT_BUDGET, type WorkBudget } from "../../inference/mod.ts";
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
  /** Folders of models beside those of the data directory. */
  readonly models: readonly string[];
  /** Holds tensors on their way to devices. Default: the system's temporary folder. */
  readonly spoolDirectory?: string;
  /** The most work of a case, wherever the process reads one. Default {@link DEFAULT_BUDGET}. */
  readonly budget?: WorkBudget;
  /** How long a cancelled task may take to end before the process is killed, ms. */
  readonly cancelGraceMs: number;
}

/** Time to start a process on a machine that is busy with a training, ms. */
const START_MS = 120_000;

/** Folders of the data directory that workers read, and those that they write. Never the database. */
const READ = ["datasets", "models", "calibration", "spool"];
const WRITTEN = ["jobs", "results"];
/** Which precision the device of a job computes in. */
const VARIABLES = ["SULCUS_PRECISION", "SULCUS_CUDA_PRECISION"];

export class TaskProcess {
  readonly #options: TaskProcessOptions;
  readonly #supervisor: Supervisor;
  readonly #spool: Spool;
  readonly #lender: Lender;
  readonly #listeners = new Map<string, (event: TaskEvent) => void>();

  constructor(options: TaskProcessOptions) {
    const { title, tasksModule, dataDirectory, models, spoolDirectory, budget = DEFAULT_BUDGET } = options;
    const within = (folders: readonly string[]) => folders.map((folder) => resolve(dataDirectory, folder));
    this.#options = options;
    this.#spool = Spool.create(spoolDirectory);
    const { folder: spool } = this.#spool;
    this.#lender = new Lender({
      models: [...within(["models", ...WRITTEN]), ...models],
      spool,
      borrower: () => this.#supervisor.pid!, // it has asked, so it lives
      onStarted: (device) => void this.#supervisor.call(DEVICE_STARTED, { device }).catch(() => {}), // it has ended
    });
    this.#supervisor = new Supervisor({
      title,
      module: import.meta.resolve("./worker.ts"),
      v8Flags: ["--expose-gc"],
      startTimeoutMs: START_MS,
      env: budgetVariables(budget),
      confinement: {
        reads: [...within([...READ, ...WRITTEN]), ...models],
        writes: [...within(WRITTEN), spool],
        variables: VARIABLES,
      },
      initialize: async (call) => {
        await this.#lender.close(); // what a worker before this one has left
        const message: LoadMessage = { tasks: tasksModule, dataDirectory, spool };
        await call("load", message, { timeoutMs: START_MS });
      },
      onEvent: (_name, data) => {
        const { run, event } = data as EventMessage;
        this.#listeners.get(run)?.(event);
      },
      onQuestion: async (method, asked) => {
        if (method !== DEVICE) throw new TypeError(`Cannot answer "${method}": expected "${DEVICE}"`);
        return await this.#lender.answer(asked);
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
    await this.#lender.close();
    this.#spool.remove();
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
