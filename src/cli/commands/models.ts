/** `sulcus models`: lists models, and records the decisions about them. */
import { basename, dirname, resolve } from "node:path";
import { exists, receiveFile } from "../../storage/mod.ts";
import { modelNameSchema, type ModelVersion, type Registry } from "../../registry/mod.ts";
import { nameFeatures, namesSchema } from "../../weights/mod.ts";
import { type Args, checkWords, type Command, refuse, wrong } from "../terminal/args.ts";
import { DATA_FLAGS, JSON_FLAG, settingsOf } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { checkZip } from "../options/archive.ts";
import { withRegistry } from "../options/models.ts";
import { bringerOf, operatorWitness } from "../options/operator.ts";
import { warningWords } from "../training/training_words.ts";

interface Call {
  readonly args: Args;
  readonly io: Io;
}
interface Action {
  /** Words after the action; the last one in brackets may be left out. */
  readonly words: readonly string[];
  /** Flags that it takes, as the usage shows them. */
  readonly flags?: string;
  /** Flags that it cannot do without. */
  readonly required?: readonly string[];
  run(registry: Registry, words: readonly string[], call: Call): Promise<void>;
}

const DECISION = { flags: "--by WHO [--note TEXT]", required: ["by"] } as const;
const ACTIONS: Readonly<Record<string, Action>> = {
  list: { words: [], run: list },
  show: { words: ["NAME", "[VERSION]"], run: show },
  approve: { words: ["NAME", "VERSION"], ...DECISION, run: approve },
  rollback: { words: ["NAME"], ...DECISION, run: rollback },
  export: { words: ["NAME", "VERSION"], flags: "[--out FILE.zip]", run: exportPackage },
  import: { words: ["FILE.zip"], flags: "[--by WHO]", run: importPackage },
  features: {
    words: ["NAME", "VERSION"],
    flags: "--features NAME,…|auto [--by WHO]",
    required: ["features"],
    run: features,
  },
};

export const modelsCommand: Command = {
  name: "models",
  summary: "lists models, approves versions, exports and imports packages",
  usage: Object.entries(ACTIONS).map(([name, { words, flags = "" }]) =>
    ["models", name === "list" ? "" : name, ...words, flags].filter((part) => part !== "").join(" ")
  ),
  flags: {
    by: { value: "WHO", help: "Who decides, for the audit trail" },
    note: { value: "TEXT", help: "Why, stored with the decision" },
    features: {
      value: "LIST",
      help:
        "Feature maps of a network imported from ONNX on which a fine-tune may build, or auto: the ends of its stages. " +
        "`sulcus import FILE --list` shows them",
    },
    out: { value: "FILE", help: "Package file to write. Default NAME-VERSION.zip in the current folder" },
    ...DATA_FLAGS,
    ...JSON_FLAG,
  },
  words: 3,
  notes: `
A version is a candidate until it is approved. An approved version is served to everybody who does not ask for a certain
one, and the version served before is retired. rollback serves that one again. Nothing is deleted.
An imported package is a candidate too; its hashes and its network are checked before it is stored.
features makes a further version, a candidate, with the same network.`,
  run: runModels,
};

async function runModels(args: Args, io: Io): Promise<void> {
  const [name = "list", ...words] = args.words;
  const action = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined;
  if (!action) wrong(`Cannot run models: expected one of ${Object.keys(ACTIONS).join(", ")}, got "${name}"`);
  checkWords(`models ${name}`, action.words, words);
  for (const [i, word] of words.entries()) await checkWord(action.words[i], word);
  for (const flag of action.required ?? []) args.required(flag);
  await withRegistry(settingsOf(args, io.env), (registry) => action.run(registry, words, { args, io }));
}

async function checkWord(kind: string, word: string): Promise<void> {
  if (kind.startsWith("FILE")) {
    if (!await exists(word)) throw new CommandError("not-found", "Cannot read FILE: there is no such file");
    await checkZip(word, { flag: "FILE", expected: "a package that `sulcus models export` wrote, a .zip" });
    return;
  }
  const isName = kind === "NAME";
  if (isName ? modelNameSchema.safeParse(word).success : /^[1-9]\d{0,5}$/.test(word)) return;
  wrong(`Cannot use ${kind}: expected ${isName ? "a model's name" : "a version's number"}, got "${word}"`);
}

async function list(registry: Registry, _: readonly string[], { args, io }: Call): Promise<void> {
  const models = await registry.list();
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", models }));
  if (models.length === 0) {
    io.out("There are no models here: --models names the folder of those that came with Sulcus.");
  }
  const width = Math.max(...models.map((m) => m.name.length));
  for (const { name, task, servedVersion, versions } of models) {
    const candidates = versions.filter((v) => v.state === "candidate").map((v) => v.version);
    const waiting = candidates.length > 0 ? `; candidates: ${candidates.join(", ")}` : "";
    const served = servedVersion === null ? "none served" : `version ${servedVersion} served`;
    io.out(`${name.padEnd(width)}  ${task.padEnd(14)}  ${served}${waiting}`);
  }
}

