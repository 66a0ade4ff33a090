/** The files of `sulcus import`: the network's own, those given beside it, and those that describe it. */
import { basename, dirname, join } from "node:path";
import type { ImportSource } from "../../weights/mod.ts";
import type { Args } from "../terminal/args.ts";
import { CommandError } from "../terminal/errors.ts";

/** Flags that name files of other frameworks, which describe a network. */
export const DESCRIPTION_FLAGS = {
  spec: {
    value: "FILE",
    help: "JSON with settings as manifests have them: {preprocessing: {…}, inference: {…}, labels: […]}",
  },
  bundle: { value: "FILE|FOLDER", help: "MONAI bundle: its metadata.json, or the folder of the bundle" },
  nnunet: {
    value: "FILE|FOLDER",
    help: "nnU-Net: plans.json (and dataset.json as a further word or beside it), or their folder",
  },
} as const;

/** Where the files of a description may lie in a folder, and the names by which they are read. */
const DESCRIPTIONS: Readonly<Record<keyof typeof DESCRIPTION_FLAGS, readonly [main: string, ...others: string[]]>> = {
  spec: ["spec.json"],
  bundle: ["metadata.json", "inference.json"],
  nnunet: ["plans.json", "dataset.json"],
};
const FOLDERS = ["", "configs"] as const;

/** @throws {CommandError} a file is not there */
export async function importSourceOf(args: Args): Promise<ImportSource> {
  const [path, ...others] = args.words;
  const files: Record<string, string> = {};
  for (const flag of Object.keys(DESCRIPTIONS) as (keyof typeof DESCRIPTIONS)[]) {
    const given = args.text(flag);
    if (given !== undefined) Object.assign(files, await descriptionFiles(flag, given));
  }
  for (const other of others) files[basename(other)] = other;
  if (!await isFile(path)) throw new CommandError("not-found", "Cannot read FILE: there is no such file");
  for (const file of Object.values(files)) {
    if (!await isFile(file)) {
      throw new CommandError("not-found", "Cannot read a file beside FILE: there is no such file");
    }
  }
  return { path, files, neighbours: true };
}

/** The files of a description by the names that presets read; `given` may have a name of its own. */
async function descriptionFiles(flag: keyof typeof DESCRIPTIONS, given: string): Promise<Record<string, string>> {
  const [main, ...others] = DESCRIPTIONS[flag];
  const isFolder = (await Deno.stat(given).catch(() => null))?.isDirectory ?? false;
  const found: Record<string, string> = isFolder ? {} : { [main]: given };
  const folders = isFolder ? FOLDERS.map((folder) => join(given, folder)) : [dirname(given)];
  for (const name of isFolder ? [main, ...others] : others) {
    for (const folder of folders) if (await isFile(join(folder, name))) found[name] ??= join(folder, name);
  }
  if (!(main in found)) {
    throw new CommandError("not-found", `Cannot use --${flag}: expected ${main} in the folder, got none`);
  }
  return found;
}

const isFile = async (path: string) => (await Deno.stat(path).catch(() => null))?.isFile ?? false;
