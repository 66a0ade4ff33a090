/** Figures of many answers: how scores follow the Dice, and how often ordinary and damaged images are warned of. */
import type { Answer } from "./answers.ts";

/** Pearson's correlation of pairs; NaN where one side is constant. */
export function pearson(pairs: readonly (readonly [number, number])[]): number {
  const n = pairs.length, mean = [0, 1].map((k) => pairs.reduce((sum, pair) => sum + pair[k], 0) / n);
  let ab = 0, aa = 0, bb = 0;
  for (const [a, b] of pairs) {
    ab += (a - mean[0]) * (b - mean[1]);
    aa += (a - mean[0]) ** 2;
    bb += (b - mean[1]) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}

export interface Summary {
  readonly answers: number;
  /** Of score and Dice over all answers; an answer without a score counts as 0. */
  readonly correlation: number;
  /** Of expected and true Dice: the mean absolute difference; null where the model was not calibrated. */
  readonly expectedError: number | null;
  /** Share of the answers whose Dice lies in the interval that should hold four in five. */
  readonly inInterval: number | null;
  readonly byDamage: readonly {
    readonly damage: string;
    readonly dice: number;
    readonly score: number;
    /** Share of the answers with a warning that the images are unlike those of the training. */
    readonly warned: number;
  }[];
}

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

export function summaryOf(answers: readonly Omit<Answer, "facts">[]): Summary {
  const scoreOf = ({ quality: { score } }: Pick<Answer, "quality">) => score ?? 0;
  const calibrated = answers.filter(({ quality }) => quality.expectedDice !== undefined);
  const isKnown = calibrated.length > 0;
  return {
    answers: answers.length,
    correlation: pearson(answers.map((a) => [scoreOf(a), a.dice])),
    expectedError: isKnown ? mean(calibrated.map(({ quality, dice }) => Math.abs(quality.expectedDice! - dice))) : null,
    inInterval: isKnown
      ? mean(calibrated.map(({ quality: { interval }, dice }) => Number(interval![0] <= dice && dice <= interval![1])))
      : null,
    byDamage: [...Map.groupBy(answers, ({ damage }) => damage)].map(([damage, own]) => ({
      damage,
      dice: mean(own.map(({ dice }) => dice)),
      score: mean(own.map(scoreOf)),
      warned: mean(own.map(({ warnings }) => Number(warnings.some((code) => code.endsWith("-unlike-training"))))),
    })),
  };
}
