/** `sulcus evaluate`: prints the scores of masks or of predicted classes, which `evaluation/` computes. */
import { readFile } from "node:fs/promises";
import { csvLine, writeWhole } from "../../storage/mod.ts";
import { VOLUME_ENDINGS } from "../../volume/mod.ts";
import { type Args, type Command, refuse, wrong } from "../terminal/args.ts";
import { JSON_FLAG } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import { scoreClasses } from "../evaluation/classes.ts";
import { type MaskRow, parseLabels, scoreMasks } from "../evaluation/masks.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";

export const evaluateCommand: Command = {
  name: "evaluate",
  summary: "compares predictions with references: Dice and HD95, or accuracy, AUC and F1",
  usage: ["evaluate --prediction DIR --reference DIR [--labels 1,2,4]", "evaluate --classes predictions.csv"],
  flags: {
    prediction: { value: "DIR", help: "Predicted masks, each with the name of its reference" },
    reference: { value: "DIR", help: `Reference masks, ${VOLUME_ENDINGS.join(" or ")}` },
    labels: {
      value: "LIST",
      help: "Values to score, such as 1,2,4; a + joins values to one region, such as 4,1+4,1+2+4. Default: every " +
        "value that occurs",
    },
    classes: { value: "FILE", help: "Table of predicted classes, .csv; see below" },
    out: { value: "FILE", help: "Write the table to this file instead of the terminal" },
    ...JSON_FLAG,
  },
  notes: `
Masks: a row for each case and label, then the mean over cases of each label, then the mean of all.
  dice      2 · common voxels / sum of both. Not defined (empty) where the reference has no such voxel.
  hd95_mm   95th percentile of the distances between both surfaces, the larger of both directions, in millimetres. Not
            defined where either is empty. Read it together with dice: lesions that were missed whole have no hd95_mm.
  Means are over the cases where a score is defined. Scores are taken on the prediction's grid: a reference on another
  is resampled onto it, with a warning. Values that rounding left near whole numbers are rounded; NaN counts as 0.

Classes: a table with a header and the columns
  case        a name; not used
  actual      the true class
  predicted   the predicted class; may be left out where there are probabilities: the most probable class is taken
  any other   the probability of the class with the column's name
AUC needs the probability of every class; it is the mean over the classes of the AUC of one class against the rest.`,
  run: runEvaluate,
};

async function runEvaluate(args: Args, io: Io): Promise<void> {
  if (args.is("classes")) return await evaluateClasses(args, io);
  if (!args.is("prediction") && !args.is("reference")) {
    wrong("Cannot evaluate: expected --prediction and --reference, or --classes, got none");
  }
  const labels = args.text("labels");
  const progress = new Progress(io, { json: args.is("json") });
  try {
    const rows = await scoreMasks({
      prediction: args.required("prediction"),
      reference: args.required("reference"),
      labels: labels === undefined
        ? undefined
        : parseLabels(labels) ?? refuse("labels", "values such as 1,2,4", labels),
      onCase: (step, steps) => progress.update({ step, steps }),
      onWarning: (warning) => progress.note(`Warning: ${warning}`),
    });
    progress.end();
    if (args.is("json")) { for (const row of rows) io.out(JSON.stringify({ type: "result", ...defined(row) })); }
    await print(tableOf(rows), args, io);
  } finally {
    progress.end();
  }
}

async function evaluateClasses(args: Args, io: Io): Promise<void> {
  for (const other of ["prediction", "reference", "labels"]) {
    if (args.is(other)) wrong(`Cannot use --${other}: it goes with masks, not with --classes`);
  }
  const text = await readFile(args.required("classes"), "utf8").catch(() => {
    throw new CommandError("not-found", "Cannot read --classes: there is no such file");
  });
  const scores = scoreClasses(text);
  const { cases, accuracy, auc, macroF1 } = scores;
  if (args.is("json")) io.out(JSON.stringify({ type: "result", ...scores }));
  await print(
    [csvLine(["cases", "accuracy", "auc", "macro_f1"]), csvLine([cases, accuracy, auc ?? NaN, macroF1])],
    args,
    io,
  );
}

/** Writes the table to `--out`, or to the terminal unless JSON was printed there. */
async function print(lines: readonly string[], args: Args, io: Io): Promise<void> {
  const out = args.text("out");
  if (out !== undefined) {
    await writeWhole(out, lines.map((l) => `${l}\n`)).catch((cause) => {
      throw new CommandError("failed", "Cannot write --out: the file cannot be written", { cause });
    });
  } else if (!args.is("json")) { for (const line of lines) io.out(line); }
}

function tableOf(rows: readonly MaskRow[]): string[] {
  const header = ["case", "label", "dice", "hd95_mm", "reference_ml", "prediction_ml"];
  return [
    csvLine(header),
    ...rows.map((r) => csvLine([r.case, r.label, r.dice, r.hd95Mm, r.referenceMl, r.predictionMl].map(rounded))),
  ];
}

function rounded(value: string | number): string | number {
  return typeof value === "number" ? Number(value.toFixed(6)) : value;
}

/** JSON has no NaN: null instead. */
function defined(row: MaskRow): Record<string, string | number | null> {
  return Object.fromEntries(
    Object.entries(row).map(([k, v]) => [k, typeof v === "number" && Number.isNaN(v) ? null : v]),
  );
}
