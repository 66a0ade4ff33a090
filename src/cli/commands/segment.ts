/** `sulcus segment`: one examination in, a mask file out. */
import { dirname } from "node:path";
import {
  type CaseQuality,
  INPUTS,
  MISSING_RULES,
  OUTPUTS,
  QUALITY_EFFORTS,
  segment,
  type SegmentResult,
} from "../../inference/mod.ts";
import { specOf } from "../../registry/mod.ts";
import { WRITTEN_ENDING } from "../../volume/mod.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import { CHECK_FLAG, DATA_FLAGS, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { onDevice } from "../options/device.ts";
import { CommandError } from "../terminal/errors.ts";
import { IMAGE_FLAGS, IMAGES_NOTE, imagesOf, MISSING_FLAG } from "../options/images.ts";
import type { Io } from "../terminal/io.ts";
import { CHECK_FAILED, findModelAndCheck, type Model, MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";
import { durationOf, Progress } from "../terminal/progress.ts";

export const segmentCommand: Command = {
  name: "segment",
  summary: "segments one examination and writes the labels as a mask file",
  usage: ["segment --model NAME --t1 A.nii.gz --t1c B.nii.gz --t2 C.nii.gz --flair D.nii.gz --out MASK.nii.gz"],
  flags: {
    ...MODEL_FLAGS,
    ...IMAGE_FLAGS,
    out: { value: "FILE", help: `Mask file to write, ${WRITTEN_ENDING}; an existing file is replaced` },
    output: {
      value: "KIND",
      help:
        "labels (default): one value per voxel; regions: one volume per region, since they may overlap; probabilities; " +
        "uncertainty: 0 where the network is sure to 1 where it cannot decide",
    },
    quality: {
      value: "EFFORT",
      help:
        "quick (default): the quality score from the answer itself; full: also from images that are brighter, darker " +
        "and mirrored, three to six times as long; the mask stays the same",
    },
    reference: {
      value: "MODALITY",
      help: "The image whose grid the mask is written on; default: the first one on the command line",
    },
    ...MISSING_FLAG,
    ...DATA_FLAGS,
    ...PROVIDER_FLAG,
    ...CHECK_FLAG,
    ...JSON_FLAG,
  },
  notes: `${IMAGES_NOTE}
The mask has exactly the grid of the first image, or of --reference, so any viewer overlays it on that image.`,
  run: runSegment,
};

async function runSegment(args: Args, io: Io): Promise<void> {
  const choice = modelChoiceOf(args);
  const outPath = args.required("out");
  // The name itself may be a patient's.
  if (!outPath.endsWith(WRITTEN_ENDING)) {
    wrong(`Cannot use --out: expected a name that ends with ${WRITTEN_ENDING}, got another`);
  }
  const output = args.oneOf("output", OUTPUTS) ?? "labels";
  const quality = args.oneOf("quality", QUALITY_EFFORTS);
  const reference = args.oneOf("reference", INPUTS);
  const missing = args.oneOf("missing", MISSING_RULES) ?? "error";
  const settings = settingsOf(args, io.env);
  const images = await imagesOf(args);
  await checkTarget(outPath, Object.values(images));
  const progress = new Progress(io, { json: args.is("json") });
  const note = (text: string) => progress.note(text);
  const { model, modalityCheck } = await findModelAndCheck(choice, settings, note);
  if (model.manifest.task !== "segmentation") {
    throw new CommandError("wrong-task", `Cannot segment with ${model.name}: it is a model for ${model.manifest.task}`);
  }
  using interrupts = io.interrupts();
  try {
    const result = await onDevice(settings, { note, kind: "inference" }, (engine) =>
      segment({
        directory: model.directory,
        spec: specOf(model.manifest),
        images,
        missing,
        reference,
        output,
        quality,
        outPath,
        modalityCheck,
        onCheckFailed: () => note(CHECK_FAILED),
        engine,
        signal: interrupts.signal,
        onProgress: (step, steps) => progress.update({ step, steps }),
      }));
    progress.end();
    printResult(result, { model, what: output === "uncertainty" ? "uncertainty" : "mask", json: args.is("json"), io });
  } finally {
    progress.end();
  }
}

/** Refuses to overwrite an input, and a folder that is missing before the work instead of after it. */
async function checkTarget(outPath: string, images: readonly string[]): Promise<void> {
  const target = await Deno.realPath(outPath).catch(() => undefined);
  for (const image of images) {
    if (target !== undefined && await Deno.realPath(image) === target) {
      wrong("Cannot use --out: expected another file than the images, got one of them");
    }
  }
  const isFolder = await Deno.stat(dirname(outPath)).then((s) => s.isDirectory, () => false);
  if (!isFolder) throw new CommandError("not-found", "Cannot write --out: its folder does not exist");
}

function printResult(
  result: SegmentResult,
  { model, what, json, io }: { model: Model; what: string; json: boolean; io: Io },
): void {
  const { name, version } = model;
  if (json) return io.out(JSON.stringify({ type: "result", model: name, version, ...result }));
  const { provider, windows, timingsMs, labels, warnings, quality } = result;
  for (const { detail } of warnings) io.err(`Warning: ${detail}\n`);
  const seconds = Object.values(timingsMs).reduce((a, b) => a + b, 0) / 1000;
  io.out(`Wrote the ${what}: ${name} version ${version} on ${provider}, ${windows} windows, ${durationOf(seconds)}.`);
  const width = Math.max(...labels.map((l) => l.name.length));
  for (const label of labels) {
    io.out(
      `  ${label.name.padEnd(width)}  value ${label.value}  ${label.voxels} voxels  ${label.volumeMl.toFixed(2)} mL`,
    );
  }
  if (quality !== undefined) { for (const line of qualityLines(quality)) io.out(line); }
}

/** The quality of an answer in lines: the score with what it lets expect, that of each label, and the reasons. */
export function qualityLines({ score, expectedDice, interval, perLabel, reasons }: CaseQuality): string[] {
  const two = (value: number | null) => value === null ? "none" : value.toFixed(2);
  const expected = expectedDice === undefined || interval === undefined
    ? ""
    : `; expected Dice ${two(expectedDice)} (four patients in five: ${interval.map(two).join(" to ")})`;
  const labels = perLabel.map((label) => `${label.name} ${two(label.score)}`).join(", ");
  const own = score === null ? "none" : `${two(score)} of 1`;
  return [`Quality score: ${own} (${labels})${expected}.`, ...reasons.map((reason) => `  ${reason}`)];
}
