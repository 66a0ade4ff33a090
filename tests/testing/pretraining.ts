/** A pre-training of seconds, and a process that runs it until a test kills it; prints its events as JSON lines. */
import { join } from "node:path";
import { type Engine, openEngine } from "../../src/engine/mod.ts";
import { readPretrainingSources } from "../../src/datasets/mod.ts";
import { pretrain, type PretrainingRecipe, type PretrainRequest, type PretrainResult } from "../../src/train/mod.ts";
import { TINY_ENCODER } from "./tiny_models.ts";

/** A tiny encoder on patches of 16³ voxels of 8 mm. */
export const TINY_PRETRAINING: PretrainingRecipe = {
  preset: "edge",
  steps: 8,
  roi: [16, 16, 16],
  spacingMm: [8, 8, 8],
  network: TINY_ENCODER,
  mask: { rate: 0.75, blockVox: 4 },
  templates: { sizeVox: [24, 28, 24], spacingMm: [8, 8, 8] },
  checkpointEverySteps: 3,
};

export interface PretrainingOptions {
  readonly folder: string;
  /** Folder of `work/` and `output/`. */
  readonly name: string;
  readonly recipe: PretrainingRecipe;
}

/** Pre-trains on the cases of `folder`/data. */
export async function pretrainIn(
  { folder, name, recipe }: PretrainingOptions,
  changes: { readonly engine: Engine } & Partial<PretrainRequest>,
): Promise<PretrainResult> {
  const { cases } = await readPretrainingSources([join(folder, "data")]);
  const workDirectory = join(folder, name, "work"), outputDirectory = join(folder, name, "output");
  return await pretrain({ cases, recipe, workDirectory, outputDirectory, onEvent: () => {}, ...changes });
}

if (import.meta.main) {
  const engine = await openEngine("cpu");
  await pretrainIn(JSON.parse(Deno.args[0]), { engine, onEvent: (event) => console.log(JSON.stringify(event)) });
  await engine.close();
}
