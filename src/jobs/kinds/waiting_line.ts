/** A waiting line before one counter: first come, first served, and no longer than agreed. Keeps no results. */
import { DomainError } from "../../storage/mod.ts";

export class WaitingLine {
  readonly #maxWaiting: number;
  #waiting: (() => void)[] = [];
  #taken = false;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** How many wait beside the one that is served. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Waits for the turn, then runs `work`. `unbounded` callers (who wait in a longer queue of their own) are not refused.
   * @throws {DomainError} `busy` when the line is full, `cancelled` when `signal` aborts while waiting
   */
  async serve<T>(
    work: () => Promise<T>,
    { signal, unbounded = false }: { signal?: AbortSignal; unbounded?: boolean } = {},
  ): Promise<T> {
    if (this.#taken) await this.#wait(signal, unbounded);
    this.#taken = true;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next(); // stays taken: the turn is handed over
      else this.#taken = false;
    }
  }

  async #wait(signal: AbortSignal | undefined, unbounded: boolean): Promise<void> {
    if (!unbounded && this.#waiting.length >= this.#maxWaiting) {
      throw new DomainError("busy", `Cannot take the request now: ${this.#waiting.length} others are waiting`);
    }
    if (signal?.aborted) throw cancelled();
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const leave = () => {
      this.#waiting = this.#waiting.filter((w) => w !== resolve);
      reject(cancelled());
    };
    signal?.addEventListener("abort", leave, { once: true });
    this.#waiting.push(resolve);
    try {
      await promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }
}

function cancelled(): DomainError<"cancelled"> {
  return new DomainError("cancelled", "The request was cancelled while it waited");
}
