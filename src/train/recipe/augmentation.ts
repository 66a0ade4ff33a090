/**
 * The settings of strong augmentation: a chance and a range for every kind of change. The defaults are those of nnU-Net v2
 * (Isensee et al. 2021), which assume images of deviation 1; here a noise's deviation is a share of the crop's own.
 */
import { z } from "zod";
import { type Frozen, number, worded } from "./settings.ts";

/** Axes of a case on the network's grid, which is RAS: x from left to right, y from back to front, z upwards. */
export const AXES = ["x", "y", "z"] as const;
export type Axis = (typeof AXES)[number];

/** Displacements of up to 0.4 of the distance between control points cannot fold space (Choi and Lee 2000). */
export const ELASTIC_APART_VOX = 16;
const MOST_ELASTIC = 0.4 * ELASTIC_APART_VOX;

/** How a crop is mirrored: a word, or the axes that have a coin each. */
export function flipSettings() {
  const words = ["axes", "joint"] as const;
  const isWord = (word: string) => words.some((each) => each === word);
  return worded(z.union([z.enum(words), z.array(z.enum(AXES))]), {
    expected: "axes, joint or a list of x, y and z",
    flag: { value: "AXES", read: (word) => isWord(word) ? word : word === "none" ? [] : word.split(",") },
  }).describe(
    "`axes`: a coin for each axis. `joint`: one coin flips all three. A list: a coin for each axis in it, such as x and z " +
      "where labels name front and back.",
  );
}

const chance = () => number({ from: 0, to: 1 });

/** All settings of strong augmentation as one; null: none, `flips` and `intensity` alone change a crop. */
export function augmentationSettings() {
  const settings = z.strictObject({
    rotation: z.strictObject({ chance: chance(), degrees: number({ from: 0, to: 180 }) }),
    scaling: z.strictObject({
      chance: chance(),
      smallest: number({ from: 0.25, to: 1 }),
      largest: number({ from: 1, to: 4 }),
    }),
    elastic: z.strictObject({ chance: chance(), voxels: number({ from: 0, to: MOST_ELASTIC }) }),
    noise: z.strictObject({ chance: chance(), deviation: number({ from: 0, to: 10 }) }),
    blur: z.strictObject({
      chance: chance(),
      perModality: chance(),
      smallestVox: number({ above: 0, to: 8 }),
      largestVox: number({ above: 0, to: 8 }),
    }),
    brightness: z.strictObject({ chance: chance(), share: number({ from: 0, below: 1 }) }),
    contrast: z.strictObject({ chance: chance(), share: number({ from: 0, below: 1 }) }),
    lowResolution: z.strictObject({
      chance: chance(),
      perModality: chance(),
      smallest: number({ from: 0.125, to: 1 }),
    }),
    gamma: z.strictObject({
      chance: chance(),
      inverted: chance(),
      smallest: number({ from: 0.1, to: 1 }),
      largest: number({ from: 1, to: 10 }),
    }),
    dropModality: z.strictObject({ chance: chance() }),
    mirror: z.array(z.enum(AXES)),
  });
  return worded(settings.nullable(), { expected: "the settings of every kind of change or null" }).describe(
    "Strong changes, each with its chance a crop. In space, by one interpolation from the volume itself: `rotation` about " +
      "each axis by U(±degrees), `scaling` by a factor from smallest to largest, `elastic` by a smooth field of up to " +
      "so many voxels. Of intensities: `noise` of deviation U(0, deviation) times the crop's own; `blur` by a Gaussian; " +
      "`brightness` and `contrast` by a factor U(1 ± share); `lowResolution` to a share of the voxels' number an axis and " +
      "back; `gamma` of the image and, by the chance `inverted`, of its negative; `dropModality`: the chance that a " +
      "modality shows its mean only, never all of them. `mirror`: the axes that `flips` may reverse; x runs from left to " +
      "right. Null: none, and flips along every axis that `flips` names.",
  );
}

export type Augmentation = NonNullable<Frozen<z.output<ReturnType<typeof augmentationSettings>>>>;

/**
 * Changes as strong as nnU-Net v2's. Beyond them: `elastic`, which its second version leaves out, and `dropModality`, which
 * changes nothing where there is one modality.
 */
export const STRONG_AUGMENTATION: Augmentation = {
  rotation: { chance: 0.2, degrees: 30 },
  scaling: { chance: 0.2, smallest: 0.7, largest: 1.4 },
  elastic: { chance: 0.2, voxels: 3 },
  noise: { chance: 0.1, deviation: 0.1 },
  blur: { chance: 0.2, perModality: 0.5, smallestVox: 0.5, largestVox: 1 },
  brightness: { chance: 0.15, share: 0.25 },
  contrast: { chance: 0.15, share: 0.25 },
  lowResolution: { chance: 0.25, perModality: 0.5, smallest: 0.5 },
  gamma: { chance: 0.3, inverted: 0.1, smallest: 0.7, largest: 1.5 },
  dropModality: { chance: 0.1 },
  mirror: ["x", "y", "z"],
};

/** Mirrors, and of a tenth of the crops the power of the negative; `intensity` varies contrasts besides. */
export const LIGHT_AUGMENTATION: Augmentation = {
  ...STRONG_AUGMENTATION,
  rotation: { ...STRONG_AUGMENTATION.rotation, chance: 0 },
  scaling: { ...STRONG_AUGMENTATION.scaling, chance: 0 },
  elastic: { ...STRONG_AUGMENTATION.elastic, chance: 0 },
  noise: { ...STRONG_AUGMENTATION.noise, chance: 0 },
  blur: { ...STRONG_AUGMENTATION.blur, chance: 0 },
  brightness: { ...STRONG_AUGMENTATION.brightness, chance: 0 },
  contrast: { ...STRONG_AUGMENTATION.contrast, chance: 0 },
  lowResolution: { ...STRONG_AUGMENTATION.lowResolution, chance: 0 },
  gamma: { ...STRONG_AUGMENTATION.gamma, chance: 0 },
  dropModality: { chance: 0 },
};

/** Nothing: crops to look at. */
export const NO_AUGMENTATION: Augmentation = {
  ...LIGHT_AUGMENTATION,
  gamma: { ...LIGHT_AUGMENTATION.gamma, inverted: 0 },
  mirror: [],
};
