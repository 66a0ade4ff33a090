/**
 * Ends a fold's training early when crops of its held-out patients no longer gain: the rate then falls to 0 within a tenth
 * of the updates, and the time that is saved is left to the final network. Everything but the crops' figures is arithmetic.
 */
import { nanMean } from "../../../metrics/mod.ts";
import type { Sample } from "../../data/augment.ts";
import type { Watch } from "../../loop/options.ts";
import type { Watched } from "../../report/updates.ts";
import type { CropFigures, CropSum } from "./crop_figures.ts";
import { DRAWN_AHEAD, FORWARD, upTo } from "./looks.ts";

/** Held-out crops that are looked at, the same ones every time. */
export const HELD_CROPS = 8;

/** The most of a fold's time that looking may take. */
const COST = 0.025;
/** Scores are means over so many looks. */
const SMOOTHED = 3;
/** A fold in which fewer looks fit is trained to its end. */
const LEAST_LOOKS = 8;
/** A gain that counts; of the smoothed score, which is at most 1. */
const LEAST_GAIN = 0.005;
/** No gain within this share of the updates ends the training, but not before half of them, */
const PATIENCE = 0.25;
const EARLIEST = 0.5;
/** and not while the score is that of a network that has found little: lesions are often flat for long before it finds them. */
const LEAST_SCORE = 0.2;
/** The share of the updates over which the rate falls to 0. */
const COOLING = 0.1;

export interface StopRule {
  /** Updates of the training. */
  readonly steps: number;
  readonly checkpointEverySteps: number;
  /** Updates between two looks. */
  readonly everySteps: number;
  /** Looks without a gain after which it ends. */
  readonly patience: number;
}

/** The rule for a fold; null: it is too short for one. */
export function stopRule(
  { steps, passes, checkpointEverySteps }: {
    readonly steps: number;
    /** Crops and views of an update. */
    readonly passes: number;
    readonly checkpointEverySteps: number;
  },
): StopRule | null {
  const everySteps = upTo(checkpointEverySteps, HELD_CROPS * FORWARD / passes / COST);
  if (steps < LEAST_LOOKS * everySteps) return null;
  return { steps, checkpointEverySteps, everySteps, patience: Math.ceil(PATIENCE * steps / everySteps) };
}

/** An early end. */
export interface Stop {
  /** Updates after which no gain was found. */
  readonly found: number;
  /** Update at which the rate begins to fall, and the one after which the training ends. */
  readonly from: number;
  readonly end: number;
  /** The best smoothed score and the updates after which it was reached. */
  readonly best: number;
  readonly bestAt: number;
}

/** The early end that the scores of all looks so far ask for. */
export function stopFor(scores: readonly number[], rule: StopRule): Stop | null {
  const { steps, everySteps, checkpointEverySteps, patience } = rule;
  let best = -Infinity, bestLook = 0;
  for (let look = SMOOTHED; look <= scores.length; look++) {
    const smoothed = nanMean(scores.slice(look - SMOOTHED, look));
    if (smoothed > best + LEAST_GAIN) [best, bestLook] = [smoothed, look];
    const found = look * everySteps;
    if (look - bestLook < patience || found < EARLIEST * steps || best < LEAST_SCORE) continue;
    const from = found + upTo(checkpointEverySteps, DRAWN_AHEAD);
    const end = from + upTo(checkpointEverySteps, COOLING * steps);
    return end < steps ? { found, from, end, best, bestAt: bestLook * everySteps } : null;
  }
  return null;
}

/** A rate by the number of the update, which falls to 0 as a cosine where the training ends early. */
export function cooled(rateOf: (step: number) => number, step: number, stop: Stop | null): number {
  if (stop === null || step < stop.from) return rateOf(step);
  const done = Math.min((step - stop.from) / (stop.end - stop.from), 1);
  return rateOf(stop.from) * (1 + Math.cos(Math.PI * done)) / 2;
}

/** The score of some crops, at most 1: the labels' mean soft Dice (0 where the crops show no label), or the mean probability of the right class. */
export function cropScore(sums: readonly (readonly CropSum[])[], task: "segmentation" | "classification"): number {
  const pooled = (sums[0] ?? []).map((_, c) => {
    const add = (name: keyof CropSum) => sums.reduce((n, crop) => n + crop[c][name], 0);
    return { both: add("both"), own: add("own"), other: add("other") };
  });
  if (task === "segmentation") {
    const dice = pooled.filter(({ other }) => other > 0).map(({ both, own, other }) => 2 * both / (own + other));
    return dice.length === 0 ? 0 : nanMean(dice);
  }
  return pooled.reduce((n, { both }) => n + both, 0) / pooled.reduce((n, { other }) => n + other, 0);
}

export interface EarlyStopOptions {
  readonly rule: StopRule;
  readonly task: "segmentation" | "classification";
  readonly crops: readonly Sample[];
}

/** Watches one fold. */
export class EarlyStop {
  readonly #options: EarlyStopOptions;
  readonly #start = performance.now();
  #scores: readonly number[] = [];
  #stop: Stop | null = null;
  #seconds = 0;

  constructor(options: EarlyStopOptions) {
    this.#options = options;
  }

  /** The number of updates that it is expected to end after. */
  get end(): number {
    return this.#stop?.end ?? this.#options.rule.steps;
  }

  rate(rateOf: (step: number) => number, step: number): number {
    return cooled(rateOf, step, this.#stop);
  }

  watch(figures: CropFigures): Watch {
    const { rule, task, crops } = this.#options;
    return {
      name: "heldOut",
      everySteps: rule.everySteps,
      measure: async () => {
        const before = figures.seconds, score = cropScore(await figures.of(crops), task);
        this.#seconds += figures.seconds - before;
        return [score];
      },
      onValues: (scores) => {
        this.#scores = [...scores];
        this.#stop = stopFor(this.#scores, rule);
        return this.#stop?.end;
      },
      end: () => figures.end(),
    };
  }

  /** What was seen until now. */
  watched(): Watched {
    const { rule: { everySteps, steps, patience }, task, crops } = this.#options, stop = this.#stop;
    const figure = task === "segmentation" ? "soft Dice" : "mean probability of the right class";
    return {
      heldOut: this.#scores.map((score, i) => ({ step: (i + 1) * everySteps, score })),
      stopped: stop &&
        `Ended after ${stop.end} of ${steps} updates: over ${patience * everySteps} updates, the ${figure} of ` +
          `${crops.length} held-out crops had not gained ${LEAST_GAIN} on ${
            stop.best.toFixed(3)
          }, which it had after ` +
          `${stop.bestAt}. The rate fell to 0 over the last ${
            stop.end - stop.from
          } updates, and the time that is saved is left ` +
          "to the trainings after it.",
      share: this.#seconds / Math.max((performance.now() - this.#start) / 1000, 1e-9),
    };
  }
}
