/**
 * The steps that a package declares, from a volume on its file's grid to a channel of the network: normalisation,
 * orientation and spacing, crop (in the order of docs/method B.3.1), each a function of a volume. Reads no files.
 */
import { type Box, crop, foregroundBox, type Grid, type GridImage, resampleSpacing, toRas } from "../../volume/mod.ts";
import type { Preprocessing } from "../spec.ts";
import { NORMALISATIONS } from "./normalise.ts";

/** A volume normalised by its voxels, in RAS order, at the target spacing. */
export function toNetworkGrid(image: GridImage, preprocessing: Preprocessing): GridImage {
  const normalised = NORMALISATIONS[preprocessing.percentilesOver].ofVolume(image, preprocessing);
  return resampleSpacing(toRas(normalised), preprocessing.spacingMm, "linear");
}

/** The crop of all channels: the foreground of any of them, or everything where there is none or no crop is declared. */
export function cropBox(
  channels: readonly Float32Array[],
  { sizeVox }: Grid,
  { foregroundMargin }: Preprocessing,
): Box {
  const all: Box = { start: [0, 0, 0], end: sizeVox };
  return foregroundMargin === null ? all : foregroundBox(channels, sizeVox, foregroundMargin) ?? all;
}

/** A channel: the part inside the crop, normalised by its foreground. */
export function cropped(image: GridImage, box: Box, preprocessing: Preprocessing): GridImage {
  return NORMALISATIONS[preprocessing.percentilesOver].ofForeground(crop(image, box), preprocessing);
}
