/** Processes that do one run at a time each: the parent's side of `run_child.ts`. */
import { Supervisor } from "../../../src/process/mod.ts";
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

/** A machine that computes on every core may take long to start one more process. */
const START_MS = 120_000;

interface RunProcess {
  readonly supervisor: Supervisor;
  onEvent: (event: TrainEvent) => void;
}

export class RunProcesses {
  readonly #setup: Setup;
  readonly #all: RunProcess[] = [];
  readonly #free: RunProcess[] = [];

  constructor(setup: Setup) {
    this.#setup = setup;
  }

  /** Does a run of a plan in a free process. @throws the run's error */
  async perform(plan: PlanName, run: Run, onEvent: (event: TrainEvent) => void): Promise<Finished> {
    const own = this.#free.pop() ?? this.#start();
    own.onEvent = onEvent;
    try {
      const message: PerformMessage = { setup: this.#setup, plan, key: keyOf(run) };
      return await own.supervisor.call("perform", message) as Finished;
    } finally {
      this.#free.push(own);
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#all.map(({ supervisor }) => supervisor.close()));
  }

  #start(): RunProcess {
    const started: RunProcess = {
      supervisor: new Supervisor({
        title: "a run's process",
        module: import.meta.resolve("./run_child.ts"),
        startTimeoutMs: START_MS,
        onEvent: (_, event) => started.onEvent(event as TrainEvent),
      }),
      onEvent: () => {},
    };
    this.#all.push(started);
    return started;
  }
}
