/** A time limit that counts only time in which answers could be read. */

/** Ticks of a limit: a blocked loop costs one of them, however long it was blocked. */
const TICKS = 20;

/**
 * Calls `late` once `ms` have passed in which this thread's loop turned, unless `cancel()` comes first. A thread that
 * computes for longer than the limit cannot read the answer that lies there: that time is not the other side's.
 */
export function deadline(ms: number, late: () => void): { cancel(): void } {
  let left = TICKS;
  const timer = setInterval(() => {
    if (--left > 0) return;
    clearInterval(timer);
    late();
  }, ms / TICKS);
  return { cancel: () => clearInterval(timer) };
}
