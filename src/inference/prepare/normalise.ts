/**
 * Normalisations of intensities, one record each. A channel is normalised at one of two places: by the voxels of its file,
 * before orientation and spacing, or by its foreground, after the crop.
 */
import { type GridImage, scaleIntensityPercentiles } from "../../volume/mod.ts";
import type { Preprocessing } from "../spec.ts";

interface Normalisation {
  /** On the file's own voxels. */
  readonly ofVolume: (image: GridImage, preprocessing: Preprocessing) => GridImage;
  /** On the network's grid, after the crop. */
  readonly ofForeground: (image: GridImage, preprocessing: Preprocessing) => GridImage;
}

const unchanged = (image: GridImage) => image;

/** By where the percentiles that are mapped to 0 and 1 are taken. */
export const NORMALISATIONS: Readonly<Record<Preprocessing["percentilesOver"], Normalisation>> = {
  volume: {
    ofVolume: (image, { percentiles }) => ({ ...image, data: scaleIntensityPercentiles(image.data, percentiles) }),
    ofForeground: unchanged,
  },
  foreground: {
    ofVolume: unchanged,
    ofForeground: (image, { percentiles }) => {
      const over = image.data.filter((v) => v > 0);
      return over.length === 0
        ? image
        : { ...image, data: scaleIntensityPercentiles(image.data, { ...percentiles, over }) };
    },
  },
};
