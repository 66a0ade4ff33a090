/** `sulcus import`: turns a file of weights into a model package and reports what happened to its tensors. */
import type { z } from "zod";
import {
  IMPORT_FLAGS,
  importRequestSchema,
  importWeightFile,
  inspectRequestSchema,
  inspectWeightFile,
} from "../../weights/mod.ts";
import { PROJECT_NAME } from "../../identity/mod.ts";
import { descriptionOf } from "../../train/mod.ts";
import { type Args, type Command, refuse, wrong } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { bringerOf } from "../options/operator.ts";
import type { Io } from "../terminal/io.ts";
import { DESCRIPTION_FLAGS, importSourceOf } from "../importing/import_files.ts";
import { inspectionLines, reportLines } from "../importing/import_words.ts";
import { withRegistry } from "../options/models.ts";

/** The network and the files beside it. */
const MOST_FILES = 32;

export const importCommand: Command = {
  name: "import",
  summary: "turns a PyTorch, safetensors or ONNX file into a model",
  usage: [
    "import FILE.pt|.safetensors|.onnx --name NAME [--modalities t1,t1c,t2,flair]",
    "       [--labels NAME=VALUE,…|--classes NAME,…] [--features NAME,…|auto] [--head-dim N] [--roi N]",
    "import FILE.onnx [model.onnx.data] --name NAME",
    "       [--spec FILE|--bundle FILE|--nnunet plans.json dataset.json]",
    "import FILE --list",
  ],
  flags: {
    ...Object.fromEntries(IMPORT_FLAGS.map(({ field, flag, value }) => [
      flag,
      { value, help: descriptionOf(importRequestSchema.shape[field]) },
    ])),
    ...DESCRIPTION_FLAGS,
    list: { help: "Show what the file holds, and what these flags would make of it; makes nothing" },
    project: { value: "NAME", help: "The project that gets the model: its members have it, its space counts" },
    by: { value: "WHO", help: "Who imports it, for the audit trail" },
    ...DATA_FLAGS,
    ...JSON_FLAG,
  },
  words: MOST_FILES,
  notes: `
No code in the file is run: only tensors are read, and anything else is refused by name. Family, widths, depths and
channels follow from keys and shapes: UniFormer and UNET3D, pre-trained or with a head. The result is a candidate:
  an official pre-training file    an encoder with its templates, the base of fine-tunes
  the same with --labels           a segmentation network with that encoder; its first kernels and its head start fresh
  a trained segmentation network   a model to approve and use (--labels: its outputs; --modalities: its inputs)
  an ONNX graph with --features    an encoder or model that can be fine-tuned; without, one that can be used
Weights that lie beside a graph (model.onnx.data) are found beside it; a .zip may hold both. Whatever the flags do not
state follows from the graph where it shows it; the rest is assumed, and the report says so.
The tensors that were loaded, dropped or missing are printed, and stored in the package as report.json.`,
  run: runImport,
};

async function runImport(args: Args, io: Io): Promise<void> {
  if (args.words.length === 0) wrong("Cannot run import: expected FILE, got none");
  if (args.is("list")) return await runList(args, io);
  args.required("name");
  const request = requestOf(args, importRequestSchema), project = args.text("project");
  if (project !== undefined && !PROJECT_NAME.test(project)) {
    refuse("project", "1 to 64 letters, digits, '.', '_' and '-'", project);
  }
  const bringer = { ...bringerOf(args), ...(project !== undefined && { holders: { owner: null, project } }) };
  const source = await importSourceOf(args);
  const { version, report } = await withRegistry(
    settingsOf(args, io.env),
    (registry) => importWeightFile(registry, { source, request, bringer }),
  );
  if (args.is("json")) {
    return io.out(JSON.stringify({ type: "result", model: version.name, version: version.version, report }));
  }
  for (const line of reportLines(version, report)) io.out(line);
}

async function runList(args: Args, io: Io): Promise<void> {
  const request = requestOf(args, inspectRequestSchema);
  const inspection = await inspectWeightFile(await importSourceOf(args), request);
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", ...inspection }));
  for (const line of inspectionLines(inspection)) io.out(line);
}

/** The fields that flags give. @throws {UsageError} naming the flag that is wrong */
function requestOf<T>(args: Args, schema: z.ZodType<T> & { readonly shape: object }): T {
  const given = IMPORT_FLAGS.filter(({ field, flag }) => field in schema.shape && args.text(flag) !== undefined);
  const result = schema.safeParse(Object.fromEntries(given.map(({ field, flag }) => [field, args.text(flag)])));
  if (result.success) return result.data;
  const { path: [field], message } = result.error.issues[0];
  const { flag } = IMPORT_FLAGS.find((known) => known.field === field)!;
  return refuse(flag, message.replace(/^expected /, ""), args.text(flag)!);
}
