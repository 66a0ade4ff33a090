/** MONAI's transforms of intensities as normalisations, one record each. */
import type { Normalisation } from "../../../inference/mod.ts";
import type { Step } from "./step.ts";

/** Values limited to two percentiles: no normalisation by itself, but the first half of one. */
interface Clip {
  readonly kind: "clip";
  readonly percentiles: readonly [number, number];
}
export type Intensity = Normalisation | Clip;

type Read = (step: Step, channels: number) => Intensity;

/** MONAI takes one statistic of all channels together unless told otherwise. */
const jointIn = (step: Step, channels: number) =>
  channels > 1 && step.boolean("channel_wise") !== true ? { joint: true } : {};

const rangeOf = (step: Step, low: string, high: string): readonly [number, number] => [
  step.number(low) ?? step.refuse(`expected ${low}, got none`),
  step.number(high) ?? step.refuse(`expected ${high}, got none`),
];
const targetOf = (step: Step): readonly [number, number] =>
  step.has("b_min") || step.has("b_max") ? rangeOf(step, "b_min", "b_max") : [0, 1];

export const INTENSITIES: Readonly<Record<string, Read>> = {
  NormalizeIntensity(step, channels) {
    const nonzero = step.boolean("nonzero") ?? false;
    const [mean, deviation] = [step.numbers("subtrahend"), step.numbers("divisor")];
    if (mean === undefined && deviation === undefined) {
      return { kind: "z-score", over: nonzero ? "nonzero" : "volume", ...jointIn(step, channels) };
    }
    if (mean?.length !== 1 || deviation?.length !== 1) {
      return step.refuse("expected one subtrahend and one divisor for all channels, or neither");
    }
    if (nonzero) return step.refuse("expected nonzero false beside subtrahend and divisor");
    return { kind: "fixed", mean: mean[0], deviation: deviation[0] };
  },
  ScaleIntensity(step, channels) {
    step.only("factor", null);
    return {
      kind: "min-max",
      over: "volume",
      to: [step.number("minv") ?? 0, step.number("maxv") ?? 1],
      ...jointIn(step, channels),
    };
  },
  ScaleIntensityRange: (step) => ({
    kind: "range",
    from: rangeOf(step, "a_min", "a_max"),
    to: targetOf(step),
    clip: step.boolean("clip") ?? false,
  }),
  ScaleIntensityRangePercentiles(step, channels) {
    step.only("relative", false);
    const [lower, upper] = rangeOf(step, "lower", "upper");
    const clip = step.boolean("clip") ?? false;
    return { kind: "percentiles", over: "volume", lower, upper, to: targetOf(step), clip, ...jointIn(step, channels) };
  },
  ClipIntensityPercentiles(step, channels) {
    step.only("sharpness_factor", null);
    if (channels > 1 && step.boolean("channel_wise") !== true) {
      return step.refuse("expected channel_wise true for several channels");
    }
    return { kind: "clip", percentiles: rangeOf(step, "lower", "upper") };
  },
};

/** Both steps as one. @throws {TypeError} no single one does the work of both */
export function combined(first: Intensity | null, second: Intensity, step: Step): Intensity {
  if (first === null) return second;
  if (first.kind === "clip" && second.kind === "z-score" && second.over === "volume" && !second.joint) {
    return { ...second, clipPercentiles: first.percentiles };
  }
  // a statistic over all voxels undoes an increasing straight map before it
  const undoes = (second.kind === "z-score" || second.kind === "min-max") && second.over === "volume";
  if (undoes && isStraight(first) && (!second.joint || isShared(first))) return second;
  return step.refuse("expected one change of intensities, got a second one after it that does not replace the first");
}

function isStraight(first: Intensity): boolean {
  switch (first.kind) {
    case "none":
      return true;
    case "fixed":
      return first.clip === undefined && first.deviation > 0;
    case "range":
      return !first.clip && first.to[0] < first.to[1];
    case "percentiles":
      return first.over === "volume" && !first.clip && (first.to === undefined || first.to[0] < first.to[1]);
    case "min-max":
      return first.over === "volume" && first.to[0] < first.to[1];
    case "z-score":
      return first.over === "volume" && first.clipPercentiles === undefined;
    case "clip":
      return false;
  }
}

/** True where the map is the same for every channel. */
const isShared = (first: Intensity): boolean =>
  first.kind === "none" || first.kind === "fixed" || first.kind === "range" ||
  ("joint" in first && first.joint === true);
