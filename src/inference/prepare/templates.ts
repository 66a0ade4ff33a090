/**
 * Distilled modality templates of a package: writing, reading, normalising, aligning (docs/method B.5). They are never
 * trained here.
 */
import { dirname, join } from "node:path";
import { mkdir, stat } from "node:fs/promises";
import {
  type Box,
  centredWindow,
  crop,
  findForeground,
  type Grid,
  type GridImage,
  perAxis,
  resampleSpacing,
  spacingAffine,
  spacingOf,
  toAxesOf,
  toRas,
  type Triple,
  writeVolume,
  WRITTEN_ENDING,
} from "../../volume/mod.ts";
import { readInput } from "./read_input.ts";
import type { Modality } from "../modalities.ts";
import type { Normalisation } from "../preprocessing.ts";
import { normalise } from "../channels/normalise.ts";

/** The file of a package that holds the template of a modality. */
export function templateFile(modality: Modality): string {
  return `templates/${modality}${WRITTEN_ENDING}`;
}

/** Where a package in `directory` keeps the template of a modality. */
export function templatePath(directory: string, modality: Modality): string {
  return join(directory, templateFile(modality));
}

/**
 * Writes a template [X, Y, Z] of a package in RAS order, with the middle of its grid at `middleMm` (default 0). Templates
 * are laid on images centre to centre: this is where the images that it was learnt from had theirs.
 */
export async function writeTemplate(
  directory: string,
  modality: Modality,
  { data, sizeVox, spacingMm, middleMm = [0, 0, 0] }: {
    data: Float32Array;
    sizeVox: Triple;
    spacingMm: Triple;
    middleMm?: Triple;
  },
): Promise<void> {
  const path = templatePath(directory, modality);
  const originMm = perAxis((a) => middleMm[a] - spacingMm[a] * (sizeVox[a] - 1) / 2);
  await mkdir(dirname(path), { recursive: true });
  await writeVolume(path, { data, grid: { sizeVox, affineRas: spacingAffine(spacingMm, originMm) } });
}

/** Those of some modalities that a package has templates of. */
export async function templatesIn(directory: string, modalities: readonly Modality[]): Promise<Modality[]> {
  const found = await Promise.all(
    modalities.map((m) => stat(templatePath(directory, m)).then(() => true, () => false)),
  );
  return modalities.filter((_, i) => found[i]);
}

/**
 * How a template meets an image: mapped to [0, 1] and placed by anatomy or centred on it, or unchanged, first voxel on first
 * voxel (docs/method B.3 row 16).
 */
export type TemplateFit = "registered" | "centred" | "raw";

export interface ReadTemplateOptions {
  /** Default `centred`. */
  readonly fit?: TemplateFit;
  /** How the images are normalised that the template meets. Default: by all their voxels, as published. */
  readonly normalisation?: Normalisation;
}

/**
 * A package's template in RAS order, unless it is raw on the scale of the images: mapped to [0, 1] by (t − min)/(max − min +
 * 1e-9), or normalised by its own foreground where they are; null where the package has none.
 * @throws {InferenceError} `invalid-volume`: the template is no usable volume
 */
export async function readTemplate(
  directory: string,
  modality: Modality,
  { fit = "centred", normalisation }: ReadTemplateOptions = {},
): Promise<GridImage | null> {
  const path = templatePath(directory, modality);
  const found = await stat(path).then(() => true, () => false);
  if (!found) return null;
  const image = toRas(await readInput(path, `the template of ${modality}`));
  if (fit === "raw") return image;
  if (normalisation !== undefined && "over" in normalisation && normalisation.over === "foreground") {
    const foreground = findForeground(image);
    if (foreground.kind === "part") {
      normalise([{ image, foreground }], () => normalisation);
      return image;
    }
  }
  let low = Infinity, high = -Infinity;
  for (const v of image.data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { ...image, data: image.data.map((v) => (v - low) / (high - low + 1e-9)) };
}

export interface TemplateOptions {
  readonly uncropped: Grid;
  readonly box: Box;
  /** The network's; null: that of the uncropped grid. */
  readonly spacingMm: Triple | null;
  readonly fit?: Exclude<TemplateFit, "registered">;
}

/**
 * The part of a template under a case's crop: turned to the network's axes and resampled, unless raw the centred window of the
 * uncropped size, cropped.
 */
export function templateFor(
  template: GridImage,
  { uncropped, box, spacingMm, fit = "centred" }: TemplateOptions,
): GridImage {
  const turned = toAxesOf(template, uncropped);
  const resampled = resampleSpacing(turned, spacingMm ?? spacingOf(uncropped.affineRas), "linear");
  return crop(fit === "raw" ? resampled : centredWindow(resampled, uncropped.sizeVox), box);
}
