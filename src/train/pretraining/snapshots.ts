/** Pictures that a pre-training takes on its way, kept in its work folder. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeWhole } from "../../storage/mod.ts";
import type { Snapshot } from "../report/pretraining.ts";

/** Shares of the training after which a picture is taken. */
const SHARES = [0.02, 0.1, 0.3, 1];

export class Snapshots {
  readonly #directory: string;
  readonly #at: ReadonlySet<number>;

  constructor(workDirectory: string, steps: number) {
    this.#directory = join(workDirectory, "snapshots");
    this.#at = new Set(SHARES.map((share) => Math.max(1, Math.round(share * steps))));
  }

  /** Keeps the picture after `step` updates, where one is due. */
  async take(step: number, picture: () => Promise<Uint8Array>): Promise<void> {
    if (this.#at.has(step)) await writeWhole(join(this.#directory, `${step}.png`), await picture());
  }

  /** All that were taken, also by an earlier process. */
  async all(): Promise<Snapshot[]> {
    const found = await readdir(this.#directory).catch(() => []);
    const names = found.filter((n) => /^\d+\.png$/.test(n));
    const steps = names.map((n) => parseInt(n)).sort((a, b) => a - b);
    return await Promise.all(
      steps.map(async (step) => ({ step, png: await readFile(join(this.#directory, `${step}.png`)) })),
    );
  }
}
