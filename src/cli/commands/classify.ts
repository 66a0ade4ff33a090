/** `sulcus classify`: one examination in, the probability of each class out. */
import { classify, type ClassifyResult, MISSING_RULES } from "../../inference/mod.ts";
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
  summary: "prints the probability of each class, or a model's values, for one examination",
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
The probabilities are those of the network, without calibration. They add up to 1, but for models of classes that may
hold beside one another. A model of values, such as an age, prints them with their unit.`,
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
    { note, kind: "inference" },
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
  for (const line of answerLines(result)) io.out(line);
}

/** A classifier's answer in lines: the probability of each class, or each value with its unit. */
export function answerLines(
  { classes, values = [], kind }: Pick<ClassifyResult, "classes" | "values" | "kind">,
): string[] {
  const rows = [
    ...classes.map((c) => [c.label, c.probability.toFixed(4)]),
    ...values.map(({ label, value, unit }) => [label, `${+value.toPrecision(6)}${unit ? ` ${unit}` : ""}`]),
  ];
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, text]) => `${label.padEnd(width)}  ${text}`);
  if (kind !== "independent") return lines;
  return [...lines, "Each class may hold beside others: the probabilities need not add up to 1."];
}
