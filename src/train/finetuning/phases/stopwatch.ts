/** Times the updates of a training. */
import type { PhaseSeconds } from "./phase_files.ts";

export class Stopwatch {
  readonly #start = performance.now();
  readonly #laps: number[] = [];

  /** An update has ended. */
  lap(): void {
    this.#laps.push(performance.now());
  }

  /** Mean seconds of an update in the second half, and those before the first one began. */
  times(): Pick<PhaseSeconds, "start" | "update"> {
    const laps = this.#laps, last = laps.length - 1, half = laps.length >> 1;
    if (last < 0) return { start: 0, update: 0 };
    const from = last === 0 ? this.#start : laps[Math.max(half - 1, 0)];
    const update = (laps[last] - from) / 1000 / Math.max(last - Math.max(half - 1, 0), 1);
    return { start: Math.max((laps[0] - this.#start) / 1000 - update, 0), update };
  }
}
