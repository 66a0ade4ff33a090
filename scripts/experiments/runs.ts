/**
 * Runs that are done once: each is known by a hash of its settings, works in a folder of its own, and leaves its result
 * there. One that was killed goes on where it was. The code's version is no part of the hash: changed code wants a new
 * folder.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainEvent } from "../../src/train/mod.ts";

export interface RunContext {
  /** For checkpoints; removed when the run is done. */
  readonly workDirectory: string;
  /** Kept if the run `keeps` it. */
  readonly outputDirectory: string;
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
}

export interface RunCacheOptions {
  /** A run begins. */
  readonly onStart?: (run: Run) => void;
  readonly onEvent?: (run: Run, event: TrainEvent) => void;
}

/** Spent time is written down this often. */
const NOTE_EVERY_MS = 5_000;

export class RunCache {
  readonly #root: string;
  readonly #options: RunCacheOptions;

  constructor(root: string, options: RunCacheOptions = {}) {
    this.#root = root;
    this.#options = options;
  }

  folderOf(run: Run): string {
    return join(this.#root, `${run.kind}-${keyOf(run)}`);
  }

  outputOf(run: Run): string {
    return join(this.folderOf(run), "output");
  }

  /** What the run found, if it is done. */
  async find(run: Run): Promise<Finished | null> {
    const text = await readFile(join(this.folderOf(run), "result.json"), "utf8").catch(() => null);
    return text === null ? null : JSON.parse(text) as Finished;
  }

  /** What the run found; does it, and those that it needs, if it is not done yet. */
  async get(run: Run): Promise<Finished> {
    const known = await this.find(run);
    if (known !== null) return known;
    for (const other of run.needs) await this.get(other);
    this.#options.onStart?.(run);
    const folder = this.folderOf(run), workDirectory = join(folder, "work"), outputDirectory = this.outputOf(run);
    for (const directory of [workDirectory, outputDirectory]) await mkdir(directory, { recursive: true });
    const clock = await Clock.open(join(folder, "seconds.json"));
    const result = await run.execute({
      workDirectory,
      outputDirectory,
      runs: this,
      onEvent: (event) => {
        clock.note();
        this.#options.onEvent?.(run, event);
      },
    });
    const finished = { settings: run.settings, result, seconds: clock.seconds };
    await writeWhole(join(folder, "result.json"), JSON.stringify(finished, null, 2));
    await rm(workDirectory, { recursive: true });
    if (!run.keepsOutput) await rm(outputDirectory, { recursive: true });
    // as a later call reads it
    return JSON.parse(JSON.stringify(finished)) as Finished;
  }
}

/** The run's identity: the hash of its settings and of those that it needs. */
export function keyOf({ kind, settings, needs }: Run): string {
  const text = JSON.stringify([kind, settings, needs.map(keyOf)]);
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
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

/** A file is there whole or not at all. */
export async function writeWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.part`, text);
  await rename(`${path}.part`, path);
}
