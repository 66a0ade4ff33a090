/** Compares a fine-tune on held-out patients with its base as it is, and with an answer that needs no network. */
import type { Warning } from "../../../inference/mod.ts";
import type { Metrics } from "../../types.ts";
import type { CaseScore } from "../scores.ts";
import { labelNames, ofLabel } from "./patients.ts";

/** A pooled Dice below it says that next to nothing is found: an empty mask has 0. */
const NEXT_TO_NOTHING = 0.05;

export interface Comparisons {
  readonly warnings: readonly Warning[];
  /** Sentences for users, with figures. */
  readonly notes: readonly string[];
}

export interface Compared {
  /** Of the fine-tune on held-out patients, and the scores behind it. */
  readonly validation: Metrics;
  readonly scores: readonly CaseScore[];
  /** Of the base on the same patients; null: it does another task. */
  readonly base: Metrics | null;
}

/** What the comparisons show. */
export function comparisons(compared: Compared): Comparisons {
  const base = withBase(compared), nothing = withNothing(compared);
  return {
    warnings: [...base.warnings, ...nothing.warnings, ...unfoundLabels(compared)],
    notes: [...base.notes, ...nothing.notes],
  };
}

/** What can be said where no patient was held out: whether it answers the cases that it was trained on. */
export function withoutHeldOut({ training, scores }: { training: Metrics; scores: readonly CaseScore[] }): Comparisons {
  const own = { validation: training, scores, base: null, whose: OF_TRAINING };
  return { warnings: [...withNothing(own).warnings, ...unfoundLabels(own)], notes: [] };
}

const HELD_OUT = "held-out patients";
const OF_TRAINING = "the cases that it was trained on";

interface Of extends Compared {
  /** Default: held-out patients. */
  readonly whose?: string;
}

const NONE: Comparisons = { warnings: [], notes: [] };

function withBase({ validation, base }: Compared): Comparisons {
  if (base === null) return NONE;
  const name = validation.dice === undefined ? "accuracy" : "dice";
  const own = validation[name], before = base[name];
  if (own == null || before == null) return NONE;
  const figures = `${WORDS[name]} ${own.toFixed(3)} on held-out patients, the base as it is ${before.toFixed(3)}`;
  const detail = `The fine-tune is worse than its base: ${figures}. Use the base, or give it more time or cases`;
  return own < before
    ? { warnings: [{ code: "worse-than-base", detail }], notes: [] }
    : { warnings: [], notes: [`The fine-tune reaches ${figures}.`] };
}

const WORDS = { dice: "Dice", accuracy: "accuracy" } as const;

function withNothing({ validation, scores, whose = HELD_OUT }: Of): Comparisons {
  const { pooledDice, accuracy } = validation;
  const code = "no-better-than-nothing";
  if (pooledDice != null && pooledDice < NEXT_TO_NOTHING) {
    const detail = `The fine-tune finds next to nothing in ${whose}: Dice ${pooledDice.toFixed(3)} over all voxels, ` +
      "where an empty mask has 0. Give it more time or cases before anybody uses it";
    return { warnings: [{ code, detail }], notes: [] };
  }
  if (accuracy == null) return NONE;
  const classes = scores.flatMap(({ classIndex, unlearnt }) =>
    unlearnt || classIndex === undefined ? [] : [classIndex]
  );
  const most = Math.max(...[...Map.groupBy(classes, (c) => c).values()].map(({ length }) => length));
  const share = most / classes.length;
  if (accuracy > share) return NONE;
  const detail = `The fine-tune classifies ${whose} no better than the most frequent class would: accuracy ` +
    `${accuracy.toFixed(3)} against ${share.toFixed(3)}. Give it more time or cases before anybody uses it`;
  return { warnings: [{ code, detail }], notes: [] };
}

/** Labels that are there and are hardly ever found, beside others that are: their mean hides them. */
function unfoundLabels({ validation: { pooledDice }, scores, whose = HELD_OUT }: Of): Warning[] {
  if (pooledDice == null || pooledDice < NEXT_TO_NOTHING) return [];
  const unfound = labelNames(scores).flatMap((label) => {
    const own = ofLabel(scores, label);
    const [both, found, there] = [0, 1, 2].map((k) => own.reduce((n, { counts }) => n + counts[k], 0));
    const dice = 2 * both / (found + there);
    return there > 0 && dice < NEXT_TO_NOTHING ? [`${label} (Dice ${dice.toFixed(3)} over all voxels)`] : [];
  });
  if (unfound.length === 0) return [];
  const detail =
    `The fine-tune finds next to nothing of some labels in ${whose}: ${unfound.join(", ")}. Give it more time ` +
    "or cases that show them before anybody uses these labels";
  return [{ code: "no-better-than-nothing", detail }];
}
