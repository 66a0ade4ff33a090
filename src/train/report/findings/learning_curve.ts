/**
 * How figures grow with the number of patients trained on, and what one more would probably bring: a power law
 * `a − b·n^−c` through the scores of networks that were trained on different numbers of patients.
 */
import { Random } from "../../../tensor/mod.ts";

/** The Dice of one held-out patient by a network that was trained on so many others. */
export interface LearningPoint {
  readonly trainPatients: number;
  readonly dice: number;
  /** Points of one patient vary together; absent: each point stands alone. */
  readonly patient?: string;
}

export interface LearningCurve {
  /** Mean Dice by the number of patients trained on, ascending. */
  readonly means: readonly { readonly trainPatients: number; readonly points: number; readonly dice: number }[];
  /** Gains of Dice over a network trained on all patients; null: the folds cannot show one. */
  readonly oneMore: Gain | null;
  readonly twiceAsMany: Gain | null;
  readonly sentence: string;
}

export interface Gain {
  readonly gain: number;
  readonly low: number;
  readonly high: number;
}

/** Numbers of patients must differ by this factor, or their figures show nothing but chance. */
const LEAST_RATIO = 1.3;
/** Patients at either end, or their figures show who they are and not how much was learnt. */
const LEAST_POINTS = 4;
/** Exponents that such curves have (0.2 to 1 in the field); too few points to fit one, so all of them count. */
const EXPONENTS = [0.25, 0.5, 1] as const;
const RESAMPLES = 1000;
const LEVEL = 0.8;

/**
 * @param options.patients patients that the final network was trained on
 * @param options.seed of the resampling of patients
 */
export function learningCurve(
  points: readonly LearningPoint[],
  { patients, seed = 0 }: { patients: number; seed?: number | string },
): LearningCurve {
  const means = meansOf(points);
  const unknown = (why: string) => unknownCurve(why, means);
  const [first] = means, last = means.at(-1);
  if (first === undefined || last === undefined) return unknown("no held-out patient has a Dice");
  if (last.trainPatients < LEAST_RATIO * first.trainPatients) {
    const count = first === last ? `${first.trainPatients}` : `${first.trainPatients} to ${last.trainPatients}`;
    return unknown(
      `all folds were trained on ${count} patients; a fold trained on half of them (halfFolds; of itself, where there are time and patients enough) would show it`,
    );
  }
  const fewest = Math.min(first.points, last.points);
  if (fewest < LEAST_POINTS) {
    return unknown(
      `${fewest} held-out patient${fewest === 1 ? " is" : "s are"} too few, it takes ${LEAST_POINTS} of a size`,
    );
  }
  const clusters = [...Map.groupBy(points, (p, i) => p.patient ?? i).values()];
  const random = new Random(seed), next: number[] = [], double: number[] = [];
  for (let k = 0; k < RESAMPLES; k++) {
    const drawn = meansOf(clusters.flatMap(() => clusters[random.integer(clusters.length)]));
    if (drawn.length < 2) continue;
    for (const exponent of EXPONENTS) {
      next.push(gainOf(drawn, { exponent, from: patients, to: patients + 1 }));
      double.push(gainOf(drawn, { exponent, from: patients, to: 2 * patients }));
    }
  }
  const interval = (gains: number[], to: number): Gain => {
    gains.sort((a, b) => a - b);
    const at = (q: number) => gains[Math.round(q * (gains.length - 1))];
    const tail = (1 - LEVEL) / 2;
    return { gain: gainOf(means, { exponent: 0.5, from: patients, to }), low: at(tail), high: at(1 - tail) };
  };
  const oneMore = interval(next, patients + 1), twiceAsMany = interval(double, 2 * patients);
  const range = `${first.dice.toFixed(3)} with ${first.trainPatients} patients, ${last.dice.toFixed(3)} with ` +
    `${last.trainPatients}`;
  const words = (g: Gain) => `${signed(g.gain)} (${signed(g.low)} to ${signed(g.high)})`;
  return {
    means,
    oneMore,
    twiceAsMany,
    sentence: oneMore.low > 0
      ? `One more labelled patient would probably bring ${words(oneMore)} Dice, twice as many ${
        words(twiceAsMany)
      }: a power ` +
        `law through ${range}.`
      : `The folds cannot tell what one more labelled patient would bring: ${
        words(oneMore)
      } Dice by a power law through ` +
        `${range}, which differ by no more than chance.`,
  };
}

type Means = LearningCurve["means"];

/** A curve that says nothing, and why. */
export const unknownCurve = (why: string, means: Means = []): LearningCurve => ({
  means,
  oneMore: null,
  twiceAsMany: null,
  sentence: `What one more labelled patient would bring is not known: ${why}.`,
});

function meansOf(points: readonly LearningPoint[]): Means {
  return [...Map.groupBy(points, (p) => p.trainPatients)]
    .map(([trainPatients, own]) => ({
      trainPatients,
      points: own.length,
      dice: own.reduce((sum, p) => sum + p.dice, 0) / own.length,
    }))
    .sort((a, b) => a.trainPatients - b.trainPatients);
}

/** The growth from one number of patients to another by least squares of `a − b·n^−c`; Dice ends at 1. */
function gainOf(means: Means, { exponent, from, to }: { exponent: number; from: number; to: number }): number {
  const total = means.reduce((sum, m) => sum + m.points, 0);
  const weighted = (pick: (m: Means[number]) => number) => means.reduce((s, m) => s + m.points * pick(m), 0) / total;
  const x = (n: number) => -(n ** -exponent);
  const [centreX, centreY] = [weighted((m) => x(m.trainPatients)), weighted((m) => m.dice)];
  const slope = weighted((m) => (x(m.trainPatients) - centreX) * (m.dice - centreY)) /
    weighted((m) => (x(m.trainPatients) - centreX) ** 2);
  const at = (n: number) => Math.min(1, centreY + slope * (x(n) - centreX));
  return at(to) - at(from);
}

const signed = (v: number) => `${v < 0 ? "−" : "+"}${Math.abs(v).toFixed(3)}`;
