/** `sulcus finetune`: the flags of a fine-tune as a request, and what is told of it. The run is in `finetune_run.ts`. */
import { LAYOUT_TITLES, LAYOUTS } from "../../datasets/mod.ts";
import type { Recipe, TrainEvent } from "../../train/mod.ts";
import { type Args, type Command, refuse } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { runFinetune } from "../training/finetune_run.ts";
import type { Io } from "../terminal/io.ts";
import { MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";
import type { Progress } from "../terminal/progress.ts";
import { candidateWords, newModelOf, numbersOf, runTraining, trainingFlagsOf } from "../training/training_words.ts";

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
    data: { value: "DIR|ZIP", help: `The labelled cases, in ${LAYOUT_TITLES} layout` },
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
after a crash. --data lists the cases, in one of these layouts:
${Object.values(LAYOUTS).map(({ title, files }) => `  ${title.padEnd(12)} ${files}`).join("\n")}`,
  run: runCommand,
};

async function runCommand(args: Args, io: Io): Promise<void> {
  const base = modelChoiceOf(args);
  const name = newModelOf(args);
  const source = args.required("data");
  const recipe = recipeOf(args);
  const settings = settingsOf(args, io.env, { dataFlag: "store" });
  await runTraining(args, io, async ({ progress, signal }) => {
    const done = await runFinetune({
      base,
      name,
      source,
      recipe,
      settings,
      workRoot: args.text("work"),
      signal,
      onEvent: (event) => tell(event, { progress, json: args.is("json"), io }),
    });
    const measured = `Validation: ${done.validation ? numbersOf(done.validation) : "none"}`;
    return { result: done, words: candidateWords(done, { kind: "fine-tune", measured, args }) };
  });
}

function recipeOf(args: Args): Recipe {
  const steps = args.whole("steps", { least: 1, most: 1_000_000 });
  const validation = validationOf(args);
  return {
    preset: args.oneOf("preset", PRESETS) ?? "edge",
    ...steps !== undefined && { steps },
    ...trainingFlagsOf(args),
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
