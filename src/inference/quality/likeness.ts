/**
 * How much the contrast of a case is like that of the training, as a factor of its score: 1 within it, less far from it.
 * Networks are often sure of what they find in a contrast that they do not know; of noise and blur their probabilities know.
 */
import type { TrainingImages } from "../quality_types.ts";
import type { ImageFacts } from "./image_facts.ts";
import { compared } from "./unlike.ts";

/** Up to this distance contrasts are ordinary; beyond it, each doubling takes a fifth. */
const ORDINARY = 4, EACH_DOUBLING = 0.8;

/** The factor for a case's images. Where those of the training are not known, 1. */
export function likeness(facts: readonly ImageFacts[], images: TrainingImages | undefined): number {
  if (images === undefined) return 1;
  const farthest = compared(facts, images).find(({ kind }) => kind === "intensity" || kind === "tails");
  return EACH_DOUBLING ** Math.max(0, Math.log2((farthest?.distance ?? 0) / ORDINARY));
}
