/** Reads of strangers' files, a few at a time: each takes as much memory as its bounds allow. */
import { DomainError } from "../storage/mod.ts";
import { type Bounds, DEFAULT_BOUNDS, type LimitedTask, runLimited } from "./limited.ts";

export interface ReadersOptions {
  /** Default {@link DEFAULT_BOUNDS}. */
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
      return await runLimited<Task, Reply>(program, { ...task, bounds: this.bounds });
    } finally {
      // The place goes to the first that waits, so that nobody overtakes it.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
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
