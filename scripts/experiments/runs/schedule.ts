/** The order of runs, several at a time. Knows nothing of what they do. */
import { keyOf, type Run, type RunCache } from "./runs.ts";

export interface ScheduleOptions {
  /** Runs at the same time. */
  readonly jobs: number;
  readonly perform: (run: Run) => Promise<unknown>;
}

/** A run that has ended, with its error if it failed. */
export interface Ended {
  readonly run: Run;
  readonly error?: unknown;
}

/** The runs to be done for `wanted`: each once, after those that it needs. */
export async function missing(wanted: readonly Run[], cache: Pick<RunCache, "find" | "isReady">): Promise<Run[]> {
  const found = new Map<string, Run>();
  const need = (run: Run) => {
    run.needs.filter((other) => !cache.isReady(other)).forEach(need);
    if (!found.has(keyOf(run))) found.set(keyOf(run), run);
  };
  for (const run of wanted) if (await cache.find(run) === null) need(run);
  return [...found.values()];
}

/** Does `runs`, in the order of `missing()`; after a failure, runs that need the failed one are left out. */
export async function* performAll(runs: readonly Run[], { jobs, perform }: ScheduleOptions): AsyncGenerator<Ended> {
  const waiting = [...runs], unfinished = new Set(runs.map(keyOf));
  const running = new Map<Run, Promise<Ended>>();
  const isFree = (run: Run) => run.needs.every((other) => !unfinished.has(keyOf(other)));
  const begin = async (run: Run): Promise<Ended> => {
    try {
      await perform(run);
      unfinished.delete(keyOf(run));
      return { run };
    } catch (error) {
      return { run, error };
    }
  };
  for (;;) {
    for (let i; running.size < jobs && (i = waiting.findIndex(isFree)) >= 0;) {
      const [run] = waiting.splice(i, 1);
      running.set(run, begin(run));
    }
    if (running.size === 0) return;
    const ended = await Promise.race(running.values());
    running.delete(ended.run);
    yield ended;
  }
}
