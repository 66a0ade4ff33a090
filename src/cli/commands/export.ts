/** `sulcus export`: a model's weights as a file for PyTorch, or its ONNX graph. Packages as a whole are exported by `sulcus models`. */
import { basename, dirname, resolve } from "node:path";
import { exists, receiveFile } from "../../storage/mod.ts";
import { exportWeights } from "../../weights/mod.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { findModel, MODEL_FLAGS, modelChoiceOf } from "../options/models.ts";

export const exportCommand: Command = {
  name: "export",
  summary: "writes a model's weights as a safetensors file for PyTorch, or its ONNX graph",
  usage: ["export NAME|PATH --out FILE.safetensors|.onnx [--version N]"],
  flags: {
    version: MODEL_FLAGS.version,
    out: { value: "FILE", help: "File to write; it must not exist" },
    ...DATA_FLAGS,
    ...JSON_FLAG,
  },
  words: 1,
  notes: `
Keys and axes are those of the official BrainMVP files, with the templates as rep_template; \`sulcus import\` turns the
file into the same package again. The file has no tensors that inference does not need (heads of deep supervision), and
none that official pre-training files hold although nothing trains them (decoder.*.conv_block, decoder.proj1).
In PyTorch
  model.load_state_dict(safetensors.torch.load_file(FILE), strict=False)
leaves these at their initial values. A network imported from ONNX, or fine-tuned on one, has no such keys: it becomes
its ONNX graph, which \`sulcus import\` turns into the same package again too.`,
  run: runExport,
};

async function runExport(args: Args, io: Io): Promise<void> {
  const [word = wrong("Cannot run export: expected NAME, got none")] = args.words;
  const choice = modelChoiceOf(args, word);
  const target = resolve(args.required("out"));
  if (await exists(target) || !await exists(dirname(target))) {
    const why = await exists(target) ? "there is such a file already" : "its folder does not exist";
    throw new CommandError("failed", `Cannot write the weights: ${why}`);
  }
  const { directory, manifest, name, version } = await findModel(choice, settingsOf(args, io.env));
  const { format, parts, tensors, templates } = await exportWeights(directory, manifest);
  const { bytes, sha256 } = await receiveFile(ReadableStream.from(parts), target);
  if (args.is("json")) {
    return io.out(JSON.stringify({ type: "result", model: name, version, format, tensors, templates, bytes, sha256 }));
  }
  const also = templates.length > 0 ? ` with the templates of ${templates.join(", ")}` : "";
  io.out(
    `Wrote ${basename(target)}: ${format}, ${tensors} tensors${also}, ${(bytes / 1e6).toFixed(1)} MB, sha256 ${sha256}`,
  );
}
