/**
 * Experiments that tell whether pre-training helps: `deno task experiment NAME --work DIR [--seeds 3] [--out
 * docs/experiments]`. Every run is kept in `--work`; stop it when you like, the same command goes on. `--smoke` takes a
 * tiny network and a few updates to see that everything works; `--only-done` writes the files from what is done.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runExperiment } from "./experiment.ts";
import { labelEfficiency } from "./label_efficiency.ts";
import { modalityClassifier } from "./modality_classifier.ts";
import { msLesion } from "./ms_lesion.ts";
import { PHANTOM_TASK, type PhantomTask, SMOKE_PHANTOM_TASK } from "./phantom_task.ts";
import { pretrainingParts } from "./pretraining_parts.ts";
import type { Plan } from "./types.ts";

const NAMES = ["pretraining-parts", "label-efficiency", "ms-lesion", "modality-classifier"] as const;

const { values, positionals: [name] } = parseArgs({
  allowPositionals: true,
  options: {
    work: { type: "string" },
    out: { type: "string" },
    seeds: { type: "string", default: "3" },
    base: { type: "string", default: "models/brainmvp-edge/2" },
    data: { type: "string", default: "../shared/data" },
    steps: { type: "string" },
    "pretraining-steps": { type: "string" },
    phantoms: { type: "string", default: "8" },
    smoke: { type: "boolean", default: false },
    "only-done": { type: "boolean", default: false },
  },
});

/** A whole number of a flag. */
function whole(flag: "seeds" | "steps" | "pretraining-steps" | "phantoms", fallback: number): number {
  const value = Number(values[flag] ?? fallback);
  if (Number.isInteger(value) && value >= (flag === "phantoms" ? 0 : 1)) return value;
  return refuse(`expected a whole number for --${flag}, got ${values[flag]}`);
}

function refuse(why: string): never {
  console.error(`Cannot run the experiment: ${why}`);
  Deno.exit(2);
}

function existing(flag: "base" | "data", inside: string): string {
  const path = values[flag];
  return existsSync(join(path, inside)) ? path : refuse(`expected --${flag} to hold ${inside}, got ${path}`);
}

async function planOf(name: string, workDirectory: string): Promise<Plan> {
  const { smoke } = values;
  const seeds = Array.from({ length: whole("seeds", 3) }, (_, i) => i);
  const preset = smoke ? SMOKE_PHANTOM_TASK : PHANTOM_TASK;
  const task: PhantomTask = {
    ...preset,
    steps: whole("steps", preset.steps),
    pretrainingSteps: whole("pretraining-steps", preset.pretrainingSteps),
  };
  switch (name) {
    case "pretraining-parts":
      return pretrainingParts({ workDirectory, seeds, task });
    case "label-efficiency":
      return labelEfficiency({ workDirectory, seeds, task });
    case "ms-lesion":
      return await msLesion({
        seeds,
        base: existing("base", "manifest.json"),
        data: join(existing("data", "ms"), "ms"),
        steps: whole("steps", smoke ? 2 : 300),
        roi: smoke ? [32, 32, 32] : [64, 64, 64],
      });
    case "modality-classifier":
      return await modalityClassifier({
        workDirectory,
        seeds,
        base: existing("base", "manifest.json"),
        data: ["ms", "ms-longitudinal"].map((name) => join(existing("data", name), name)),
        steps: whole("steps", smoke ? 2 : 200),
        phantoms: whole("phantoms", 8),
        roi: smoke ? [32, 32, 32] : [64, 64, 64],
      });
    default:
      return refuse(`expected one of ${NAMES.join(", ")}, got ${name}`);
  }
}

if (name === undefined) refuse(`expected one of ${NAMES.join(", ")}`);
if (values.work === undefined) refuse("expected --work DIR, a folder that keeps what is done");
const { work, smoke } = values;
await runExperiment(await planOf(name, work), {
  workDirectory: work,
  outDirectory: values.out ?? (smoke ? join(work, "out") : "docs/experiments"),
  onlyDone: values["only-done"],
  log: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
});
