/**
 * Watches the thread that answers requests: work that holds it delays every client. A timer that should fire every few
 * milliseconds fires late by as long as the thread was held.
 */

/** How often the timer should fire. */
const TICK_MS = 20;

export interface LoopMonitorOptions {
  /** Called with each tick's delay in seconds. */
  readonly onDelay: (seconds: number) => void;
  /** A clock in ms; a test passes one that it moves. */
  readonly now?: () => number;
}

/** Measures until it is disposed of. */
export class LoopMonitor implements Disposable {
  readonly #onDelay: (seconds: number) => void;
  readonly #now: () => number;
  readonly #timer: ReturnType<typeof setInterval>;
  #last: number;

  constructor({ onDelay, now = () => performance.now() }: LoopMonitorOptions) {
    this.#onDelay = onDelay;
    this.#now = now;
    this.#last = now();
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    Deno.unrefTimer(this.#timer);
  }

  /** One firing of the timer. */
  tick(): void {
    const now = this.#now();
    const late = Math.max(0, now - this.#last - TICK_MS);
    this.#last = now;
    this.#onDelay(late / 1000);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
