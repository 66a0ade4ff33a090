/** Reads of strangers' files, a few at a time: each takes as much memory as its bounds allow. */
import { DomainError } from "../storage/mod.ts";
import { askerLeft } from "./asker.ts";
import {
  type Bounds,
  DEFAULT_BOUNDS,
  type LimitedRefusal,
  type LimitedTask,
  nobodyWaits,
  runLimited,
} from "./limited.ts";

/** Reads at half a megabyte a second are stopped by no bound of time. */
const LEAST_BYTES_PER_MS = 500;

const sizeOf = ({ isFile, size }: Deno.FileInfo) => isFile ? size : 0;

/** The time is that of a small file. Default {@link DEFAULT_BOUNDS}. */
export interface ReadersOptions extends Partial<Bounds> {
  /** Children that run side by side. Default 2. */
  readonly together?: number;
  /** Reads that may wait for their turn; more are refused. Default 32. */
  readonly maxWaiting?: number;
  /** Environment variables of each child beside the inherited ones. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
}

export class Readers {
  readonly bounds: Bounds;
  readonly #together: number;
  readonly #maxWaiting: number;
  readonly #env: ReadersOptions["env"];
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ together = 2, maxWaiting = 32, env, ...bounds }: ReadersOptions = {}) {
    this.bounds = { ...DEFAULT_BOUNDS, ...bounds };
    this.#together = together;
    this.#maxWaiting = maxWaiting;
    this.#env = env;
  }

  /** Reads that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Children that read. */
  get running(): number {
    return this.#running;
  }

  /**
   * {@link runLimited} in turn. Ends, or gives its turn up, when whoever asked for it leaves.
   * @throws {DomainError} `busy`, `stopping`, and as `runLimited()`
   */
  async run<Task, Reply>(program: string, task: Omit<LimitedTask<Task>, "bounds" | "env" | "signal">): Promise<Reply> {
    const signal = askerLeft();
    await this.#turn(task.refusal, signal);
    try {
      const bounds = await this.#boundsFor(task);
      return await runLimited<Task, Reply>(program, { ...task, bounds, env: this.#env, signal });
    } finally {
      // The place goes to the first that waits, so that nobody overtakes it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }

  /** Large files take longer: archives of data sets have gigabytes. */
  async #boundsFor({ reads }: Pick<LimitedTask<unknown>, "reads">): Promise<Bounds> {
    const sizes = reads === "all" ? [] : await Promise.all(reads.map((path) => Deno.stat(path).then(sizeOf, () => 0)));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    return { ...this.bounds, timeoutMs: Math.round(this.bounds.timeoutMs + bytes / LEAST_BYTES_PER_MS) };
  }

  async #turn({ start }: LimitedRefusal, left: AbortSignal | undefined): Promise<void> {
    if (this.#running < this.#together) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new DomainError("busy", `Cannot read the files now: ${this.#maxWaiting} others are waiting`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      const at = this.#waiting.indexOf(resolve);
      if (at < 0) return; // it has its turn
      this.#waiting.splice(at, 1);
      reject(nobodyWaits(start));
    };
    this.#waiting.push(resolve);
    left?.addEventListener("abort", leave, { once: true });
    if (left?.aborted) leave();
    try {
      await promise;
    } finally {
      left?.removeEventListener("abort", leave);
    }
  }
}
