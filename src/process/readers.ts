/** Reads of strangers' files, a few at a time: each takes as much memory as its bounds allow. */
import { DomainError } from "../storage/mod.ts";
import { type Bounds, DEFAULT_BOUNDS, type LimitedTask, runLimited } from "./limited.ts";

/** Reads at half a megabyte a second are stopped by no bound of time. */
const LEAST_BYTES_PER_MS = 500;

const sizeOf = ({ isFile, size }: Deno.FileInfo) => isFile ? size : 0;

export interface ReadersOptions {
  /** Default {@link DEFAULT_BOUNDS}. The time is that of a small file. */
  readonly bounds?: Bounds;
  /** Children that run side by side. Default 2. */
  readonly together?: number;
  /** Reads that may wait for their turn; more are refused. Default 32. */
  readonly maxWaiting?: number;
}

export class Readers {
  readonly bounds: Bounds;
  readonly #together: number;
  readonly #maxWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ bounds = DEFAULT_BOUNDS, together = 2, maxWaiting = 32 }: ReadersOptions = {}) {
    this.bounds = bounds;
    this.#together = together;
    this.#maxWaiting = maxWaiting;
  }

  /** Reads that wait for their turn. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** {@link runLimited} in turn. @throws {DomainError} `busy`, and as `runLimited()` */
  async run<Task, Reply>(program: string, task: Omit<LimitedTask<Task>, "bounds">): Promise<Reply> {
    await this.#turn();
    try {
      return await runLimited<Task, Reply>(program, { ...task, bounds: await this.#boundsFor(task) });
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

  async #turn(): Promise<void> {
    if (this.#running < this.#together) {
      this.#running++;
      return;
    }
    if (this.#waiting.length >= this.#maxWaiting) {
      throw new DomainError("busy", `Cannot read the files now: ${this.#maxWaiting} others are waiting`);
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}
