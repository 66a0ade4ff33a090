/** `sulcus finetune`: the flags of a fine-tune as a request, and what is told of it. The run is in `finetune_run.ts`. */
import { LAYOUT_TITLES, LAYOUTS } from "../../datasets/mod.ts";
import { recipeSchema, type TrainEvent } from "../../train/mod.ts";
import type { Args, Command } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { runFinetune } from "../training/finetune_run.ts";
import type { Io } from "../terminal/io.ts";
import { MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";
import type { Progress } from "../terminal/progress.ts";
import { givenSettings, recipeFlags } from "../options/recipe_flags.ts";
import { candidateWords, newModelOf, numbersOf, runTraining } from "../training/training_words.ts";

const SETTINGS = recipeSchema.shape;

export const finetuneCommand: Command = {
  name: "finetune",
  summary: "teaches a model your labels from a few labelled cases",
  usage: [
    "finetune --model BASE --data DIR|ZIP --name NAME [--preset NAME] [--SETTING VALUE …]",
    "         [--work DIR]",
  ],
  flags: {
    ...MODEL_FLAGS,
    data: { value: "DIR|ZIP", help: `The labelled cases, in ${LAYOUT_TITLES} layout` },
    name: { value: "NAME", help: "The model to be made; if it exists it gets a further version" },
    ...recipeFlags(SETTINGS),
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
  const recipe = recipeSchema.parse(givenSettings(args, SETTINGS));
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

function tell(event: TrainEvent, { progress, json, io }: { progress: Progress; json: boolean; io: Io }): void {
  if (event.type === "progress") progress.update(event);
  else if (event.type === "log") progress.note(event.message);
  else if (json) io.out(JSON.stringify(event));
  else progress.note(`Fold ${event.fold} of ${event.folds}: ${numbersOf(event.metrics)}`);
}
