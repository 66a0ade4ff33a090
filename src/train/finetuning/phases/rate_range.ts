/**
 * A learning rate from the first steps: some updates on a clone of the state, whose rate grows until the loss rises
 * (Smith 2017, "Cyclical learning rates", section 3.3). Knows the losses; `phases.ts` trains.
 */
import type { FoundRate } from "../../report/updates.ts";

/** The test draws the crops of this many updates again and again: its losses then differ by the rate, not by the crops. */
export const POOL = 4;
export const RANGE_UPDATES = 40;
const LOWEST = 1e-6;
const HIGHEST = 0.1;
/** A loss above the first by this factor has diverged. */
const DIVERGED = 1.5;
/** A loss that does not fall by this share says nothing about rates. */
const LEAST_FALL = 0.01;
/** The most that is taken of the rate at which the loss diverged. */
const SHARE = 0.1;

/** The rate of update `step` of the test. */
export const testRate = (step: number): number => LOWEST * (HIGHEST / LOWEST) ** (step / (RANGE_UPDATES - 1));

/** Means of the losses over the crops of the pool, the first after {@link POOL} updates. */
const means = (losses: readonly number[]) =>
  losses.slice(POOL - 1).map((_, k) => losses.slice(k, k + POOL).reduce((a, b) => a + b, 0) / POOL);

const hasDiverged = (mean: number, first: number) => !(mean <= DIVERGED * first);

/** Reports whether the test has seen enough. */
export function isOver(losses: readonly number[]): boolean {
  const all = means(losses);
  return all.length > 0 && hasDiverged(all.at(-1)!, all[0]);
}

/**
 * The rate at which the loss falls most steeply, at most a tenth of that at which it diverged and at most `highest`. A loss
 * that became infinite is the last one.
 */
export function rateFrom(losses: readonly number[], { highest }: { readonly highest: number }): FoundRate {
  const all = means(losses);
  const [first] = all;
  const end = all.findIndex((mean) => hasDiverged(mean, first));
  const usable = end < 0 ? all : all.slice(0, Math.max(end, 1));
  const lowest = usable.indexOf(Math.min(...usable));
  const rateAt = (k: number) => testRate(k + POOL - 1);
  const divergedAt = end < 0 ? null : rateAt(end);
  const falls = usable[lowest] <= (1 - LEAST_FALL) * first;
  const most = SHARE * (divergedAt ?? HIGHEST);
  const rate = falls ? Math.min(rateAt(steepest(usable.slice(0, lowest + 1))), most) : most;
  return {
    rate: Math.min(Number(rate.toPrecision(2)), highest),
    firstLoss: first,
    lowestLoss: usable[lowest],
    lowestAt: rateAt(lowest),
    divergedAt,
    updates: losses.length,
  };
}

/** The first update of the span of one pool over which the means fall most. */
function steepest(falling: readonly number[]): number {
  const falls = falling.map((mean, k) => mean - falling[Math.min(k + POOL, falling.length - 1)]);
  return falls.indexOf(Math.max(...falls));
}
