/** How much a case is like those of the training, as a factor of its score: 1 within them, towards 0 far from them. */
import type { TrainingImages } from "../quality_types.ts";
import type { ImageFacts } from "./image_facts.ts";
import { compared, FAR } from "./unlike.ts";

export interface LikenessOptions {
  readonly facts: readonly ImageFacts[];
  readonly images: TrainingImages | undefined;
  readonly labels: readonly {
    readonly name: string;
    readonly volumeMl: number;
    readonly trainingMl?: { readonly min: number; readonly max: number } | undefined;
  }[];
}

export interface Likeness {
  readonly factor: number;
  /** Sentences on what lowers it. */
  readonly reasons: readonly string[];
}

/** Volumes up to so many times beyond those of the training are ordinary. */
const ROOM = 1.25;

/** A volume twice beyond that, or facts twice as far as {@link FAR}, take so much of the score. */
const OF_VOLUME = 0.5, OF_FACTS = 0.3;

/** The factor for a case, and its reasons. Where the training is not known, 1. */
export function likeness({ facts, images, labels }: LikenessOptions): Likeness {
  const reasons: string[] = [];
  let factor = 1;
  const [farthest] = images === undefined ? [] : compared(facts, images);
  if (farthest !== undefined && farthest.distance > FAR) {
    factor *= OF_FACTS ** Math.min(1, Math.log2(farthest.distance / FAR));
    reasons.push(`The images are unlike those of the training: ${farthest.of} ${farthest.name}.`);
  }
  const beyond = labels.map(({ volumeMl, trainingMl }) => {
    if (trainingMl === undefined || volumeMl === 0) return 0;
    const times = Math.max(volumeMl / (ROOM * trainingMl.max), trainingMl.min / (ROOM * volumeMl));
    return Math.max(0, Math.log2(times));
  });
  const outside = labels.filter((_, c) => beyond[c] > 0).map(({ name }) => name);
  if (outside.length > 0) {
    factor *= OF_VOLUME ** (beyond.reduce((a, b) => a + b) / labels.length);
    reasons.push(`The volume of ${outside.join(", ")} is unlike that of every training case.`);
  }
  return { factor, reasons };
}
