/**
 * Simulated subjects without end, of which a pool of fixed size lies on disk: a process of low priority draws the next ones
 * while a training runs on the pool, and at the end of each leg they replace the oldest. Subject k is a function of the seed
 * and k, and leg g has the subjects that its number says, so that a run that was stopped goes on with the same ones.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { constants, setPriority } from "node:os";
import { join } from "node:path";
import type { PretrainingCase } from "../../src/train/mod.ts";
import { MODALITIES } from "../../src/inference/mod.ts";
import { subjectName, type SubjectsPlan } from "../simulator/dataset.ts";

export interface PoolOptions {
  /** Receives the subjects; nothing else lies there. */
  readonly directory: string;
  /** How subjects are made, without their number. */
  readonly plan: SubjectsPlan;
  /** Subjects of the pool, and how many of them a leg replaces. */
  readonly size: number;
  readonly replaced: number;
  /** Draws subjects; default: a process of the lowest priority. */
  readonly draw?: (task: DrawSubjects) => Drawing;
}

/** What a drawing process is asked for. */
export interface DrawSubjects {
  readonly folder: string;
  readonly plan: SubjectsPlan;
  /** Numbers of subjects, from 0. */
  readonly subjects: readonly number[];
}

export interface Drawing {
  /** @throws {Error} the process failed */
  readonly done: Promise<void>;
  stop(): void;
}

/** Subject of slot `slot` in leg `leg`: each leg replaces the oldest, slot by slot. */
export function subjectOf(
  slot: number,
  leg: number,
  { size, replaced }: Pick<PoolOptions, "size" | "replaced">,
): number {
  const drawn = leg * replaced;
  return slot + size * Math.ceil(Math.max(drawn - slot, 0) / size);
}

export class SubjectPool {
  readonly #options: PoolOptions;
  #next: { readonly leg: number; readonly drawing: Drawing } | undefined;

  /** @throws {RangeError} sizes that are none */
  constructor(options: PoolOptions) {
    const { size, replaced } = options;
    if (!(Number.isInteger(size) && Number.isInteger(replaced) && size > 0 && replaced > 0 && replaced <= size)) {
      throw new RangeError(
        `Cannot draw subjects: expected a pool of at least one subject, of which one to all are replaced, got ${size} and ` +
          `${replaced}`,
      );
    }
    this.#options = options;
  }

  /**
   * The subjects of a leg, in the order of their slots; drawn now where they are not there. Older ones are deleted, and those
   * of the next leg are begun.
   * @throws {Error} a subject cannot be drawn
   */
  async leg(leg: number): Promise<PretrainingCase[]> {
    const { directory, draw = drawElsewhere, plan } = this.#options;
    const folder = join(directory, "cases"), numbers = this.#numbers(leg);
    await mkdir(folder, { recursive: true });
    if (this.#next?.leg === leg) await this.#next.drawing.done;
    else this.stop();
    this.#next = undefined;
    const missing = (wanted: readonly number[]) => wanted.filter((k) => !existsSync(join(folder, subjectName(k))));
    const now = missing(numbers);
    if (now.length > 0) await draw({ folder: directory, plan, subjects: now }).done;
    const kept = new Set([...numbers, ...this.#numbers(leg + 1)].map(subjectName));
    for (const name of readdirSync(folder)) {
      if (!kept.has(name)) await rm(join(folder, name), { recursive: true, force: true });
    }
    const later = missing(this.#numbers(leg + 1));
    if (later.length > 0) this.#next = { leg: leg + 1, drawing: draw({ folder: directory, plan, subjects: later }) };
    this.#next?.drawing.done.catch(() => {});
    return this.listed(leg);
  }

  /** The subjects of a leg that are there; nothing is drawn or deleted. @throws {Error} one is not there */
  listed(leg: number): PretrainingCase[] {
    const folder = join(this.#options.directory, "cases");
    return this.#numbers(leg).map((k, slot) => ({
      id: `slot ${slot + 1}`,
      images: imagesIn(join(folder, subjectName(k))),
    }));
  }

  /** Ends the drawing; what is whole stays. */
  stop(): void {
    this.#next?.drawing.stop();
    this.#next = undefined;
  }

  #numbers(leg: number): number[] {
    return Array.from({ length: this.#options.size }, (_, slot) => subjectOf(slot, leg, this.#options));
  }
}

function imagesIn(folder: string): PretrainingCase["images"] {
  const there = new Set(readdirSync(folder));
  const own = MODALITIES.filter((m) => there.has(`${m}.nii.gz`));
  return Object.fromEntries(own.map((m) => [m, join(folder, `${m}.nii.gz`)]));
}

/** A process that leaves the cores to the training. */
function drawElsewhere(task: DrawSubjects): Drawing {
  const program = new URL("_draw_subjects.ts", import.meta.url).pathname;
  const child: ChildProcess = spawn(Deno.execPath(), ["run", "-A", program], { stdio: ["pipe", "ignore", "inherit"] });
  const done = new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`Cannot draw subjects: the drawing process ended with ${code ?? "a signal"}`));
    });
  });
  if (child.pid !== undefined) setPriority(child.pid, constants.priority.PRIORITY_LOW);
  child.stdin!.end(JSON.stringify(task));
  return { done, stop: () => void child.kill() };
}
