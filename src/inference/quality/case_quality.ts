/** The quality of an answer: the scores of its labels, what they let expect, and why they are as they are. */
import type { CaseQuality, QualitySpec } from "../quality_types.ts";
import type { ImageFacts } from "./image_facts.ts";
import { expectedDice, LEAST_PATIENTS } from "./expected.ts";
import { likeness } from "./likeness.ts";
import { caseScore, labelScore } from "./score.ts";
import type { Tally } from "./tally.ts";
import { unknownKinds } from "./unlike.ts";

export interface CaseQualityOptions {
  readonly labels: readonly { readonly name: string }[];
  /** Of the case's images; none where the model knows none of its training. */
  readonly facts: readonly ImageFacts[];
  /** A warning says that the images are unlike those of the training. */
  readonly isUnlike: boolean;
  /** Of the model; absent: it knows nothing about its answers. */
  readonly quality?: QualitySpec | undefined;
}

/** The quality of the answer that `tally` has seen. */
export function caseQuality(tally: Tally, { labels, facts, isUnlike, quality }: CaseQualityOptions): CaseQuality {
  const scores = tally.sums().map(labelScore);
  const perLabel = labels.map(({ name }, c) => ({ name, score: scores[c] }));
  const factor = likeness(facts, quality?.images);
  const score = caseScore(scores, factor), fit = quality?.fit;
  const absent = perLabel.filter((label) => label.score === null).map(({ name }) => name);
  const reasons: string[] = [], hasScore = score !== null;
  if (factor < 1) reasons.push(hasScore ? `${UNLIKE}, which lowers the score.` : `${UNLIKE}.`);
  if (isUnlike && fit !== undefined && hasScore) reasons.push(WIDER);
  if (absent.length > 0) {
    const so = hasScore ? "the score does not count it" : "there is no score";
    reasons.push(`No voxel was found for ${absent.join(", ")}: ${so}.`);
  }
  if (fit === undefined && hasScore) reasons.push(UNCALIBRATED);
  const unknown = quality?.images && unknownKinds(quality.images);
  if (unknown === undefined) reasons.push(UNCOMPARED);
  else if (unknown.length > 0) {
    reasons.push(
      `The model knows no ${unknown.join(" and no ")} of its training images, so that nothing warns of those.`,
    );
  }
  const expected = score !== null && fit !== undefined && expectedDice(score, fit, { isUnlike });
  return { score, ...expected, passes: 1 + tally.passes, perLabel, reasons };
}

const UNLIKE = "The contrast is unlike that of the training";
const WIDER = "The images are unlike those of the training, which makes the interval wider.";
const UNCALIBRATED = "Not calibrated: the model knows no Dice of held-out patients " +
  `(a fine-tune measures it on ${LEAST_PATIENTS} or more), so the score only compares answers of this model.`;
const UNCOMPARED =
  "Not compared with the training: the model keeps no facts of its training images, so that nothing warns " +
  "of contrasts, artefacts or pathology that it does not know.";

/** Of networks that answer with label values. */
export function withoutProbabilities(labels: readonly { readonly name: string }[]): CaseQuality {
  return {
    score: null,
    passes: 1,
    perLabel: labels.map(({ name }) => ({ name, score: null })),
    reasons: ["The network answers with label values, without probabilities that a score could be made of."],
  };
}
