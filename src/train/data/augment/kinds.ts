/** All changes of intensities, in the order in which a crop undergoes them. */
import type { Random } from "../../../tensor/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";
import { blur } from "./blur.ts";
import { brightness } from "./brightness.ts";
import { contrast } from "./contrast.ts";
import { dropModality } from "./drop_modality.ts";
import { gamma, invertedGamma } from "./gamma.ts";
import type { CropShape, IntensityKind } from "./kind.ts";
import { lowResolution } from "./low_resolution.ts";
import { noise } from "./noise.ts";

export const INTENSITY_KINDS: readonly IntensityKind[] = [
  noise,
  blur,
  brightness,
  contrast,
  lowResolution,
  invertedGamma,
  gamma,
  dropModality,
];

/** The channels of a crop after every kind that was drawn. */
export function changedIntensities(
  channels: readonly Float32Array[],
  { augmentation, crop, random }: {
    readonly augmentation: Augmentation;
    readonly crop: CropShape;
    readonly random: Random;
  },
): readonly Float32Array[] {
  return INTENSITY_KINDS.reduce((current, { name, draw }) => {
    const edits = draw(augmentation, crop, random.fork(name));
    return edits === null ? current : current.map((data, c) => edits[c]?.(data) ?? data);
  }, channels);
}
