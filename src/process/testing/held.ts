/** How long work holds the thread that runs it, by the processor time of that thread: other programs do not count. */

/** Processor time that the calling thread has had, in ms. */
export function spentMs(): number {
  return Number(Deno.readTextFileSync("/proc/thread-self/schedstat").split(" ")[0]) / 1e6;
}

/** Runs `work`; returns its result and the longest processor time that passed between two turns of the event loop. */
export async function longestHold<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly heldMs: number }> {
  let heldMs = 0, last = spentMs();
  const turn = () => {
    const now = spentMs();
    heldMs = Math.max(heldMs, now - last);
    last = now;
  };
  const timer = setInterval(turn);
  try {
    const result = await work();
    turn(); // what came after the last firing
    return { result, heldMs };
  } finally {
    clearInterval(timer);
  }
}
