/** The power of intensities, of the image or of its negative; range, mean and deviation of the crop stay. */
import type { Random } from "../../../tensor/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";
import { type Edit, factorAround1, forEach, happens, type IntensityKind } from "./kind.ts";
import { momentsOf } from "./moments.ts";

export const invertedGamma: IntensityKind = {
  name: "inverted gamma",
  draw: ({ gamma }, { channels }, random) =>
    happens(gamma.inverted, random) ? powers(gamma, { channels, isInverted: true, random }) : null,
};

export const gamma: IntensityKind = {
  name: "gamma",
  draw: ({ gamma }, { channels }, random) =>
    happens(gamma.chance, random) ? powers(gamma, { channels, isInverted: false, random }) : null,
};

function powers(
  { smallest, largest }: Augmentation["gamma"],
  { channels, isInverted, random }: {
    readonly channels: number;
    readonly isInverted: boolean;
    readonly random: Random;
  },
): Edit[] {
  return forEach(channels, () => {
    const exponent = factorAround1(smallest, largest, random);
    return (data) => toPower(data, { exponent, isInverted });
  });
}

/** A crop of one value stays. */
export function toPower(
  data: Float32Array,
  { exponent, isInverted }: { readonly exponent: number; readonly isInverted: boolean },
): Float32Array {
  const { mean, deviation, least, most } = momentsOf(data);
  if (deviation === 0) return data;
  const range = most - least, zero = isInverted ? most : least, sign = isInverted ? -1 : 1;
  const out = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) out[i] = (sign * (data[i] - zero) / range) ** exponent;
  const raised = momentsOf(out), scale = sign * deviation / raised.deviation;
  for (let i = 0; i < out.length; i++) out[i] = mean + scale * (out[i] - raised.mean);
  return out;
}
