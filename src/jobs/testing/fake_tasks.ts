/**
 * Tasks without networks, for tests of everything around them. A recipe's `seed` selects the behaviour of a training, its
 * `learningRate` sets the seconds of a step; an image file of a segmentation holds its behaviour as JSON.
 */
import { InferenceError } from "../../inference/types.ts";
import { draftOf } from "../../registry/testing/packages.ts";
import { TrainingError } from "../../train/types.ts";
import type { TaskContext } from "../kinds/kind.ts";
import type { ParamsOf, Tasks } from "../kinds/table.ts";

export const BEHAVIOUR = {
  normal: 1,
  diverges: 2,
  crashesOnce: 3,
  crashesAlways: 4,
  unforeseen: 5,
  deaf: 6,
  chatty: 7,
} as const;

/** An entry of the fake's `report.json`: the process that did a step. */
export interface Trace {
  readonly pid: number;
  readonly step: number;
}

/** The warning of the fake's trainings. */
export const FELL_BACK = { code: "fell-back", detail: "cuda could not do it: Cannot run the graph: out of memory" };

async function finetune(params: ParamsOf<"finetune">, { signal, emit }: TaskContext) {
  const { recipe, workDirectory, outputDirectory } = params;
  const { steps = 5, learningRate, seed = BEHAVIOUR.normal } = recipe;
  const stepSeconds = typeof learningRate === "number" ? learningRate : 0.001;
  const checkpoint = `${workDirectory}/checkpoint.json`;
  const trace: Trace[] = JSON.parse(await Deno.readTextFile(checkpoint).catch(() => "[]"));
  const resumedAt = trace.length;
  emit({ type: "log", message: `starts at step ${resumedAt}` });
  for (let step = trace.length + 1; step <= steps; step++) {
    if (signal.aborted && seed !== BEHAVIOUR.deaf) throw new TrainingError("cancelled", "Stopped at a checkpoint");
    await new Promise((resolve) => setTimeout(resolve, 1000 * stepSeconds));
    if (step === 2 && seed === BEHAVIOUR.diverges) throw new TrainingError("diverged", "The loss is no number");
    if (step === 2 && seed === BEHAVIOUR.unforeseen) await Deno.readTextFile("/secret/patient.nii.gz");
    const crashes = seed === BEHAVIOUR.crashesAlways || (seed === BEHAVIOUR.crashesOnce && resumedAt === 0);
    if (step === 3 && crashes) Deno.kill(Deno.pid, "SIGKILL");
    trace.push({ pid: Deno.pid, step });
    await Deno.writeTextFile(checkpoint, JSON.stringify(trace));
    if (seed === BEHAVIOUR.chatty) emit({ type: "log", message: `step ${step} of ${steps}: ${"x".repeat(200)}` });
    emit({ type: "progress", step, steps, loss: 1 / step, learningRate: 0.1, etaSeconds: 0, phase: "final" });
  }
  emit({ type: "validation", fold: 1, folds: 1, metrics: { dice: 0.5 } });
  await Deno.writeTextFile(`${outputDirectory}/network.onnx`, "trained");
  await Deno.writeTextFile(`${outputDirectory}/report.json`, JSON.stringify(trace));
  const { task, labels, classes, modalities, base } = params;
  return {
    spec: { ...base.spec, task, labels, classes, modalities },
    validation: { dice: 0.5 },
    training: {},
    resolvedRecipe: { ...recipe, steps },
    provider: "fake",
    peakBytes: 1,
    warnings: [FELL_BACK],
  };
}

/** Two steps; the recipe's seed selects the behaviour as for a fine-tune. */
async function pretrain({ cases, recipe, outputDirectory }: ParamsOf<"pretrain">, { emit }: TaskContext) {
  if (recipe.seed === BEHAVIOUR.diverges) throw new TrainingError("diverged", "The loss is no number");
  for (const step of [1, 2]) {
    const losses = { md: 0.1, cmr: 0.2 };
    emit({
      type: "progress",
      step,
      steps: 2,
      loss: 0.3,
      losses,
      learningRate: 1,
      etaSeconds: 0,
      phase: "pre-training",
    });
  }
  await Deno.writeTextFile(`${outputDirectory}/network.onnx`, "pre-trained");
  await Deno.writeTextFile(`${outputDirectory}/report.json`, JSON.stringify({ cases: cases.length }));
  await Deno.writeTextFile(`${outputDirectory}/report.html`, "<!doctype html><title>Report</title>");
  return {
    spec: { ...draftOf({ task: "encoder", labels: [] }), modalities: ["t1" as const, "flair" as const] },
    metrics: { md: 0.1 },
    resolvedRecipe: { ...recipe },
    provider: "fake",
    peakBytes: 1,
    warnings: [],
  };
}

interface InferenceBehaviour {
  readonly ms?: number;
  readonly fail?: boolean;
  readonly crash?: boolean;
}

async function behave(path: string, { signal, emit }: TaskContext): Promise<void> {
  const { ms = 0, fail, crash }: InferenceBehaviour = JSON.parse(await Deno.readTextFile(path));
  for (let waited = 0; waited < ms && !signal.aborted; waited += 10) await new Promise((r) => setTimeout(r, 10));
  if (signal.aborted) throw new InferenceError("cancelled", "Stopped between windows");
  if (fail) throw new InferenceError("no-overlap", "Cannot segment: t2 does not overlap t1");
  if (crash) Deno.kill(Deno.pid, "SIGKILL");
  emit({ type: "progress", step: 1, steps: 1 });
}

export const tasks: Tasks = {
  finetune,
  pretrain,
  async segment({ images, outPath, spec }, context) {
    await behave(images[0][1], context);
    await Deno.writeTextFile(outPath, `mask of ${images.map(([modality]) => modality)}`);
    return {
      provider: "fake",
      labels: spec.labels.map(({ name, value }) => ({ name, value, voxels: 1, volumeMl: 0.001 })),
      windows: 1,
      timingsMs: { read: 0, preprocess: 0, infer: 0, restore: 0, write: 0 },
      peakBytes: 1,
      warnings: [],
    };
  },
  async classify({ images, spec }, context) {
    await behave(images[0][1], context);
    const classes = spec.classes.map((label, i) => ({ label, probability: i === 0 ? 1 : 0 }));
    return { provider: "fake", classes, timingsMs: { read: 0, preprocess: 0, infer: 0 }, warnings: [] };
  },
};
