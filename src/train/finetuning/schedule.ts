/**
 * Gives the phases of a fine-tune their updates: as the recipe counts them, or as many as fit into its time. What is
 * measured and decided is kept in the work folder, so that a resumed run keeps its updates and its trajectory.
 */
import type { Fold } from "../data/folds.ts";
import { kept } from "../planning/kept_time.ts";
import { withTime } from "../planning/with_time.ts";
import { type Durations, finalSteps } from "../planning/time.ts";
import { budgetOf } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { type PilotsOptions, runPilots } from "./pilots.ts";
import { phaseIdentity } from "./phases/phase_files.ts";
import { type PhaseOptions, type PhaseResult, Phases } from "./phases/phases.ts";
import type { Trainable } from "./network/trainable.ts";
import type { FinetuneRequest } from "./types.ts";

/** The time that a job has taken in this process. */
export class Clock {
  readonly #start = performance.now();

  get seconds(): number {
    return (performance.now() - this.#start) / 1000;
  }
}

export interface ScheduleOptions extends PilotsOptions {
  readonly clock: Clock;
}

export interface Schedule {
  readonly recipe: ResolvedRecipe;
  /** The network that is trained, and the trainings that decided for it. */
  readonly network: Trainable;
  readonly pilots: readonly PhaseResult[];
  /** Expected time of the whole job; null where updates are counted. */
  readonly seconds: number | null;
  readonly durations: Durations | null;
  /** Folds that are trained, with their twins. */
  readonly folds: number;
  readonly reasons: readonly string[];
  /** The updates of the final network and the cases that it is scored on, once the folds are done. */
  readonly final: (phases: Phases, folds: readonly PhaseResult[]) => Promise<FinalPhase>;
}

type FinalPhase = Pick<PhaseOptions, "steps" | "held" | "isTimed">;

/** The schedule of a fine-tune. @throws as `train()` */
export async function schedule(options: ScheduleOptions): Promise<Schedule> {
  const { clock, request, recipe: fitting, spec, network, cases, traits, folds } = options;
  const all = request.cases.map((_, i) => i);
  const minutes = budgetOf(request.recipe);
  if (minutes === null) {
    const final = () => Promise.resolve({ steps: fitting.steps, held: all });
    const count = Math.min(fitting.foldsRun ?? folds.length, folds.length);
    const trained = count + Math.min(fitting.halfFolds, count);
    return { recipe: fitting, network, pilots: [], seconds: null, durations: null, folds: trained, reasons: [], final };
  }
  const log = (message: string) => request.onEvent({ type: "log", message });
  const key = phaseIdentity({ request, recipe: fitting, spec }, { indices: all });
  const { durations, left } = await kept(request.workDirectory, { name: "durations", key }, async () => {
    log("Measures the time of an update on this device");
    const phases = new Phases({ request, recipe: fitting, cases, traits, spec, steps: 0 });
    const durations = await phases.measure({ network, train: folds[0]?.train ?? all });
    return { durations, left: 60 * minutes - clock.seconds };
  });
  const piloted = await runPilots(options, { durations, seconds: left });
  const { left: rest } = await kept(
    request.workDirectory,
    { name: "pilots", key },
    () =>
      Promise.resolve({
        left: piloted.phases.length === 0 ? left : 60 * minutes - clock.seconds - piloted.secondsBefore,
      }),
  );
  const timed = withTime(piloted.recipe, {
    wished: request.recipe,
    task: request.task,
    cases: request.cases,
    durations: piloted.durations,
    seconds: rest,
  });
  const reasons = [...piloted.reasons, ...timed.reason];
  reasons.forEach(log);
  const { recipe, allotment } = timed;
  return {
    recipe,
    network: piloted.network,
    pilots: piloted.phases,
    seconds: 60 * minutes - rest + allotment.seconds,
    durations: piloted.durations,
    folds: allotment.foldsRun + allotment.halves,
    reasons,
    final: async (phases, held) => {
      const { steps } = await kept(request.workDirectory, { name: "final", key }, () => {
        const measured = longest(held) ?? piloted.durations;
        const seconds = 60 * minutes - clock.seconds - phases.secondsBefore;
        const budgetSeconds = 60 * minutes, scored = allotment.scored;
        return Promise.resolve({ steps: finalSteps({ ...measured, seconds, budgetSeconds, scored }) });
      });
      if (steps !== recipe.steps) {
        log(`The final network gets ${steps} updates instead of ${recipe.steps}, by the time that the folds took`);
      }
      phases.expect(steps);
      return { steps, held: evenly(all, allotment.scored), isTimed: true };
    },
  };
}

/** The durations of the phase with most updates; null where none was timed. */
function longest(phases: readonly PhaseResult[]): Durations | null {
  const timed = phases.filter(({ losses, seconds }) => seconds !== undefined && losses.length > 1);
  if (timed.length === 0) return null;
  return timed.reduce((a, b) => b.losses.length > a.losses.length ? b : a).seconds ?? null;
}

/** `count` of the indices, spread evenly. */
function evenly(indices: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, k) => indices[Math.floor(k * indices.length / count)]);
}

/** Sentences about folds that were planned and not trained, and about folds with fewer updates than the final network. */
export function foldsRunNotes(
  { folds, planned, request, recipe }: {
    readonly folds: readonly Fold[];
    readonly planned: number;
    readonly request: Pick<FinetuneRequest, "cases">;
    readonly recipe: ResolvedRecipe;
  },
): string[] {
  const few = recipe.budgetMinutes !== null && recipe.steps < FEW_UPDATES
    ? [`Only ${recipe.steps} updates of the final network fit into the time: expect little of it, and give it more.`]
    : [];
  if (folds.length === 0) {
    if (planned === 0) return few;
    return [
      ...few,
      "No patient was held out: a fold would have taken most of the time. More time measures the result.",
    ];
  }
  const patientsOf = (indices: readonly number[]) => new Set(indices.map((i) => request.cases[i].patient)).size;
  const held = patientsOf(folds.flatMap((fold) => fold.held)), all = patientsOf(request.cases.map((_, i) => i));
  const share = recipe.foldSteps / recipe.steps;
  return [
    ...few,
    ...(folds.length < planned
      ? [
        `Held out ${held} of ${all} patients: ${folds.length} of ${planned} planned folds fitted into the time. More ` +
        "time, or fewer folds, measure on more patients.",
      ]
      : []),
    ...(share < LOW_SHARE
      ? [
        `Its folds had ${
          Math.round(100 * share)
        } % of the final network's updates: their figures are a lower bound, and the ` +
        "final network is probably better than they say.",
      ]
      : []),
  ];
}

/** A sentence where the final network is scored on some of its training cases only. */
export function scoredNotes(scored: number, cases: number): string[] {
  if (scored >= cases) return [];
  return [
    `Figures of training cases are of ${scored} of ${cases}, spread evenly: scoring all would take too much of the time.`,
  ];
}

/** Networks with fewer updates have hardly begun to learn. */
const FEW_UPDATES = 100;

/** Folds with less than this share of the final network's updates say too little. */
const LOW_SHARE = 0.4;
