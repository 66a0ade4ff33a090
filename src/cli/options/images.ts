/** The images of one examination: a flag for each modality. */
import { INPUT_MEANINGS, inputFromName, INPUTS, type Modality } from "../../inference/mod.ts";
import { VOLUME_FILE } from "../../volume/mod.ts";
import { type Args, type Flag, wrong } from "../terminal/args.ts";
import { CommandError } from "../terminal/errors.ts";

export const IMAGE_FLAGS = Object.fromEntries(
  INPUTS.map((m): [Modality, Flag] => [m, { value: "FILE", help: INPUT_MEANINGS[m] }]),
);

export const MISSING_FLAG = {
  missing: {
    value: "HOW",
    help: "error (default): refuse when a modality is missing; template: use the model's template in its place",
  },
} as const;

export const IMAGES_NOTE = `
Each image is ${VOLUME_FILE}, all of one examination, skull-stripped if the model was trained so.
\`sulcus models show NAME\` lists the modalities that a model needs. Each is used where its header places
it, whatever its grid.`;

/**
 * The image files by modality, in the order of the command line.
 * @throws {CommandError} a file is not there, naming its flag
 */
export async function imagesOf(args: Args): Promise<Partial<Record<Modality, string>>> {
  const images: Partial<Record<Modality, string>> = {};
  for (const flag of args.given) {
    const modality = INPUTS.find((m) => m === flag);
    if (modality) images[modality] = args.required(modality);
  }
  const given = Object.entries(images);
  if (given.length === 0) wrong("Cannot run: expected at least one image, such as --t1 FILE, got none");
  for (const [modality, path] of given) {
    const isFile = await Deno.stat(path).then((s) => s.isFile, () => false);
    if (!isFile) throw new CommandError("not-found", `Cannot read --${modality}: there is no such file`);
  }
  return images;
}

/** Replaces flags such as `--T1CE` and `--t2f` by the canonical ones. */
export function canonicalFlags(argv: readonly string[]): string[] {
  return argv.map((word) => {
    const match = /^--([^=]+)(.*)$/s.exec(word);
    const modality = match && inputFromName(match[1]);
    return modality ? `--${modality}${match[2]}` : word;
  });
}
