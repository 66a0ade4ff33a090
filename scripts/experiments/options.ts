/** The settings of a command: which plans, variants, patients and how long; plain JSON that a run's process reads too. */
import type { Device } from "./runs/runs.ts";

/** In the order of the page about them. */
export const PLAN_NAMES = [
  "hippocampus",
  "ms",
  "ms-26",
  "ms-t1-flair",
  "glioma",
  "structures",
  "modality",
  "hippocampus-class",
  "hippocampus-quality",
  "structures-quality",
] as const;
export type PlanName = (typeof PLAN_NAMES)[number];

/** How long a variant trains: seconds on a device, or updates where other work disturbs the clock. */
export type Budget = { readonly seconds: number; readonly on: Device } | { readonly updates: number };

/** Where variants are compared: a validation split inside the training part, or the test part. */
export type Part = { readonly fold: number } | "test";

/** Everything from which a process makes a plan again. */
export interface PlanOptions {
  readonly seeds: readonly number[];
  /** As written: `scratch`, `edge+roi=[32,32,32]`, `peer-dynunet`. */
  readonly variants: readonly string[];
  /** Numbers of labelled patients; null: all of the part. Empty: the plan's own. */
  readonly labelled: readonly (number | null)[];
  readonly budget: Budget;
  readonly part: Part;
  /** Every budget of `CURVE_SHARES` instead of the whole one. */
  readonly curve: boolean;
  /** Package of the pre-trained encoder. */
  readonly base: string;
  /** The folder `shared/data`. */
  readonly data: string;
  /** Of the pre-trainings that the variants `cmr`, `cmr+md` and `cmr+md+mcl` start from. */
  readonly pretraining: { readonly updates: number; readonly simulated: number };
  /** Interpreter of the peers. */
  readonly python: string;
  /** Few patients: everything runs, nothing is learnt. */
  readonly smoke: boolean;
}

/** Folds of a validation split. */
export const FOLDS = 5;
/** Shares of a budget at which a curve of the score over time has its points. */
export const CURVE_SHARES = [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1] as const;

const DURATION = /^(\d+(?:\.\d+)?)(s|m|h)$/;

/** Seconds of a word such as `90s`, `5m` or `1.5h`. @throws {SyntaxError} */
export function secondsOf(word: string): number {
  const found = DURATION.exec(word);
  const seconds = found === null ? 0 : Number(found[1]) * { s: 1, m: 60, h: 3600 }[found[2] as "s" | "m" | "h"];
  if (seconds > 0) return seconds;
  throw new SyntaxError(`expected a time such as 90s, 5m or 1h, got ${word}`);
}

/** `5m`, `90s`, `300 updates`, as file names have it. */
export function budgetName(budget: Budget): string {
  if ("updates" in budget) return `${budget.updates}u`;
  const { seconds } = budget;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${Math.round(seconds)}s`;
}

/** The parts of a list that commas separate, outside brackets and quotes: `a,b+roi=[1,2]` has two. */
export function listOf(words: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const letter of words) {
    if ("[{".includes(letter)) depth++;
    if ("]}".includes(letter)) depth--;
    if (letter === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += letter;
  }
  return parts.map((p) => p.trim()).filter((p) => p !== "");
}

/** Budgets of a curve, or the one budget. */
export function budgetsOf({ budget, curve }: Pick<PlanOptions, "budget" | "curve">): Budget[] {
  if (!curve) return [budget];
  return CURVE_SHARES.map((share) =>
    "updates" in budget
      ? { updates: Math.max(1, Math.round(budget.updates * share)) }
      : { ...budget, seconds: Math.round(budget.seconds * share) }
  );
}
