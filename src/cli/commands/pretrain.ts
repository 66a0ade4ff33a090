/** `sulcus pretrain`: turns flags into a request, runs it in this process and shows its progress. */
import { createHash } from "node:crypto";
import { checkNamesake, pretrainingDraft } from "../../jobs/mod.ts";
import { LAYOUT_TITLES, readPretrainingSources } from "../../datasets/mod.ts";
import { MODALITIES } from "../../inference/mod.ts";
import { WRITTEN_ENDING } from "../../volume/mod.ts";
import {
  pretrain,
  type PretrainingRecipe,
  pretrainingRecipeSchema,
  readRecipe,
  resolvePretraining,
} from "../../train/mod.ts";
import type { Args, Command } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, PACKAGE_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { CHANNEL_FLAG, channelsOf } from "../options/dataset.ts";
import { onDevice } from "../options/device.ts";
import type { Io } from "../terminal/io.ts";
import { keepTraining, workRootOf } from "../training/kept_training.ts";
import { givenSettings, recipeFile, recipeFlags } from "../options/recipe_flags.ts";
import { candidateWords, newModelOf, numbersOf, runTraining } from "../training/training_words.ts";

/** The settings that have flags of their own; `--recipe` takes all. */
const { preset, steps, seed, roi, learningRate } = pretrainingRecipeSchema.shape;
const SETTINGS = { preset, steps, seed, roi, learningRate };

export const pretrainCommand: Command = {
  name: "pretrain",
  summary: "pre-trains an encoder and modality templates on scans without labels",
  usage: [
    "pretrain --data SOURCE[,SOURCE] --name NAME [--preset NAME] [--SETTING VALUE …]",
    "         [--recipe FILE] [--work DIR]",
  ],
  flags: {
    data: { value: "SOURCES", help: "Folders or manifests with the scans, separated by commas" },
    name: { value: "NAME", help: "Name of the new encoder; an existing one gets a new version" },
    ...recipeFlags(SETTINGS),
    ...CHANNEL_FLAG,
    recipe: {
      value: "FILE",
      help: "JSON with any settings of a pre-training (docs/method/README.md); flags override it",
    },
    work: {
      value: "DIR",
      help: "Folder for checkpoints. Default pretrainings/ in the data directory",
    },
    store: { value: "DIR", help: "The data directory (--data of the other commands). Default ./data" },
    models: DATA_FLAGS.models,
    ...PROVIDER_FLAG,
    ...PACKAGE_FLAG,
    ...JSON_FLAG,
  },
  notes: `
The result is a candidate: it is not served before you approve it (\`sulcus models approve\`).
Ctrl-C finishes the current update and writes a checkpoint. The same command then resumes from it, also after a crash.
A source is one of
  a manifest   a JSON file: { "cases": [{ "id": "…", "images": { "t1": "path", … } }] }, paths relative to it
  a folder     in ${LAYOUT_TITLES} layout (see \`sulcus finetune --help\`), or of CASE/t1${WRITTEN_ENDING}, …
A case may have any of ${MODALITIES.join(", ")}, each on a grid of its own.`,
  run: runCommand,
};

async function runCommand(args: Args, io: Io): Promise<void> {
  const name = newModelOf(args);
  const sources = args.required("data").split(",").filter((s) => s !== "");
  const recipe = await recipeOf(args);
  const settings = settingsOf(args, io.env, { dataFlag: "store" });
  await runTraining(args, io, async ({ progress, signal }) => {
    const root = await workRootOf(args.text("work"), settings, "pretrainings");
    const { cases, hash } = await readPretrainingSources(sources, { channels: channelsOf(args) });
    resolvePretraining(recipe, cases.length); // refuses before cases are prepared
    const job = `cli-${createHash("sha256").update(JSON.stringify([name, recipe, hash])).digest("hex").slice(0, 24)}`;
    const { made, existed } = await keepTraining({
      settings,
      root,
      job,
      title: "pre-training",
      signal,
      onEvent: (event) =>
        event.type === "progress" ? progress.update(event) : event.type === "log" && progress.note(event.message),
      check: (registry) => checkNamesake(registry, { name, task: "encoder", source: "this training" }),
      train: ({ onEvent, ...directories }) =>
        onDevice(
          settings,
          { note: (message) => onEvent({ type: "log", message }), kind: "training" },
          (engine) => pretrain({ cases, recipe, engine, signal, onEvent, ...directories }),
        ),
      draftOf: (trained) => pretrainingDraft(trained, { job, name, datasetHash: hash, caseCount: cases.length }),
    });
    const { version, manifest: { provenance: { metrics } } } = made;
    const result = { model: name, version, existed, metrics };
    const measured = `Last updates: ${numbersOf(metrics)}`;
    return { result, words: candidateWords(result, { kind: "pre-training", measured, args }) };
  });
}

async function recipeOf(args: Args): Promise<PretrainingRecipe> {
  const recipe = { ...await recipeFile(args.text("recipe")), ...givenSettings(args, SETTINGS) };
  return readRecipe(pretrainingRecipeSchema, recipe, "pre-train");
}
