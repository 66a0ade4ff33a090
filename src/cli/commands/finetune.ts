/** `sulcus finetune`: turns flags into a request and shows the progress of the run, which is in `finetune_run.ts`. */
import { LAYOUT_TITLES, LAYOUTS } from "../../datasets/mod.ts";
import { planWords, readRecipe, type Recipe, RECIPE_FLAGS, recipeSchema, type TrainEvent } from "../../train/mod.ts";
import type { Args, Command } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, PACKAGE_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { DATASET_FLAGS, datasetOptionsOf } from "../options/dataset.ts";
import { type FinetuneOptions, planRun, runFinetune } from "../training/finetune_run.ts";
import type { Io } from "../terminal/io.ts";
import { MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";
import type { Progress } from "../terminal/progress.ts";
import { givenSettings, recipeFile, recipeFlags } from "../options/recipe_flags.ts";
import { candidateWords, newModelOf, numbersOf, runTraining, warningWords } from "../training/training_words.ts";

const SETTINGS = RECIPE_FLAGS;

export const finetuneCommand: Command = {
  name: "finetune",
  summary: "fine-tunes a model on a few labelled cases of yours",
  usage: [
    "finetune --model BASE --data DIR|ZIP --name NAME [--preset NAME] [--SETTING VALUE …]",
    "         [--budget TIME] [--plan] [--recipe FILE]",
    "         [--patients FILE] [--skip-bad-cases] [--map-channel NAME=MODALITY] [--work DIR]",
  ],
  flags: {
    ...MODEL_FLAGS,
    data: { value: "DIR|ZIP", help: `Labelled cases, in ${LAYOUT_TITLES} layout` },
    name: { value: "NAME", help: "Name of the new model; an existing model gets a new version" },
    ...DATASET_FLAGS,
    ...recipeFlags(SETTINGS),
    plan: {
      help: "Print what would be done, why, and its expected time and memory, without training; JSON with --json",
    },
    recipe: {
      value: "FILE",
      help:
        "JSON with settings (docs/method/README.md), or a plan of --plan --json, which is then obeyed; flags override it",
    },
    work: { value: "DIR", help: "Folder for checkpoints. Default finetunes/ in the data directory" },
    store: { value: "DIR", help: "The data directory (--data of the other commands). Default ./data" },
    models: DATA_FLAGS.models,
    ...PROVIDER_FLAG,
    ...PACKAGE_FLAG,
    ...JSON_FLAG,
  },
  notes: `
The result is a candidate: it is not served before you approve it (\`sulcus models approve\`).
Ctrl-C finishes the current update and writes a checkpoint. The same command then resumes from it, also after a crash.
--data holds the cases, in one of these layouts:
${Object.values(LAYOUTS).map(({ title, files }) => `  ${title.padEnd(12)} ${files}`).join("\n")}`,
  run: runCommand,
};

async function runCommand(args: Args, io: Io): Promise<void> {
  const base = modelChoiceOf(args);
  const name = newModelOf(args);
  const source = args.required("data");
  const reading = await datasetOptionsOf(args);
  const recipe = await recipeOf(args);
  const settings = settingsOf(args, io.env, { dataFlag: "store" });
  await runTraining(args, io, async ({ progress, signal }) => {
    const options: FinetuneOptions = {
      base,
      name,
      source,
      reading,
      recipe,
      settings,
      workRoot: args.text("work"),
      signal,
      onEvent: (event) => show(event, { progress, json: args.is("json"), io }),
    };
    if (args.is("plan")) {
      const plan = await planRun(options);
      return { result: plan, words: planWords(plan) };
    }
    const done = await runFinetune(options);
    const measured = `Validation: ${done.validation ? numbersOf(done.validation) : "none"}`;
    return {
      result: done,
      words: [...warningWords(done.warnings, io), ...candidateWords(done, { kind: "fine-tune", measured, args })],
    };
  });
}

/** The settings of the file and, over them, of the flags. */
async function recipeOf(args: Args): Promise<Recipe> {
  const file = await recipeFile(args.text("recipe"));
  const settings = "recipe" in file && "fingerprint" in file ? Object(file.recipe) : file;
  return readRecipe(recipeSchema, { ...settings, ...givenSettings(args, SETTINGS) }, "fine-tune");
}

function show(event: TrainEvent, { progress, json, io }: { progress: Progress; json: boolean; io: Io }): void {
  if (event.type === "progress") progress.update(event);
  else if (event.type === "log") progress.note(event.message);
  else if (json) io.out(JSON.stringify(event));
  else progress.note(`Fold ${event.fold} of ${event.folds}: ${numbersOf(event.metrics)}`);
}
