/**
 * Decides on the first fold whether the base's weights and templates help: short trainings of the variants for the same
 * time each, scored on the patients that they did not see. Where the time does not suffice, the rules of planning stand.
 */
import type { ModelSpec } from "../../inference/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import type { Fold, Traits } from "../data/folds.ts";
import type { CaseVolumes } from "../data/labelled_case.ts";
import type { Durations } from "../planning/time.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { familyOf } from "../../nets/mod.ts";
import { warmupFor } from "../recipe/finetuning.ts";
import { summarize } from "../report/summary.ts";
import { type PhaseResult, Phases } from "./phases/phases.ts";
import { type Trainable, trainable } from "./network/trainable.ts";
import type { FinetuneRequest } from "./types.ts";

export interface PilotsOptions {
  readonly request: FinetuneRequest;
  /** Its updates are put in the place of those that the time decides. */
  readonly recipe: ResolvedRecipe;
  readonly spec: ModelSpec;
  readonly network: Trainable;
  readonly cases: CaseStore<CaseVolumes>;
  readonly traits: readonly Traits[];
  /** All that are planned. */
  readonly folds: readonly Fold[];
}

/** A way to start and to train. */
export interface Variant {
  readonly name: "pre-trained" | "scratch" | "pre-trained with templates";
  readonly base: ResolvedRecipe["base"];
  readonly templates: boolean;
}

export interface Piloted extends Variant {
  readonly network: Trainable;
  readonly result: PhaseResult;
}

/** The most of a job's time that pilots may take. */
const SHARE = 0.15;
/** After fewer updates, the scores of variants say nothing. */
const LEAST_UPDATES = 300;
/** A variant must be better than the base without templates by this much Dice or accuracy. */
const LEAST_GAIN = 0.01;
/** Below it, scores are those of networks that do not find anything yet. */
const LEAST_SCORE = 0.05;

/** The variants that a recipe leaves open; fewer than two: nothing is to be decided. */
export function openVariants(
  { base, templates }: { readonly base?: string | undefined; readonly templates?: unknown },
  { mayScratch, rulesWantTemplates }: { readonly mayScratch: boolean; readonly rulesWantTemplates: boolean },
): readonly Variant[] {
  const isFree = (choice: unknown) => choice === undefined || choice === "auto";
  if (!isFree(base)) return [];
  const asked = isFree(templates) ? rulesWantTemplates : templates === true;
  return [
    ...(asked && !isFree(templates) ? [] : [{ name: "pre-trained", base: "use", templates: false } as const]),
    ...(asked ? [{ name: "pre-trained with templates", base: "use", templates: true } as const] : []),
    ...(mayScratch ? [{ name: "scratch", base: "scratch", templates: false } as const] : []),
  ];
}

/** Updates of one pilot in one view; null: pilots do not fit into the time. */
export function pilotUpdates(
  { update, start, score }: Durations,
  { seconds, variants, fold }: { readonly seconds: number; readonly variants: number; readonly fold: Fold },
): number | null {
  const slot = SHARE * seconds / variants - start - fold.held.length * score;
  const updates = Math.floor(slot / update);
  return updates < LEAST_UPDATES ? null : updates;
}

export interface Decision {
  readonly chosen: Piloted;
  /** Sentences for users, with the figures of all. */
  readonly reasons: readonly string[];
}

