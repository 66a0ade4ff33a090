/** How the updates of a training went: its rate, its losses, and the norms of its gradients. */
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

/** The result of a test, with its figures. */
export interface FoundRate {
  readonly rate: number;
  /** The mean losses of the first crops, and of them where it was lowest, with its rate. */
  readonly firstLoss: number;
  readonly lowestLoss: number;
  readonly lowestAt: number;
  /** The rate at which the loss diverged; null: it did not. */
  readonly divergedAt: number | null;
  /** Updates of the test. */
  readonly updates: number;
}

/** What looking at crops of held-out patients showed on the way. */
export interface Watched {
  /** Their score after so many updates: the labels' mean soft Dice, or the mean probability of the right class. */
  readonly heldOut: readonly { readonly step: number; readonly score: number }[];
  /** Why the training ended early; null: it was trained to its end. */
  readonly stopped: string | null;
  /** Share of its time that looking took. */
  readonly share: number;
}

export interface Updates {
  /** Loss of every update. */
  readonly losses: readonly number[];
  /** Norm of every update's gradient, −1 of one that was skipped; empty where they are not measured. */
  readonly norms: readonly number[];
  /** The rate after the warm-up. */
  readonly learningRate: number;
  /** null: the rate was given. */
  readonly found: FoundRate | null;
  /** Share of the time that the device waited for samples; absent of phases finished before it was measured. */
  readonly waitShare?: number;
  /** Absent: nobody looked. */
  readonly watched?: Watched | undefined;
  /** Looks for crops in which the network errs, and the share of the time that they took. */
  readonly hardLooks?: { readonly looks: number; readonly share: number } | undefined;
}

/** How often gradients were clipped and updates skipped. */
export function normCounts({ norms }: Pick<Updates, "norms">, clipNorm: number) {
  return {
    clipped: norms.filter((norm) => norm > clipNorm).length,
    skipped: norms.filter((norm) => norm < 0).length,
    largestNorm: Math.max(0, ...norms),
  };
}

/** A sentence for users about a rate. */
export function rateNote({ rate, firstLoss, lowestLoss, lowestAt, divergedAt, updates }: FoundRate): string {
  const short = (v: number) => v.toPrecision(2);
  return `Learning rate ${short(rate)}, found by ${updates} updates with growing rates: the loss ` +
    `was ${short(firstLoss)} at first, ${short(lowestLoss)} at ${short(lowestAt)}` +
    (divergedAt === null ? "" : `, and diverged at ${short(divergedAt)}`);
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** Sentences for users about the updates of every phase. */
export function updateNotes(
  phases: readonly (Updates & { readonly name: string })[],
  { warmupSteps, clipNorm, hardCrops }: Pick<ResolvedRecipe, "warmupSteps" | "clipNorm" | "hardCrops">,
): string[] {
  const counts = phases.flatMap((phase) => clipNorm === null ? [] : [normCounts(phase, clipNorm)]);
  const total = (name: "clipped" | "skipped") => counts.reduce((sum, c) => sum + c[name], 0);
  const updates = phases.reduce((sum, { norms }) => sum + norms.length, 0);
  const skipped = total("skipped");
  const watches = phases.flatMap(({ name, watched }) => watched === undefined ? [] : [{ name, ...watched }]);
  const waits = phases.flatMap(({ waitShare }) => (waitShare === undefined ? [] : [waitShare]));
  return [
    ...(waits.length === 0
      ? []
      : [`The device waited for samples during at most ${percent(Math.max(...waits))} of a training's time.`]),
    ...(watches.length === 0 ? [] : [
      `Looking at crops of held-out patients took at most ${percent(Math.max(...watches.map((w) => w.share)))} of a ` +
      "training's time.",
    ]),
    ...watches.flatMap(({ name, stopped }) => stopped === null ? [] : [`${name}: ${stopped}`]),
    ...hardNotes(phases, hardCrops),
    ...phases.flatMap(({ name, found }) => found === null ? [] : [`${name}: ${rateNote(found)}.`]),
    ...(warmupSteps > 0 ? [`The rate rose over the first ${warmupSteps} updates.`] : []),
    ...(clipNorm === null ? [] : [
      `Gradients were clipped to a norm of ${clipNorm} in ${total("clipped")} of ${updates} updates; the largest was ` +
      `${Math.max(0, ...counts.map((c) => c.largestNorm)).toPrecision(2)}.`,
    ]),
    ...(skipped > 0
      ? [
        `${skipped} of ${updates} updates ${
          skipped === 1 ? "was skipped: its gradient was" : "were skipped: their gradients were"
        } not finite.`,
      ]
      : []),
  ];
}

/** Whether crops were drawn where the network errs. */
function hardNotes(phases: readonly Updates[], share: number): string[] {
  if (share === 0) return [];
  const looks = phases.flatMap(({ hardLooks }) => hardLooks === undefined ? [] : [hardLooks]);
  if (looks.length === 0) return ["No crops were drawn where the network errs: every training was too short to look."];
  const few = looks.length < phases.length
    ? `, in ${looks.length} of ${phases.length} trainings; others were too short`
    : "";
  return [
    `${
      percent(share)
    } of the crops lay near those in which the network erred most at the last looks${few}. Looking took ` +
    `at most ${percent(Math.max(...looks.map((l) => l.share)))} of a training's time.`,
  ];
}
