/**
 * From a score to the Dice that held-out patients of that score had. A straight line in logits, drawn to a usual one
 * where patients are few: held-out patients are ordinary ones, so that a line through them alone would say anything about
 * the bad ones.
 */
import type { DiceFit } from "../quality_types.ts";

/** A held-out patient: the score of the answer, and its mean Dice over the labels. */
export interface HeldOut {
  readonly score: number;
  readonly dice: number;
}

/** With fewer patients, nothing is fitted. */
export const LEAST_PATIENTS = 5;

/**
 * The line before any patient was seen, and how far it may be from that, standard deviations. Dice falls faster than the score:
 * 1.8 logits a logit over 600 answers to damaged hippocampi of the training part (docs/quality.md).
 */
const PRIOR = { slope: 1.8, slopeSpread: 0.5, heightSpread: 1 };

/** Spread of ordinary patients around the line, logits; weighs as much as so many of them. */
const USUAL = { spread: 0.4, weight: 3 };

/**
 * Further spread of answers to images that are unlike the training, logits: they lie on either side of the line, and their
 * number of patients does not make it narrower. Of 245 such answers 80 in 100 lie within it (docs/quality.md).
 */
const UNLIKE_SPREAD = 0.85;

/** Half of the interval that holds four in five of a normal distribution, in standard deviations. */
const FOUR_IN_FIVE = 1.2816;

/** Scores and Dice at the ends have no logit. */
const END = 0.005;

const logit = (p: number) => {
  const inside = Math.min(1 - END, Math.max(END, p));
  return Math.log(inside / (1 - inside));
};
const share = (x: number) => 1 / (1 + Math.exp(-x));

/** The line through held-out patients; null where they are too few. */
export function fitDice(patients: readonly HeldOut[]): DiceFit | null {
  if (patients.length < LEAST_PATIENTS) return null;
  const noise = USUAL.spread ** 2;
  // ridge regression of logit(dice) − slope · logit(score) on 1 and logit(score), centred so that the two do not compete
  const xs = patients.map((p) => logit(p.score)), centre = xs.reduce((a, b) => a + b, 0) / xs.length;
  const left = patients.map((p, i) => logit(p.dice) - PRIOR.slope * xs[i]);
  let tilt = 0, weight = noise / PRIOR.slopeSpread ** 2, sum = 0;
  for (const [i, y] of left.entries()) {
    tilt += (xs[i] - centre) * y;
    weight += (xs[i] - centre) ** 2;
    sum += y;
  }
  const lean = Math.max(-0.9 * PRIOR.slope, tilt / weight);
  const height = sum / (patients.length + noise / PRIOR.heightSpread ** 2);
  const squares = left.reduce((s, y, i) => s + (y - height - lean * (xs[i] - centre)) ** 2, 0);
  return {
    patients: patients.length,
    intercept: height - lean * centre,
    slope: PRIOR.slope + lean,
    spread: Math.sqrt((squares + USUAL.weight * noise) / (patients.length + USUAL.weight)),
    centre,
    slopeSpread: Math.sqrt(noise / weight),
  };
}

/**
 * The Dice to expect of a score, and the interval that holds that of four patients in five; wider far from the patients, and
 * for images that are unlike those of the training.
 */
export function expectedDice(
  score: number,
  { intercept, slope, spread, centre, slopeSpread = 0 }: DiceFit,
  { isUnlike }: { readonly isUnlike: boolean },
): { readonly expectedDice: number; readonly interval: readonly [number, number] } {
  const x = logit(score), at = intercept + slope * x;
  const half = FOUR_IN_FIVE * Math.hypot(spread, slopeSpread * (x - (centre ?? x)), isUnlike ? UNLIKE_SPREAD : 0);
  return { expectedDice: share(at), interval: [share(at - half), share(at + half)] };
}
