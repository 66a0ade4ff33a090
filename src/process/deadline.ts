/** A time limit that counts only time in which answers could be read. */

/** A limit is counted in so many ticks at most, none shorter than this: a blocked loop costs one, however long. */
const MOST_TICKS = 20;
const TICK_MS = 25;

/**
 * Calls `late` once `ms` have passed in which this thread's loop turned, unless `cancel()` comes first. A thread that
 * computes for longer than the limit cannot read the answer that lies there: that time is not the other side's.
 */
export function deadline(ms: number, late: () => void): { cancel(): void } {
  const ticks = Math.min(Math.max(Math.floor(ms / TICK_MS), 1), MOST_TICKS);
  let left = ticks;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    late();
  }, ms / ticks);
  return { cancel: () => clearInterval(timer) };
}
