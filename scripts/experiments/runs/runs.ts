/**
 * Runs that are done once. A hash of its settings identifies a run; it works in a folder of its own and leaves its result
 * as a small file. A run that was killed resumes. The code's version is no part of the hash: changed code needs a new
 * folder.
 *
 * Tables and plots are made of `<root>/results/<kind>-<key>.json` alone. `<root>/runs/<kind>-<key>/` holds large files:
 * checkpoints, and the output of runs that others need. Results count without that folder; a run is done again when its
 * output is needed and missing.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import type { Provider } from "../../../src/engine/mod.ts";
import { acquireLock, writeWhole } from "../../../src/storage/mod.ts";
import type { TrainEvent } from "../../../src/train/mod.ts";

/** The device of a run; no part of its identity. */
export interface Device {
  readonly provider: Provider;
  /** Threads inside an operator. */
  readonly threads: number;
}

export interface Machine extends Device {
  readonly cpu: string;
  readonly cores: number;
}

export interface RunContext {
  /** For checkpoints; removed when the run is done. */
  readonly workDirectory: string;
  /** Kept if the run `keepsOutput`. */
  readonly outputDirectory: string;
  readonly device: Device;
  /** Finds the runs that this one needs. */
  readonly runs: RunCache;
  readonly onEvent: (event: TrainEvent) => void;
  /** Seconds that the run has taken so far, attempts that were killed included. */
  elapsed(): number;
}

export interface Run {
  readonly kind: string;
  /** The run's name for people. */
  readonly title: string;
  /** JSON: everything that decides the result. */
  readonly settings: unknown;
  /** Runs whose results this one uses. */
  readonly needs: readonly Run[];
  /** Other runs use its output folder. */
  readonly keepsOutput: boolean;
  execute(context: RunContext): Promise<unknown>;
}

/** A finished run. */
export interface Finished {
  readonly result: unknown;
  /** Time of all attempts together. */
  readonly seconds: number;
  /** The machine of the last attempt. */
  readonly machine: Machine;
  /** Processes that computed at its end, this run's threads included: the system's mean over a minute; 0 on Windows. */
  readonly load: number;
}

/** The time spent is written down this often. */
const NOTE_EVERY_MS = 5_000;
/** The process of a killed command may still be ending. */
const LOCK_WAIT_MS = 30_000;

export class RunCache {
  readonly #root: string;
  readonly #device: Device;

  constructor(root: string, device: Device = { provider: "cpu", threads: 1 }) {
    this.#root = root;
    this.#device = device;
  }

  /** Folder of the run's large files. */
  folderOf(run: Run): string {
    return join(this.#root, "runs", nameOf(run));
  }

  outputOf(run: Run): string {
    return join(this.folderOf(run), "output");
  }

  /** The finished run, or null. */
  async find(run: Run): Promise<Finished | null> {
    const text = await readFile(this.#resultOf(run), "utf8").catch(() => null);
    return text === null ? null : JSON.parse(text) as Finished;
  }

  /** True if runs that need this one can be done. */
  isReady(run: Run): boolean {
    return existsSync(this.#resultOf(run)) && (!run.keepsOutput || existsSync(this.outputOf(run)));
  }

  /** Does the run, whose needs are ready, or resumes an attempt that was killed. */
  async perform(run: Run, onEvent: (event: TrainEvent) => void = () => {}): Promise<Finished> {
    const folder = this.folderOf(run), output = this.outputOf(run);
    const workDirectory = join(folder, "work"), outputDirectory = join(folder, "output.part");
    for (const directory of [workDirectory, outputDirectory]) await mkdir(directory, { recursive: true });
    const lock = await acquireLock(join(folder, "lock"), { what: `the run ${run.title}`, waitMs: LOCK_WAIT_MS });
    try {
      const clock = await Clock.open(join(folder, "seconds.json"));
      const result = await run.execute({
        workDirectory,
        outputDirectory,
        device: this.#device,
        runs: this,
        elapsed: () => clock.seconds,
        onEvent: (event) => {
          clock.note();
          onEvent(event);
        },
      });
      if (run.keepsOutput) {
        await rm(output, { recursive: true, force: true });
        await rename(outputDirectory, output);
      }
      const finished: Finished = {
        result,
        seconds: clock.seconds,
        machine: machineOf(this.#device),
        load: loadavg()[0],
      };
      const { title, settings } = run;
      const text = JSON.stringify({ title, settings, ...finished }, null, 2);
      await mkdir(join(this.#root, "results"), { recursive: true });
      await writeWhole(this.#resultOf(run), text + "\n");
      await rm(run.keepsOutput ? workDirectory : folder, { recursive: true });
      // as a later call reads it
      return JSON.parse(text) as Finished;
    } finally {
      lock.release();
    }
  }

  #resultOf(run: Run): string {
    return join(this.#root, "results", `${nameOf(run)}.json`);
  }
}

const keys = new WeakMap<Run, string>();

/** The run's identity: the hash of its settings and of those that it needs. */
export function keyOf(run: Run): string {
  const { kind, settings, needs } = run;
  const key = keys.get(run) ??
    createHash("sha256").update(JSON.stringify([kind, settings, needs.map(keyOf)])).digest("hex").slice(0, 16);
  keys.set(run, key);
  return key;
}

const nameOf = (run: Run) => `${run.kind}-${keyOf(run)}`;

function machineOf(device: Device): Machine {
  const processors = cpus();
  return { cpu: processors[0]?.model.trim() ?? "unknown", cores: processors.length, ...device };
}

/** Time that a run took, attempts that were killed included. */
class Clock {
  readonly #path: string;
  readonly #before: number;
  readonly #start = performance.now();
  #noted = performance.now();

  private constructor(path: string, before: number) {
    this.#path = path;
    this.#before = before;
  }

  static async open(path: string): Promise<Clock> {
    const text = await readFile(path, "utf8").catch(() => "0");
    return new Clock(path, Number(text) || 0);
  }

  get seconds(): number {
    return Math.round(10 * (this.#before + (performance.now() - this.#start) / 1000)) / 10;
  }

  note(): void {
    if (performance.now() - this.#noted < NOTE_EVERY_MS) return;
    this.#noted = performance.now();
    Deno.writeTextFileSync(this.#path, String(this.seconds));
  }
}
