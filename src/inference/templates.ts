/** Distilled modality templates of a package: reading, normalising, aligning (METHODS.md B.5). They are never trained here. */
import { join } from "node:path";
import { stat } from "node:fs/promises";
import {
  type Box,
  centredWindow,
  crop,
  type Grid,
  type GridImage,
  readNifti,
  resampleSpacing,
  toRas,
} from "../volume/mod.ts";
import type { Modality } from "./spec.ts";

/** Where a package keeps the template of a modality. */
export function templatePath(directory: string, modality: Modality): string {
  return join(directory, "templates", `${modality}.nii.gz`);
}

/** A package's template in RAS order, mapped to [0, 1] by (t − min)/(max − min + 1e-9); null where it has none. */
export async function readTemplate(directory: string, modality: Modality): Promise<GridImage | null> {
  const path = templatePath(directory, modality);
  const found = await stat(path).then(() => true, () => false);
  if (!found) return null;
  const image = toRas(await readNifti(path));
  let low = Infinity, high = -Infinity;
  for (const v of image.data) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  return { ...image, data: image.data.map((v) => (v - low) / (high - low + 1e-9)) };
}

/** The part of a template that lies under a case's crop: resampled, the centred window of the uncropped size, cropped. */
export function templateFor(
  template: GridImage,
  { uncropped, box, spacingMm }: { uncropped: Grid; box: Box; spacingMm: readonly [number, number, number] },
): GridImage {
  return crop(centredWindow(resampleSpacing(template, spacingMm, "linear"), uncropped.sizeVox), box);
}