async function show(registry: Registry, [name, version]: readonly string[], { args, io }: Call): Promise<void> {
  const model = await registry.get(name);
  const newest = model.versions[model.versions.length - 1].version;
  const { directory: _, ...found } = await registry.version(name, Number(version ?? model.servedVersion ?? newest));
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", ...found }));
  const { manifest, state, shipped, approvedBy } = found;
  const { provenance, modalities, labels, classes } = manifest;
  const report = await registry.reportFile({ name, version: found.version, format: "html" });
  const outputs = labels.length > 0 ? labels.map((l) => `${l.name} (${l.value})`) : classes;
  const metrics = Object.entries(provenance.metrics).map(([k, v]) =>
    `${k} ${v === null ? "undefined" : +v.toFixed(4)}`
  );
  const base = provenance.baseModel && `${provenance.baseModel} version ${provenance.baseVersion}`;
  const lines: [string, string | undefined][] = [
    ["state", state + (approvedBy ? `, approved by ${approvedBy}` : "") + (shipped ? ", came with Sulcus" : "")],
    ["task", manifest.task],
    ["needs", modalities.join(", ")],
    ["finds", outputs.join(", ")],
    ["base", base],
    ["validation", metrics.join(", ")],
    ["made", provenance.createdAt],
    ["use", manifest.intendedUse],
    ["licence", manifest.licence],
    ["note", provenance.note],
    ["report", report ?? undefined],
  ];
  io.out(`${name} version ${found.version}`);
  for (const [what, text] of lines) if (text) io.out(`  ${what.padEnd(10)}  ${text}`);
  for (const words of warningWords(provenance.warnings ?? [], io)) io.out(words);
}

async function approve(registry: Registry, [name, version]: readonly string[], call: Call): Promise<void> {
  const witness = operatorWitness("model.approve", "model", `${name}/${version}`);
  printState(await registry.approve(name, Number(version), { ...decisionOf(call.args), witness }), call);
}

async function rollback(registry: Registry, [name]: readonly string[], call: Call): Promise<void> {
  const witness = operatorWitness("model.rollback", "model", name);
  printState(await registry.rollback(name, { ...decisionOf(call.args), witness }), call);
}

async function exportPackage(
  registry: Registry,
  [name, version]: readonly string[],
  { args, io }: Call,
): Promise<void> {
  const { fileName, stream } = await registry.exportZip(name, Number(version));
  const target = resolve(args.text("out") ?? fileName);
  if (await exists(target) || !await exists(dirname(target))) {
    await stream.cancel();
    const why = await exists(target) ? "there is such a file already" : "its folder does not exist";
    throw new CommandError("failed", `Cannot write the package: ${why}`);
  }
  const { bytes, sha256 } = await receiveFile(stream, target);
  if (args.is("json")) io.out(JSON.stringify({ type: "result", model: name, version: Number(version), bytes, sha256 }));
  else io.out(`Wrote ${basename(target)}: ${(bytes / 1e6).toFixed(1)} MB, sha256 ${sha256}`);
}

async function importPackage(registry: Registry, [file]: readonly string[], call: Call): Promise<void> {
  printState(await registry.importZip(file, bringerOf(call.args)), call);
}

async function features(registry: Registry, [model, version]: readonly string[], call: Call): Promise<void> {
  const { args, io } = call;
  const made = await nameFeatures(registry, {
    model,
    version: Number(version),
    features: featuresIn(args.required("features")),
    bringer: bringerOf(args, "model.change"),
  });
  const { features: named } = made.manifest.architecture.config;
  if (args.is("json")) {
    const { name, state } = made;
    return io.out(JSON.stringify({ type: "result", model: name, version: made.version, state, features: named }));
  }
  printState(made, call);
  io.out(`  features    ${String(named).replaceAll(",", ", ")}`);
}

function featuresIn(text: string): readonly string[] {
  const { success, data, error } = namesSchema.safeParse(text);
  if (success) return data;
  return refuse("features", error.issues[0].message.replace(/^expected /, ""), text);
}

function decisionOf(args: Args): { approvedBy: string; note?: string } {
  return { approvedBy: args.required("by"), note: args.text("note") };
}

function printState({ name, version, state, manifest }: ModelVersion, { args, io }: Call): void {
  const { warnings } = manifest.provenance;
  if (args.is("json")) return io.out(JSON.stringify({ type: "result", model: name, version, state, warnings }));
  io.out(`${name} version ${version} is ${state === "candidate" ? "a candidate" : state} now`);
  for (const words of warningWords(warnings ?? [], io)) io.out(words);
}
