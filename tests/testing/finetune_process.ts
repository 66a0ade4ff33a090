/**
 * A process that fine-tunes in a folder with `data/` and `base/` until a test kills it; prints its events as JSON lines.
 */
import { join } from "node:path";
import { openEngine } from "../../src/engine/mod.ts";
import { readDatasetFolder } from "../../src/datasets/mod.ts";
import { finetune, type Recipe } from "../../src/train/mod.ts";
import { requestOf } from "./tiny_models.ts";

export interface ProcessOptions {
  readonly folder: string;
  /** Folder of `work/` and `output/`. */
  readonly name: string;
  readonly recipe: Recipe;
}

/** The process's work. */
export async function finetuneIn({ folder, name, recipe }: ProcessOptions): Promise<void> {
  const { cases } = await readDatasetFolder(join(folder, "data"));
  const engine = await openEngine("cpu");
  try {
    const workDirectory = join(folder, name, "work"), outputDirectory = join(folder, name, "output");
    const onEvent = (event: unknown) => console.log(JSON.stringify(event));
    const changes = { workDirectory, outputDirectory, onEvent };
    await finetune(requestOf({ folder, engine, cases, recipe, changes }));
  } finally {
    await engine.close();
  }
}

if (import.meta.main) await finetuneIn(JSON.parse(Deno.args[0]));
