/** `sulcus pretrain`: the flags of a pre-training as a request, its run in this process, and what is told of it. */
import { createHash } from "node:crypto";
import { checkNamesake, pretrainingDraft, readPretrainingSources } from "../jobs/mod.ts";
import { modelNameSchema, type ModelVersion } from "../registry/mod.ts";
import { pretrain, PRETRAINING_PRESETS, type PretrainingRecipe, resolvePretraining } from "../train/mod.ts";
import { type Args, type Command, refuse } from "./args.ts";
import { DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "./config.ts";
import { onDevice } from "./device.ts";
import type { Io } from "./io.ts";
import { keepTraining, workRootOf } from "./kept_training.ts";
import { Progress } from "./progress.ts";
import { numbersOf, rateOf, storeFlags } from "./training_words.ts";

export const pretrainCommand: Command = {
  name: "pretrain",
  summary: "makes an encoder and modality templates from scans without labels",
  usage: [
    "pretrain --data SOURCE[,SOURCE] --name NAME [--preset edge] [--steps N] [--seed N]",
    "         [--roi N] [--learning-rate X] [--recipe FILE] [--work DIR]",
  ],
  flags: {
    data: { value: "SOURCES", help: "Folders or manifests with the scans, separated by commas" },
    name: { value: "NAME", help: "The encoder to be made; if it exists it gets a further version" },
    preset: {
      value: "NAME",
      help: "edge (default): a small encoder, hours on a CPU; paper: as published for BrainMVP; official and " +
        "official-olab: as in its two programs",
    },
    steps: { value: "N", help: "Updates. Default from the preset and the number of cases" },
    seed: { value: "N", help: "Start of the random numbers: the same seed and data give the same patches. Default 0" },
    roi: { value: "N", help: "Edge of the patches in voxels, a multiple of 16 up to 256" },
    "learning-rate": { value: "X", help: "Default from the preset" },
    recipe: { value: "FILE", help: "JSON with any settings of a pre-training (docs/method.md); flags overrule it" },
    work: {
      value: "DIR",
      help: "Where checkpoints are kept while it runs. Default: pretrainings/ in the data directory",
    },
    store: { value: "DIR", help: "The data directory (--data of the other commands). Default ./data" },
    models: DATA_FLAGS.models,
    ...PROVIDER_FLAG,
    ...JSON_FLAG,
  },
  notes: `
The result is a candidate: it is used once you have looked at it and approved it (\`sulcus models approve\`).
Ctrl-C stops after the update under way and keeps a checkpoint; the same command again goes on from there. So it does
after a crash. A source is one of
  a manifest   a JSON file: { "cases": [{ "id": "…", "images": { "t1": "path", … } }] }, paths relative to it
  a folder     in nnU-Net v2, BraTS or Sulcus layout (see \`sulcus finetune --help\`), or of CASE/t1.nii.gz, …
A case may have any of t1, t1c, t2, flair, pd, mra, dwi, adc, each on a grid of its own.`,
  run: runCommand,
};

async function runCommand(args: Args, io: Io): Promise<void> {
  const name = args.required("name");
  if (!modelNameSchema.safeParse(name).success) {
    refuse("name", "1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit", name);
  }
  const sources = args.required("data").split(",").filter((s) => s !== "");
  const recipe = await recipeOf(args);
  const settings = settingsOf(args, io.env, { dataFlag: "store" });
  const json = args.is("json");
  const progress = new Progress(io, { json });
  using interrupts = io.interrupts();
  const { signal } = interrupts;
  signal.addEventListener("abort", () => {
    progress.note("Stopping after the update under way. Ctrl-C again ends at once; the last checkpoint stays");
  }, { once: true });
  try {
    const root = await workRootOf(args.text("work"), settings, "pretrainings");
    const { cases, hash } = await readPretrainingSources(sources);
    resolvePretraining(recipe, cases.length); // refuses before anything is prepared
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
          (message) => onEvent({ type: "log", message }),
          (engine) => pretrain({ cases, recipe, engine, signal, onEvent, ...directories }),
        ),
      draftOf: (trained) => pretrainingDraft(trained, { job, name, datasetHash: hash, caseCount: cases.length }),
    });
    progress.end();
    const { version, manifest: { provenance: { metrics } } } = made;
    if (json) io.out(JSON.stringify({ type: "result", model: name, version, existed, metrics }));
    else io.out(summaryOf(made, { existed, args }));
  } finally {
    progress.end();
  }
}

async function recipeOf(args: Args): Promise<PretrainingRecipe> {
  const edge = args.whole("roi", { least: 16, most: 256 });
  if (edge !== undefined && edge % 16 !== 0) refuse("roi", "a multiple of 16 up to 256", String(edge));
  const preset = args.oneOf("preset", PRETRAINING_PRESETS);
  const steps = args.whole("steps", { least: 1, most: 10_000_000 });
  const seed = args.whole("seed", { least: 0, most: Number.MAX_SAFE_INTEGER });
  const learningRate = rateOf(args);
  return {
    preset: "edge",
    ...await recipeFile(args.text("recipe")),
    ...preset !== undefined && { preset },
    ...steps !== undefined && { steps },
    ...seed !== undefined && { seed },
    ...edge !== undefined && { roi: [edge, edge, edge] },
    ...learningRate !== undefined && { learningRate },
  };
}

async function recipeFile(path: string | undefined): Promise<Partial<PretrainingRecipe>> {
  if (path === undefined) return {};
  let value: unknown;
  try {
    value = JSON.parse(await Deno.readTextFile(path));
  } catch {
    refuse("recipe", "a file with JSON", path);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse("recipe", "a JSON object", path);
  return value;
}

function summaryOf(
  { name, version, manifest: { provenance: { metrics } } }: ModelVersion,
  { existed, args }: { existed: boolean; args: Args },
): string {
  const where = storeFlags(args);
  return [
    existed
      ? `This very pre-training was done before: it made ${name} version ${version}.`
      : `Made ${name} version ${version}, a candidate.`,
    `Last updates: ${numbersOf(metrics)}`,
    `Look at it:  sulcus models show ${name} ${version}${where}`,
    `Approve it:  sulcus models approve ${name} ${version} --by "YOUR NAME"${where}`,
  ].join("\n");
}
