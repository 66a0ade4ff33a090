/** `sulcus finetune`: the flags of a fine-tune as a request, and what is told of it. The run is in `finetune_run.ts`. */
import { modelNameSchema } from "../registry/mod.ts";
import type { Recipe, TrainEvent } from "../train/mod.ts";
import { type Args, type Command, refuse } from "./args.ts";
import { DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "./config.ts";
import { type Finetuned, runFinetune } from "./finetune_run.ts";
import type { Io } from "./io.ts";
import { MODEL_FLAGS, modelChoiceOf } from "./models_store.ts";
import { Progress } from "./progress.ts";
import { numbersOf, rateOf, storeFlags } from "./training_words.ts";

const PRESETS = ["edge", "paper", "official"] as const;

export const finetuneCommand: Command = {
  name: "finetune",
  summary: "teaches a model your labels from a few labelled cases",
  usage: [
    "finetune --model BASE --data DIR|ZIP --name NAME [--preset edge] [--steps N] [--seed N]",
    "         [--validation auto|none|K] [--roi N] [--learning-rate X] [--work DIR]",
  ],
  flags: {
    ...MODEL_FLAGS,
    data: { value: "DIR|ZIP", help: "The labelled cases, in nnU-Net v2, BraTS or Sulcus layout" },
    name: { value: "NAME", help: "The model to be made; if it exists it gets a further version" },
    preset: {
      value: "NAME",
      help: "edge (default): small crops, for CPUs and small GPUs; paper: as published for BrainMVP; official: as in " +
        "its program",
    },
    steps: {
      value: "N",
      help: "Updates of the final training; a preset may give the folds fewer. Default from the preset",
    },
    seed: { value: "N", help: "Start of the random numbers: the same seed and data give the same crops. Default 0" },
    validation: {
      value: "HOW",
      help: "auto (default): leave one patient out for up to 10, else folds; none; or a number of folds, 2 or more",
    },
    roi: { value: "N", help: "Edge of the training crops in voxels, a multiple of 16 up to 256" },
    "learning-rate": { value: "X", help: "Default from the preset" },
    work: { value: "DIR", help: "Where checkpoints are kept while it runs. Default: finetunes/ in the data directory" },
    store: { value: "DIR", help: "The data directory (--data of the other commands). Default ./data" },
    models: DATA_FLAGS.models,
    ...PROVIDER_FLAG,
    ...JSON_FLAG,
  },
  notes: `
The result is a candidate: it is used once you have looked at it and approved it (\`sulcus models approve\`).
Ctrl-C stops after the update under way and keeps a checkpoint; the same command again goes on from there. So it does
after a crash. --data lists the cases, in one of three layouts:
  nnU-Net v2   dataset.json, imagesTr/CASE_0000.nii.gz, labelsTr/CASE.nii.gz
  BraTS        CASE/CASE_t1.nii.gz, …, CASE/CASE_seg.nii.gz
  Sulcus       dataset.json, cases/CASE/t1.nii.gz, …, cases/CASE/label.nii.gz`,
  run: runCommand,
};

async function runCommand(args: Args, io: Io): Promise<void> {
  const base = modelChoiceOf(args);
  const name = args.required("name");
  if (!modelNameSchema.safeParse(name).success) {
    refuse("name", "1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit", name);
  }
  const source = args.required("data");
  const recipe = recipeOf(args);
  const settings = settingsOf(args, io.env, { dataFlag: "store" });
  const json = args.is("json");
  const progress = new Progress(io, { json });
  using interrupts = io.interrupts();
  interrupts.signal.addEventListener("abort", () => {
    progress.note("Stopping after the update under way. Ctrl-C again ends at once; the last checkpoint stays");
  }, { once: true });
  try {
    const done = await runFinetune({
      base,
      name,
      source,
      recipe,
      settings,
      workRoot: args.text("work"),
      signal: interrupts.signal,
      onEvent: (event) => tell(event, { progress, json, io }),
    });
    progress.end();
    if (json) io.out(JSON.stringify({ type: "result", ...done }));
    else io.out(summaryOf(done, args));
  } finally {
    progress.end();
  }
}

function recipeOf(args: Args): Recipe {
  const edge = args.whole("roi", { least: 16, most: 256 });
  if (edge !== undefined && edge % 16 !== 0) refuse("roi", "a multiple of 16 up to 256", String(edge));
  const steps = args.whole("steps", { least: 1, most: 1_000_000 });
  const seed = args.whole("seed", { least: 0, most: Number.MAX_SAFE_INTEGER });
  const learningRate = rateOf(args);
  const validation = validationOf(args);
  return {
    preset: args.oneOf("preset", PRESETS) ?? "edge",
    ...steps !== undefined && { steps },
    ...seed !== undefined && { seed },
    ...edge !== undefined && { roi: [edge, edge, edge] },
    ...learningRate !== undefined && { learningRate },
    ...validation !== undefined && { validation },
  };
}

function validationOf(args: Args): Recipe["validation"] {
  const text = args.text("validation");
  if (text === undefined || text === "auto" || text === "none") return text;
  const folds = /^\d{1,4}$/.test(text) ? Number(text) : NaN;
  return folds >= 2 ? { folds } : refuse("validation", "auto, none or a number of folds from 2", text);
}

function tell(event: TrainEvent, { progress, json, io }: { progress: Progress; json: boolean; io: Io }): void {
  if (event.type === "progress") progress.update(event);
  else if (event.type === "log") progress.note(event.message);
  else if (json) io.out(JSON.stringify(event));
  else progress.note(`Fold ${event.fold} of ${event.folds}: ${numbersOf(event.metrics)}`);
}

function summaryOf({ model, version, existed, validation }: Finetuned, args: Args): string {
  const where = storeFlags(args);
  return [
    existed
      ? `This very fine-tune was done before: it made ${model} version ${version}.`
      : `Made ${model} version ${version}, a candidate.`,
    `Validation: ${validation ? numbersOf(validation) : "none"}`,
    `Look at it:  sulcus models show ${model} ${version}${where}`,
    `Approve it:  sulcus models approve ${model} ${version} --by "YOUR NAME"${where}`,
  ].join("\n");
}
