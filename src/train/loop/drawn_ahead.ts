/** Micro-batches in the order of the training, drawn before the device asks for them, and the time that it waited for one. */
import { bytesOf } from "../../tensor/mod.ts";
import type { LoopOptions } from "./options.ts";
import type { MicroBatch } from "./program.ts";

/** Micro-batches that another thread draws ahead, at most, and their bytes: enough for a case that is read from disk. */
const MOST_AHEAD = 4;
const MOST_BYTES = 2 ** 28;

/** How many micro-batches as large as this one may lie ready; at least one. */
export function aheadOf({ feeds }: MicroBatch): number {
  const bytes = Object.values(feeds).reduce((n, t) => n + bytesOf(t), 0);
  return Math.max(Math.min(MOST_AHEAD, Math.floor(MOST_BYTES / bytes)), 1);
}

export class DrawnAhead {
  readonly #options: Pick<LoopOptions, "update" | "steps" | "drawsElsewhere">;
  readonly #queue: Promise<MicroBatch>[] = [];
  /** The micro-batch after those in the queue. */
  #step = 0;
  #i = 0;
  #waitedMs = 0;

  constructor(options: Pick<LoopOptions, "update" | "steps" | "drawsElsewhere">) {
    this.#options = options;
  }

  get waitedMs(): number {
    return this.#waitedMs;
  }

  /** Micro-batch `i` of update `step`: the one after that of the last call, or the first of this training. */
  async next(step: number, i: number): Promise<MicroBatch> {
    const asked = performance.now();
    if (this.#queue.length === 0) {
      [this.#step, this.#i] = [step, i];
      this.#ask();
    }
    const batch = await this.#queue.shift()!;
    this.#waitedMs += performance.now() - asked;
    return batch;
  }

  /** Makes it the one that the next call returns. */
  putBack(batch: MicroBatch): void {
    this.#queue.unshift(Promise.resolve(batch));
  }

  /**
   * Draws up to `most` micro-batches while the device works. In this thread it is one, which begins when the device has
   * `started`: nothing else runs while it is drawn. An error is thrown where its micro-batch is asked for.
   */
  drawDuring(started: Promise<unknown>, most: number): void {
    if (this.#options.drawsElsewhere) {
      while (this.#queue.length < most && this.#step < this.#options.steps) this.#ask();
    } else if (this.#queue.length === 0 && this.#step < this.#options.steps) {
      this.#ask(started.catch(() => {}));
    }
  }

  /** Waits for what is being drawn. */
  async end(): Promise<void> {
    await Promise.allSettled(this.#queue);
  }

  #ask(after?: Promise<unknown>): void {
    const step = this.#step, i = this.#i;
    const { micro, count } = this.#options.update(step);
    const drawn = after === undefined ? micro(i) : after.then(() => micro(i));
    drawn.catch(() => {});
    this.#queue.push(drawn);
    [this.#step, this.#i] = i + 1 < count ? [step, i + 1] : [step + 1, 0];
  }
}
