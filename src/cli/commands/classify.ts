/** `sulcus classify`: one examination in, the probability of each class out. */
import { classify, MISSING_RULES } from "../../inference/mod.ts";
import { specOf } from "../../registry/mod.ts";
import type { Args, Command } from "../terminal/args.ts";
import { CHECK_FLAG, DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { onDevice } from "../options/device.ts";
import { CommandError } from "../terminal/errors.ts";
import { IMAGE_FLAGS, IMAGES_NOTE, imagesOf, MISSING_FLAG } from "../options/images.ts";
import type { Io } from "../terminal/io.ts";
import { CHECK_FAILED, findModelAndCheck, MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";

export const classifyCommand: Command = {
  name: "classify",
  summary: "prints the probability of each class for one examination",
  usage: ["classify --model NAME --t1 A.nii.gz [--t1c B.nii.gz …] [--json]"],
  flags: {
    ...MODEL_FLAGS,
    ...IMAGE_FLAGS,
    ...MISSING_FLAG,
    ...DATA_FLAGS,
    ...PROVIDER_FLAG,
    ...CHECK_FLAG,
    ...JSON_FLAG,
  },
  notes: `${IMAGES_NOTE}
The probabilities add up to 1. They are those of the network, without calibration.`,
  run: runClassify,
};

async function runClassify(args: Args, io: Io): Promise<void> {
  const choice = modelChoiceOf(args);
  const missing = args.oneOf("missing", MISSING_RULES) ?? "error";
  const settings = settingsOf(args, io.env);
  const images = await imagesOf(args);
  const note = (text: string) => io.err(`${text}\n`);
  const { model: { name, version, directory, manifest }, modalityCheck } = await findModelAndCheck(
    choice,
    settings,
    note,
  );
  if (manifest.task !== "classification") {
    throw new CommandError("wrong-task", `Cannot classify with ${name}: it is a model for ${manifest.task}`);
  }
  const result = await onDevice(
    settings,
    note,
    (engine) =>
      classify({
        directory,
        spec: specOf(manifest),
        images,
        missing,
        modalityCheck,
        onCheckFailed: () => note(CHECK_FAILED),
        engine,
      }),
  );
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", model: name, version, ...result }));
  for (const { detail } of result.warnings) note(`Warning: ${detail}`);
  const width = Math.max(...result.classes.map((c) => c.label.length));
  for (const { label, probability } of result.classes) io.out(`${label.padEnd(width)}  ${probability.toFixed(4)}`);
}
