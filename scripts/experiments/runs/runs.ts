/**
 * Runs that are done once: each is known by a hash of its settings, works in a folder of its own, and leaves its result
 * as a small file. One that was killed goes on where it was. The code's version is no part of the hash: changed code wants
 * a new folder.
 *
 * `<root>/results/<kind>-<key>.json` is all that tables and plots are made of. `<root>/runs/<kind>-<key>/` holds what is
 * heavy: checkpoints, and the output of runs that others need. Results without that folder are taken as they are; a run
 * whose output is needed and missing is done again.
 */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Provider } from "../../../src/engine/mod.ts";
import { acquireLock, writeWhole } from "../../../src/storage/mod.ts";
import type { TrainEvent } from "../../../src/train/mod.ts";

/** What a run computes on; no part of its identity. */
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
  /** Has the runs that this one needs. */
  readonly runs: RunCache;
  readonly onEvent: (event: TrainEvent) => void;
}

export interface Run {
  readonly kind: string;
  /** For people. */
  readonly title: string;
  /** JSON: everything that decides the result. */
  readonly settings: unknown;
  /** Runs whose results this one uses. */
  readonly needs: readonly Run[];
  /** Whether others use its output folder. */
  readonly keepsOutput: boolean;
  execute(context: RunContext): Promise<unknown>;
}

/** What a finished run left. */
export interface Finished {
  readonly result: unknown;
  /** All attempts together. */
  readonly seconds: number;
  /** Of the last attempt. */
  readonly machine: Machine;
}

/** Spent time is written down this often. */
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

  /** What is heavy. */
  folderOf(run: Run): string {
    return join(this.#root, "runs", nameOf(run));
  }

  outputOf(run: Run): string {
    return join(this.folderOf(run), "output");
  }

  /** What the run found, if it is done. */
  async find(run: Run): Promise<Finished | null> {
    const text = await readFile(this.#resultOf(run), "utf8").catch(() => null);
    return text === null ? null : JSON.parse(text) as Finished;
  }

  /** Whether runs that need this one can be done. */
  isReady(run: Run): boolean {
    return existsSync(this.#resultOf(run)) && (!run.keepsOutput || existsSync(this.outputOf(run)));
  }

  /** Does the run, whose needs are ready; goes on where a killed attempt was. */
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
        onEvent: (event) => {
          clock.note();
          onEvent(event);
        },
      });
      if (run.keepsOutput) {
        await rm(output, { recursive: true, force: true });
        await rename(outputDirectory, output);
      }
      const finished: Finished = { result, seconds: clock.seconds, machine: machineOf(this.#device) };
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
