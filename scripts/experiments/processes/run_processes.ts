/**
 * A process for each run: the parent's side of `run_child.ts`. It may do whatever the user may, because runs start the
 * simulator and the peers' Python; the service's own children may not (src/process/command.ts).
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TrainEvent } from "../../../src/train/mod.ts";
import type { PlanName, PlanOptions } from "../options.ts";
import { type Device, type Finished, keyOf, type Run } from "../runs/runs.ts";

/** Everything from which a process makes the same plans as its parent. */
export interface Setup {
  readonly workDirectory: string;
  readonly options: PlanOptions;
  readonly device: Device;
}

/** The one message to a process: do this run of this plan. */
export interface PerformMessage {
  readonly setup: Setup;
  readonly plan: PlanName;
  readonly key: string;
}

/** A line of a process: events, then one of the others. */
export type RunReply =
  | { readonly event: TrainEvent }
  | { readonly finished: Finished }
  | { readonly error: string };

export class RunProcesses {
  readonly #setup: Setup;
  readonly #program: string;
  readonly #running = new Set<ChildProcess>();

  constructor(setup: Setup, program = new URL("run_child.ts", import.meta.url).pathname) {
    this.#setup = setup;
    this.#program = program;
  }

  /** Does a run of a plan in a process of its own. @throws {Error} with the words of the run's error */
  async perform(plan: PlanName, run: Run, onEvent: (event: TrainEvent) => void): Promise<Finished> {
    const message: PerformMessage = { setup: this.#setup, plan, key: keyOf(run) };
    const child = spawn(Deno.execPath(), ["run", "-A", "--quiet", this.#program], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#running.add(child);
    const answered = Promise.withResolvers<Finished>();
    child.once("error", answered.reject);
    child.once("close", (code) => {
      answered.reject(new Error(`Cannot do a run: its process ended with ${code ?? "a signal"} and no answer`));
    });
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const reply: RunReply = JSON.parse(line);
      if ("event" in reply) onEvent(reply.event);
      else if ("finished" in reply) answered.resolve(reply.finished);
      else answered.reject(new Error(reply.error));
    });
    // its input stays open: it ends when this process does
    child.stdin!.write(`${JSON.stringify(message)}\n`);
    try {
      return await answered.promise;
    } finally {
      this.#running.delete(child);
    }
  }

  /** Ends the runs under way. */
  close(): void {
    for (const child of this.#running) child.kill();
  }
}
