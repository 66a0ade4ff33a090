/** Runs of our networks: a fine-tune on some patients within a budget, then scores on others. */
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { type Engine, openEngine } from "../../../src/engine/mod.ts";
import { classify, type Modality, type ModelSpec, segment } from "../../../src/inference/mod.ts";
import {
  finetune,
  type FinetuneRequest,
  type Recipe,
  type TrainEvent,
  type TrainingCase,
} from "../../../src/train/mod.ts";
import { writeWhole } from "../../../src/storage/mod.ts";
import type { Budget } from "../options.ts";
import type { Run, RunContext } from "../runs/runs.ts";
import type { Cases } from "./cases.ts";
import type { Encoder } from "./encoders.ts";
import type { Cost } from "./costs.ts";
import { type PatientScore, scored, type SegmentationTask } from "./scoring.ts";
import { type Ours, plansItself, recipeOf } from "./variants.ts";

export interface FinetuningRunOptions {
  readonly title: string;
  readonly variant: Ours;
  readonly encoder: Encoder;
  readonly seed: number;
  readonly budget: Budget;
  readonly train: Cases;
  readonly test: Cases;
}

/** What a classification run answers. */
export interface ClassificationResult {
  readonly provider: string;
  readonly cost: Cost;
  readonly cases: readonly {
    readonly id: string;
    readonly patient: string;
    readonly actual: number;
    readonly probabilities: readonly number[];
  }[];
}

/** A mask of every test patient, scored on the patient's own grid. */
export function segmentationRun(options: FinetuningRunOptions, task: SegmentationTask): Run {
  const { modalities, labels, regions } = task;
  const request = { task: "segmentation", modalities, labels, classes: [] } as const;
  return finetuningRun("segmentation", options, request, async (engine, { spec, directory, folder, test }) => {
    const patients: PatientScore[] = [], outPath = join(folder, "mask.nii.gz");
    for (const { id, images, label } of test) {
      await segment({ directory, spec, images, engine, output: "labels", outPath });
      patients.push(await scored(id, { mask: outPath, reference: label! }, regions));
    }
    return { patients };
  });
}

/** One image a case with a class: probabilities of every test case. */
export function classificationRun(
  options: FinetuningRunOptions,
  { channel, classes }: { channel: Modality; classes: readonly string[] },
): Run {
  const request = { task: "classification", modalities: [channel], labels: [], classes } as const;
  return finetuningRun("classification", options, request, async (engine, { spec, directory, test }) => {
    const cases: ClassificationResult["cases"][number][] = [];
    for (const { id, patient, images, className } of test) {
      const { classes: found } = await classify({ directory, spec, images, engine });
      cases.push({ id, patient, actual: classes.indexOf(className!), probabilities: found.map((c) => c.probability) });
    }
    return { cases };
  });
}

interface Trained {
  readonly spec: ModelSpec;
  readonly directory: string;
  /** Folder for files that nobody needs later. */
  readonly folder: string;
  readonly test: readonly TrainingCase[];
}

type Request = Pick<FinetuneRequest, "task" | "modalities" | "labels" | "classes">;

/** A fine-tune within a budget; `score` answers with the trained network. */
export function finetuningRun(
  kind: string,
  { title, variant, encoder, seed, budget, train, test }: FinetuningRunOptions,
  request: Request,
  score: (engine: Engine, trained: Trained) => Promise<object>,
): Run {
  const setOf = ({ data, ids }: Cases) => ({ data, ids });
  const recipe = recipeOf(variant, { seed });
  return {
    kind,
    title,
    settings: { encoder: encoder.settings, train: setOf(train), test: setOf(test), recipe, budget, ...request },
    needs: [...encoder.needs, ...train.needs, ...test.needs],
    keepsOutput: false,
    async execute(context: RunContext) {
      const { workDirectory, outputDirectory, device, runs, onEvent, elapsed } = context;
      const base = { name: "experiment", version: 1, ...await encoder.open(context) };
      const engine = await openEngine(device.provider, { threads: device.threads });
      const whole = { ...request, cases: train.open(runs), base, engine };
      try {
        const length = await lengthOf({ variant, seed, budget }, whole, context);
        let updates = 0;
        const { spec, provider, peakBytes, resolvedRecipe } = await finetune({
          ...whole,
          recipe: recipeOf(variant, { seed, ...length.settings }),
          workDirectory,
          outputDirectory,
          onEvent: (event) => {
            if (event.type === "progress" && event.phase === "final") updates = event.step;
            onEvent(event);
          },
        });
        const cost: Cost = { trainSeconds: elapsed() - length.begunAt, updates, peakBytes };
        const trained = { spec, directory: outputDirectory, folder: workDirectory, test: test.open(runs) };
        return { provider, cost, recipe: resolvedRecipe, ...await score(engine, trained) };
      } finally {
        await engine.close();
      }
    },
  };
}

/** The settings that a budget becomes, and when the training began; an attempt after a killed one reads them. */
interface Length {
  readonly settings: { readonly steps?: number; readonly budgetMinutes?: number };
  readonly begunAt: number;
}

async function lengthOf(
  { variant, seed, budget }: Pick<FinetuningRunOptions, "variant" | "seed" | "budget">,
  request: Omit<FinetuneRequest, "recipe" | "workDirectory" | "outputDirectory" | "onEvent">,
  { workDirectory, elapsed }: RunContext,
): Promise<Length> {
  const path = join(workDirectory, "length.json");
  const known = await readFile(path, "utf8").catch(() => null);
  if (known !== null) return JSON.parse(known);
  const settings = "updates" in budget
    ? { steps: budget.updates }
    : plansItself(variant)
    ? { budgetMinutes: budget.seconds / 60 }
    : {
      steps: await stepsFor(budget.seconds, request, {
        recipe: recipeOf(variant, { seed, steps: PROBE.steps }),
        workDirectory,
      }),
    };
  const length: Length = { settings, begunAt: elapsed() };
  await writeWhole(path, JSON.stringify(length));
  return length;
}

/** Updates of a probe, and the first of those that are timed: a device plans and allocates in the first ones. */
const PROBE = { steps: 14, from: 4 };

/** Updates after which a whole training ends with the budget, by the times of a short one, which the budget excludes. */
async function stepsFor(
  seconds: number,
  request: Omit<FinetuneRequest, "recipe" | "workDirectory" | "outputDirectory" | "onEvent">,
  { recipe, workDirectory }: { recipe: Recipe; workDirectory: string },
): Promise<number> {
  const folder = join(workDirectory, "probe"), outputDirectory = join(folder, "output");
  await mkdir(outputDirectory, { recursive: true });
  const times: number[] = [], start = performance.now();
  const onEvent = (event: TrainEvent) => {
    if (event.type === "progress" && event.phase === "final") times.push(performance.now());
  };
  await finetune({ ...request, recipe, workDirectory: folder, outputDirectory, onEvent });
  const total = performance.now() - start;
  await rm(folder, { recursive: true });
  return stepsWithin(seconds, { totalMs: total, stepTimesMs: times });
}

/** Steps that fit, from a probe's total time and the times at which its updates ended. */
export function stepsWithin(
  seconds: number,
  { totalMs, stepTimesMs }: { totalMs: number; stepTimesMs: readonly number[] },
): number {
  const first = Math.min(PROBE.from, stepTimesMs.length - 1) - 1, last = stepTimesMs.length - 1;
  const updateMs = (stepTimesMs[last] - stepTimesMs[first]) / (last - first);
  const otherMs = totalMs - stepTimesMs.length * updateMs;
  return Math.max(1, Math.floor((1000 * seconds - otherMs) / updateMs));
}
