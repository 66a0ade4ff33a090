/**
 * From a score to the Dice that held-out patients of that score had. A straight line in logits, drawn to the score itself
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

/** How far intercept and slope may be from 0 and 1 before patients say so, standard deviations. */
const PRIOR = { intercept: 1, slope: 0.3 };

/** Spread of ordinary patients around the line, logits; weighs as much as so many of them. */
const USUAL = { spread: 0.4, weight: 3 };

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
  // ridge regression of logit(dice) − logit(score) on 1 and logit(score), centred so that the two do not compete
  const xs = patients.map((p) => logit(p.score)), middle = xs.reduce((a, b) => a + b, 0) / xs.length;
  const left = patients.map((p, i) => logit(p.dice) - xs[i]);
  let tilt = 0, weight = 0, sum = 0;
  for (const [i, y] of left.entries()) {
    tilt += (xs[i] - middle) * y;
    weight += (xs[i] - middle) ** 2;
    sum += y;
  }
  const lean = Math.max(-0.9, tilt / (weight + noise / PRIOR.slope ** 2));
  const height = sum / (patients.length + noise / PRIOR.intercept ** 2);
  const squares = left.reduce((s, y, i) => s + (y - height - lean * (xs[i] - middle)) ** 2, 0);
  const spread = Math.sqrt((squares + USUAL.weight * noise) / (patients.length + USUAL.weight));
  return { patients: patients.length, intercept: height - lean * middle, slope: 1 + lean, spread };
}

/** The Dice to expect of a score, and the interval that holds that of four patients in five. */
export function expectedDice(
  score: number,
  { intercept, slope, spread }: DiceFit,
): { readonly expectedDice: number; readonly interval: readonly [number, number] } {
  const at = intercept + slope * logit(score), half = FOUR_IN_FIVE * spread;
  return { expectedDice: share(at), interval: [share(at - half), share(at + half)] };
}
