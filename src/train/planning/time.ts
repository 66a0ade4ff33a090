/** Allots a job's time to its folds, its final network and their scores. Knows durations only. */

export interface Durations {
  /** Seconds of an update, of the start of a phase (compiling, loading), and of scoring a case. */
  readonly update: number;
  readonly start: number;
  readonly score: number;
}

export interface AllotOptions extends Durations {
  /** Seconds that are left of the budget. */
  readonly seconds: number;
  /** Cases that each planned fold holds out, in the order of the folds. */
  readonly held: readonly number[];
  /** Cases that the final network is scored on. */
  readonly cases: number;
  /** Of so many folds, the first ones, a twin is wished for that is trained on half of the patients. Default 0. */
  readonly halves?: number;
}

export interface Allotment {
  readonly steps: number;
  readonly foldSteps: number;
  /** Folds that are trained. */
  readonly foldsRun: number;
  /** Twins of folds that are trained on half of the patients: all that are wished for, or none. */
  readonly halves: number;
  /** Cases that the final network is scored on. */
  readonly scored: number;
  /** Seconds that this is expected to take. */
  readonly seconds: number;
}

/** Time that stays free: disks and other programs are not measured. */
const SPARE = 0.05;
/** The final network's share of the updates' time where folds are trained. */
const FINAL_SHARE = 0.6;
/** A fold gets at least this share of the final network's updates, or so many updates that more hardly change its figures. */
const FOLD_SHARE = 0.5;
const ENOUGH = 1500;
/** Starting and scoring more folds may not take more of the updates' time than leaves this share. */
const OVERHEAD = 0.8;
/** With a fold the final network keeps at least this share of the updates that it would have without, or none is trained. */
const KEPT_SHARE = 0.15;
/** The most of the time that scoring the training cases may take. */
const SCORING_SHARE = 0.1;

/** How a time is used. At least one update of everything, whatever the time. */
export function allotted(options: AllotOptions): Allotment {
  const { seconds, update, start, score, held, cases, halves: wished = 0 } = options;
  const usable = seconds * (1 - SPARE);
  const scored = Math.max(1, Math.min(cases, Math.floor(SCORING_SHARE * seconds / score)));
  const heldBy = (folds: number) => held.slice(0, folds).reduce((sum, n) => sum + n, 0);
  const timeFor = (folds: number, halves: number) => {
    const scoring = heldBy(folds) + heldBy(halves) + scored;
    return Math.max(usable - (folds + halves + 1) * start - scoring * score, 0);
  };
  const plan = (folds: number, halves = 0): Allotment => {
    const updates = timeFor(folds, halves) / update, trained = folds + halves;
    const steps = Math.max(1, Math.floor(updates * (folds === 0 ? 1 : FINAL_SHARE)));
    const foldSteps = folds === 0 ? steps : Math.floor(updates * (1 - FINAL_SHARE) / trained);
    const used = usable - timeFor(folds, halves) + (steps + trained * foldSteps) * update;
    return {
      steps,
      foldSteps: Math.max(1, Math.min(foldSteps, steps)),
      foldsRun: folds,
      halves,
      scored,
      seconds: used,
    };
  };
  if (held.length === 0) return plan(0);
  const isEnough = ({ steps, foldSteps }: Allotment) => foldSteps >= Math.min(FOLD_SHARE * steps, ENOUGH);
  const isCheap = (folds: number, halves: number) => timeFor(folds, halves) > OVERHEAD * timeFor(1, 0);
  for (let folds = held.length; folds > 1; folds--) {
    if (!isCheap(folds, 0) || !isEnough(plan(folds))) continue;
    // one fold less is given for the twins, which show more than another few patients do
    const withTwins = [folds, folds - 1].filter((count) => wished > 0 && count >= wished && isCheap(count, wished))
      .map((count) => plan(count, wished)).find(isEnough);
    return withTwins ?? plan(folds);
  }
  const one = plan(1), none = plan(0);
  return one.steps < KEPT_SHARE * none.steps ? none : one;
}

/** The updates of the final network in the seconds that are left before its first one, by what was measured meanwhile. */
export function finalSteps(
  { seconds, budgetSeconds, update, start, score, scored }: Durations & {
    readonly seconds: number;
    readonly budgetSeconds: number;
    /** Cases that it is scored on. */
    readonly scored: number;
  },
): number {
  return Math.max(1, Math.floor((seconds - SPARE * budgetSeconds - start - scored * score) / update));
}
