/** The program of a process that does runs: it makes the plan again and does the run that a message names. Not for import. */
import { emit, serve } from "../../../src/process/mod.ts";
import { planOf } from "../plans/plans.ts";
import type { PerformMessage } from "./run_processes.ts";
import { type Finished, keyOf, type Run, RunCache } from "../runs/runs.ts";

/** Runs by plan and key; a process serves one command, so the setup never changes. */
const known = new Map<string, Run>();

serve({
  async perform({ setup: { workDirectory, options, device }, plan, key }: PerformMessage): Promise<Finished> {
    if (!known.has(`${plan} ${key}`)) {
      const remember = (run: Run) => {
        known.set(`${plan} ${keyOf(run)}`, run);
        run.needs.forEach(remember);
      };
      for (const { runs } of (await planOf(plan, options)).rows) runs.forEach(remember);
    }
    const run = known.get(`${plan} ${key}`);
    if (run === undefined) throw new RangeError(`Cannot do run ${key}: expected one of ${plan}; did its data change?`);
    return await new RunCache(workDirectory, device).perform(run, (event) => emit("train", event));
  },
});
