/**
 * Normalisations of intensities, one record each: what becomes of a volume's voxels on its file's own grid, before it is
 * brought to the network's.
 */
import { coreValues, type Foreground, type GridImage, percentiles as percentilesOf } from "../../volume/mod.ts";
import type { Preprocessing } from "../spec.ts";

type Mapping = Preprocessing["percentiles"];

interface Normalisation {
  /** True: the volume's background becomes 0, and its foreground alone is brought to the network's grid. */
  readonly foregroundOnly: boolean;
  /** Changes the voxels in place. */
  readonly apply: (image: GridImage, foreground: Foreground, mapping: Mapping) => void;
}

/** By where the percentiles that are mapped to 0 and 1 are taken. */
export const NORMALISATIONS: Readonly<Record<Preprocessing["percentilesOver"], Normalisation>> = {
  volume: {
    foregroundOnly: false,
    apply({ data }, _, mapping) {
      const map = mappingOf(data, mapping);
      for (let v = 0; v < data.length; v++) data[v] = map(data[v]);
    },
  },
  foreground: {
    foregroundOnly: true,
    apply(image, foreground, mapping) {
      const { data } = image, { mask } = foreground;
      const map = mappingOf(coreValues(image, foreground), mapping);
      // A background of 0 is the same for files that have 0 there, another constant, or noise.
      for (let v = 0; v < data.length; v++) data[v] = mask[v] === 1 ? map(data[v]) : 0;
    },
  },
};

/** Changes a volume's voxels, in place, by one of the rules. */
export function normalise(
  rule: Preprocessing["percentilesOver"],
  image: GridImage,
  foreground: Foreground,
  mapping: Mapping,
): void {
  NORMALISATIONS[rule].apply(image, foreground, mapping);
}

/** Percentiles of `over` to 0 and 1 (docs/method D.2); where the two are one, differences from it, as in MONAI. */
function mappingOf(over: Float32Array, { lower, upper, clip }: Mapping): (value: number) => number {
  const [low, high] = percentilesOf(over, [lower, upper]);
  const span = high - low;
  if (span === 0) return (value) => value - low;
  if (clip) return (value) => Math.min(Math.max((value - low) / span, 0), 1);
  return (value) => (value - low) / span;
}
