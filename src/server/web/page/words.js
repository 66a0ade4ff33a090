// @ts-check
// Numbers and times as people read them.

/** @import { Quality } from "./api.d.ts" */

/**
 * @param {number | null | undefined} value
 * @param {number} [digits]
 */
export const number = (value, digits = 3) => value === null || value === undefined ? "–" : value.toFixed(digits);

/** @param {number | null} value */
const share = (value) => value === null ? "–" : `${(100 * value).toFixed(0)} %`;

/** @type {Record<string, (value: number | null) => string>} */
const METRICS = {
  dice: (value) => `Dice ${number(value)}`,
  pooledDice: (value) => `pooled Dice ${number(value)}`,
  hd95Mm: (value) => `HD95 ${number(value, 1)} mm`,
  accuracy: (value) => `accuracy ${number(value)}`,
  auc: (value) => `AUC ${number(value)}`,
  macroF1: (value) => `macro F1 ${number(value)}`,
  lesionSensitivity: (value) => `parts found ${share(value)}`,
  lesionPrecision: (value) => `parts right ${share(value)}`,
  lesionF1: (value) => `F1 of parts ${number(value)}`,
  volumeErrorMl: (value) => `volume off by ${number(value)} mL`,
};

/** @param {Record<string, number | null>} [metrics] */
export const scores = (metrics = {}) =>
  Object.entries(metrics).map(([key, value]) => METRICS[key]?.(value) ?? `${key} ${number(value)}`).join(", ");

/**
 * The quality score of an answer, and the Dice that it lets expect.
 * @param {Quality} quality
 */
export function qualityWords({ score, expectedDice, interval }) {
  const expected = expectedDice !== undefined && interval &&
    `; expected Dice ${number(expectedDice, 2)} (four patients in five: ${number(interval[0], 2)} to ${
      number(interval[1], 2)
    })`;
  return `Quality score: ${score === null ? "none" : `${number(score, 2)} of 1`}${expected || ""}.`;
}

/** @param {number} count */
export const cases = (count) => count === 1 ? "1 case" : `${count} cases`;

/** @param {string} iso */
export const time = (iso) => new Date(iso).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
