/** `sulcus import`: turns a file of weights into a model package and reports what happened to its tensors. */
import {
  IMPORT_FLAGS,
  type ImportReport,
  type ImportRequest,
  importRequestSchema,
  importWeightFile,
} from "../../weights/mod.ts";
import { exists } from "../../storage/mod.ts";
import { type ModelVersion } from "../../registry/mod.ts";
import { descriptionOf } from "../../train/mod.ts";
import { type Args, type Command, refuse, wrong } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { withRegistry } from "../options/models.ts";

export const importCommand: Command = {
  name: "import",
  summary: "turns a PyTorch, safetensors or ONNX file into a model",
  usage: [
    "import FILE.pt|.safetensors|.onnx --name NAME [--modalities t1,t1c,t2,flair]",
    "       [--labels NAME=VALUE,…|--classes NAME,…] [--features NAME,…] [--head-dim N] [--roi N]",
  ],
  flags: {
    ...Object.fromEntries(IMPORT_FLAGS.map(({ field, flag, value }) => [
      flag,
      { value, help: descriptionOf(importRequestSchema.shape[field]) },
    ])),
    by: { value: "WHO", help: "Who imports it, for the audit trail" },
    ...DATA_FLAGS,
    ...JSON_FLAG,
  },
  words: 1,
  notes: `
No code in the file is run: only tensors are read, and anything else is refused by name. Family, widths, depths and
channels follow from keys and shapes: UniFormer and UNET3D, pre-trained or with a head. The result is a candidate:
  an official pre-training file    an encoder with its templates, the base of fine-tunes
  the same with --labels           a segmentation network with that encoder; its first kernels and its head start fresh
  a trained segmentation network   a model to approve and use (--labels: its outputs; --modalities: its inputs)
  an ONNX graph with --features    an encoder or model that can be fine-tuned; without, one that can be used
The tensors that were loaded, dropped or missing are printed, and stored in the package as report.json.`,
  run: runImport,
};

async function runImport(args: Args, io: Io): Promise<void> {
  const [file = wrong("Cannot run import: expected FILE, got none")] = args.words;
  const request = requestOf(args);
  if (!await exists(file)) throw new CommandError("not-found", "Cannot read FILE: there is no such file");
  const { version, report } = await withRegistry(
    settingsOf(args, io.env),
    (registry) => importWeightFile(registry, { path: file, request, actor: args.text("by") ?? "command line" }),
  );
  if (args.is("json")) {
    return io.out(JSON.stringify({ type: "result", model: version.name, version: version.version, report }));
  }
  for (const line of linesOf(version, report)) io.out(line);
}

function requestOf(args: Args): ImportRequest {
  args.required("name");
  const given = IMPORT_FLAGS.map(({ field, flag }) => [field, args.text(flag)] as const);
  const result = importRequestSchema.safeParse(Object.fromEntries(given.filter(([, text]) => text !== undefined)));
  if (result.success) return result.data;
  const { path: [field], message } = result.error.issues[0];
  const { flag } = IMPORT_FLAGS.find((known) => known.field === field)!;
  return refuse(flag, message.replace(/^expected /, ""), args.text(flag)!);
}

function linesOf({ name, version, manifest }: ModelVersion, report: ImportReport): string[] {
  const { kind, config } = report.network;
  const sizes = Object.entries(config).map(([field, value]) =>
    `${field} ${Array.isArray(value) ? value.join("-") : value}`
  );
  const dropped = Map.groupBy(report.dropped, ({ why }) => why);
  return [
    `Made ${name} version ${version}, a candidate: ${manifest.task}, ${kind} (${sizes.join(", ")})`,
    `  loaded     ${report.loaded.length} tensors`,
    ...[...dropped].map(([why, entries]) => `  dropped    ${keysOf(entries.map((e) => e.key))}: ${why}`),
    ...report.missing.length > 0 ? [`  missing    ${keysOf(report.missing)}: fresh`] : [],
    ...report.templates.length > 0 ? [`  templates  ${report.templates.join(", ")}`] : [],
    ...[...Map.groupBy(report.converted, (c) => c.from)].map(([from, entries]) =>
      `  converted  ${keysOf(entries.map((e) => e.key))}: from ${from} to float32`
    ),
    ...report.assumed.map((what) => `  assumed    ${what}`),
  ];
}

/** Keys come from the file: only harmless characters are printed. */
function keysOf(keys: readonly string[]): string {
  const shown = keys.slice(0, 4).map((key) => key.replaceAll(/[^\w.:/-]/g, "?").slice(0, 80));
  return keys.length > shown.length ? `${shown.join(", ")}, … (${keys.length})` : shown.join(", ");
}