/** The variant that pilots speak for; of equals, the base without templates. */
export function decide(piloted: readonly Piloted[], classes: readonly string[]): Decision {
  const scored = piloted.map((pilot) => ({ pilot, score: scoreOf(pilot, classes), loss: lossOf(pilot) }));
  const [first] = scored;
  const isEarly = scored.every(({ score }) => score < LEAST_SCORE);
  const gain = (s: typeof first) =>
    isEarly ? (first.loss - s.loss) / Math.max(first.loss, 1e-9) : s.score - first.score;
  const best = scored.reduce((a, b) => gain(b) > gain(a) ? b : a);
  const chosen = gain(best) >= LEAST_GAIN ? best : first;
  const figures = scored.map(({ pilot: { name, result }, score, loss }) =>
    `${name} ${score.toFixed(3)} after ${result.losses.length} updates (loss ${loss.toFixed(3)})`
  ).join(", ");
  const by = isEarly ? "no variant finds anything yet, so the losses in training decide" : "the held-out scores decide";
  return {
    chosen: chosen.pilot,
    reasons: [`Pilots on the first fold, the same time each: ${figures}. ${capital(by)}: ${chosen.pilot.name}.`],
  };
}

const capital = (text: string) => text[0].toUpperCase() + text.slice(1);

function scoreOf({ result: { scores } }: Piloted, classes: readonly string[]): number {
  const { metrics: { pooledDice, dice, accuracy } } = summarize(scores, classes);
  return dice ?? pooledDice ?? accuracy ?? 0;
}

/** Mean loss of the last tenth of the updates. */
function lossOf({ result: { losses } }: Piloted): number {
  const last = losses.slice(-Math.max(1, Math.floor(losses.length / 10)));
  return last.reduce((a, b) => a + b, 0) / last.length;
}

/** How a fine-tune goes on: by what the pilots showed, or as the recipe has it. */
export interface PilotsOutcome {
  readonly recipe: ResolvedRecipe;
  readonly network: Trainable;
  readonly durations: Durations;
  readonly phases: readonly PhaseResult[];
  /** Seconds of the pilots that earlier calls finished. */
  readonly secondsBefore: number;
  readonly reasons: readonly string[];
}

/** Runs the pilots of what the recipe leaves open, where they fit into the time. @throws as `train()` */
export async function runPilots(
  { request, recipe, spec, network, cases, traits, folds: [fold] }: PilotsOptions,
  { durations, seconds }: { readonly durations: Durations; readonly seconds: number },
): Promise<PilotsOutcome> {
  const asIs = { recipe, network, durations, phases: [], secondsBefore: 0, reasons: [] };
  const variants = openVariants(request.recipe, {
    mayScratch: familyOf(request.base.spec.architecture.kind).graph !== "file",
    rulesWantTemplates: recipe.templates,
  });
  if (fold === undefined || recipe.keepHead || variants.length < 2) return asIs;
  const oneView = { ...durations, update: durations.update / (recipe.templates ? 2 : 1) };
  const updates = pilotUpdates(oneView, { seconds, variants: variants.length, fold });
  if (updates === null) {
    const reason = `No pilots of ${
      variants.map(({ name }) => name).join(", ")
    }: fewer than ${LEAST_UPDATES} updates of each fit ` +
      `into ${100 * SHARE} % of the time. The base's weights are used, ${
        recipe.templates ? "with" : "without"
      } templates.`;
    return { ...asIs, reasons: [reason] };
  }
  const piloted: Piloted[] = [];
  let secondsBefore = 0;
  for (const variant of variants) {
    const { base, templates } = variant, steps = Math.ceil(updates / (templates ? 2 : 1));
    const own = { ...recipe, base, templates, steps, foldSteps: steps, warmupSteps: warmupFor(steps) };
    const of = base === "scratch" ? await trainable({ request, recipe: own, scratch: true }) : network;
    const phases = new Phases({ request, recipe: own, cases, traits, spec, steps });
    const result = await phases.run({ name: `pilot ${variant.name}`, network: of, ...fold, steps, isTimed: true });
    secondsBefore += phases.secondsBefore;
    piloted.push({ ...variant, network: of, result });
  }
  const { chosen, reasons } = decide(piloted, spec.classes);
  return {
    recipe: { ...recipe, base: chosen.base, templates: chosen.templates },
    network: chosen.network,
    durations: chosen.result.seconds ?? durations,
    phases: piloted.map(({ result }) => result),
    secondsBefore,
    reasons,
  };
}
