/**
 * The phases of a fine-tune: a training for each fold and one for the final network, each scored on cases and kept in a
 * folder of its own, so that a killed run resumes.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { type Graph } from "../../../graph/mod.ts";
import { type ModelSpec } from "../../../inference/mod.ts";
import type { Tensor } from "../../../tensor/mod.ts";
import type { CaseStore } from "../../data/case_store.ts";
import { DrawThread } from "../../data/drawing/draw_thread.ts";
import type { Fold, Traits } from "../../data/folds.ts";
import type { HalfFold } from "../../data/half_folds.ts";
import type { CaseVolumes } from "../../data/labelled_case.ts";
import { classTarget } from "../../data/labelled_cases.ts";
import type { Durations } from "../../planning/time.ts";
import { highestRate } from "../../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../../recipe/finetuning_settings.ts";
import { warmedRate } from "../../recipe/schedule.ts";
import type { Phase } from "../../report/finetuning.ts";
import { type FoundRate, rateNote, type Updates } from "../../report/updates.ts";
import { type CaseScore, scoreCases } from "../../report/scores.ts";
import { markUnlearnt, summarize } from "../../report/summary.ts";
import { phaseIdentity, type PhaseSeconds, readPhase, readRate, writePhase, writeRate } from "./phase_files.ts";
import { isOver, POOL, RANGE_UPDATES, rateFrom, testRate } from "./rate_range.ts";
import { stepConfigOf } from "./step_config.ts";
import { Stopwatch } from "./stopwatch.ts";
import { PhaseWatches } from "../watches/phase_watches.ts";
import type { Trainable } from "../network/trainable.ts";
import { stalled, train, type Trained, type TrainerOptions } from "./trainer.ts";
import { TrainingError } from "../../types.ts";
import type { FinetuneRequest } from "../types.ts";

export interface PhasesOptions {
  readonly request: FinetuneRequest;
  readonly recipe: ResolvedRecipe;
  readonly cases: CaseStore<CaseVolumes>;
  /** One entry a case. */
  readonly traits: readonly Traits[];
  readonly spec: ModelSpec;
  /** Optimizer updates of all phases together, for the estimate of the time that is left. */
  readonly steps: number;
}

export interface PhaseOptions {
  readonly name: string;
  readonly network: Trainable;
  /** Indices of the cases to train on, and of those to score. */
  readonly train: readonly number[];
  readonly held: readonly number[];
  /** Optimizer updates. */
  readonly steps: number;
  /** The recipe says neither these updates nor whom they are scored on. */
  readonly isTimed?: boolean;
  /** The cases that it scores are not trained on, and may end it early. */
  readonly isWatched?: boolean;
  /** Default: that of the other phases. Differs in how the output is read. */
  readonly spec?: ModelSpec;
  /** The phase whose weights it goes on from; absent: those of the network. */
  readonly from?: Pick<PhaseResult, "name" | "weights"> | undefined;
}

/** Where a phase keeps its files, under which key, and its messages. */
interface Kept {
  readonly directory: string;
  readonly run: string;
  readonly onLog: (message: string) => void;
}

/** All that a training and the test of its rate share. */
type Prepared = Omit<TrainerOptions, "steps" | "rateOf" | "stop" | "watchesOf" | "onStep">;

export interface PhaseResult extends Phase {
  readonly seconds?: PhaseSeconds | undefined;
  readonly weights: ReadonlyMap<string, Tensor>;
}

/** Half of the updates of a timing: the first half warms up. A device that does many a call gets a call for each half. */
const TIMED_UPDATES = 5;
const TIMED_SPAN = 25;

/** Runs the phases of one fine-tune, one after the other. */
export class Phases {
  readonly #options: PhasesOptions;
  #stepsLeft: number;
  #secondsBefore = 0;

  constructor(options: PhasesOptions) {
    this.#options = options;
    this.#stepsLeft = options.steps;
  }

  /** Seconds of the phases that earlier calls finished. */
  get secondsBefore(): number {
    return this.#secondsBefore;
  }

  /** Changes the updates that are left, for the estimate of the time. */
  expect(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** Trains without each fold's patients, scores them, and reports every fold's metrics. */
  async validate(network: Trainable, folds: readonly Fold[], name: string): Promise<PhaseResult[]> {
    const { request, recipe, spec } = this.#options;
    const results: PhaseResult[] = [];
    for (const [i, fold] of folds.entries()) {
      const phase = {
        name: `${name} ${i + 1} of ${folds.length}`,
        network,
        ...fold,
        steps: recipe.foldSteps,
        isWatched: true,
      };
      const result = await this.run(phase);
      results.push(result);
      const { metrics, reasons } = summarize(result.scores, spec.classes);
      request.onEvent({ type: "validation", fold: i + 1, folds: folds.length, metrics });
      for (const reason of reasons) request.onEvent({ type: "log", message: `${phase.name}: ${reason}` });
    }
    return results;
  }

  /** Trains twins of the first folds on half of their patients, for the curve of the score over their number. */
  async learn(network: Trainable, twins: readonly HalfFold[], folds: number): Promise<PhaseResult[]> {
    const results: PhaseResult[] = [];
    for (const [i, { trainPatients, ...fold }] of twins.entries()) {
      const name = `half of fold ${i + 1} of ${folds}`;
      const steps = this.#options.recipe.foldSteps;
      results.push({ ...await this.run({ name, network, ...fold, steps, isWatched: true }), trainPatients });
    }
    return results;
  }

  /** Trains on `train`, scores `held`; reads the result back where an earlier call finished the phase. */
  async run(phase: PhaseOptions): Promise<PhaseResult> {
    const { request, recipe, traits } = this.#options;
    const { name, train, held, steps, isTimed = false, spec = this.#options.spec, from } = phase;
    const network = from === undefined ? phase.network : startingFrom(phase.network, from.weights);
    const seen = new Set(train.flatMap((i) => [...traits[i]]));
    const marked = <T extends Pick<Phase, "scores">>(finished: T) => ({
      ...finished,
      scores: markUnlearnt(finished.scores, { trained: seen, classes: spec.classes }),
    });
    const directory = join(request.workDirectory, name.replaceAll(/[^a-z0-9]+/g, "-"));
    const identity = phaseIdentity({ request, recipe, spec }, {
      indices: train,
      ...(isTimed && { steps, scored: held }),
      ...(from !== undefined && { from: from.name }),
    });
    const onLog = (message: string) => request.onEvent({ type: "log", message: `${name}: ${message}` });
    const known = await readPhase(directory, { identity, onLog });
    this.#stepsLeft -= steps;
    if (known !== null) {
      this.#secondsBefore += known.seconds?.total ?? 0;
      return marked({ name, ...known });
    }
    const start = performance.now();
    const { times, ...trained } = await this.#train({ ...phase, network }, { directory, run: identity, onLog });
    const scoring = performance.now();
    const scores = await this.score({ network, held, spec, weights: trained.weights });
    const end = performance.now();
    const seconds = {
      ...times,
      score: (end - scoring) / 1000 / Math.max(held.length, 1),
      total: (end - start) / 1000,
    };
    await writePhase(directory, { identity, ...trained, seconds, scores });
    return marked({ name, ...trained, seconds, scores });
  }

  /** Trains by the recipe's rate, or finds one first. */
  async #train(phase: PhaseOptions, kept: Kept): Promise<TimedTraining> {
    const { recipe, request } = this.#options;
    const { name, train: indices, steps } = phase;
    const watches = await PhaseWatches.of(phase, { ...this.#options, task: request.task });
    using crops = this.#crops(phase);
    const options = this.#prepared(phase, kept, crops);
    const found = recipe.learningRate === "auto" ? await this.#findRate(options) : null;
    const learningRate = recipe.learningRate === "auto" ? found!.rate : recipe.learningRate;
    const { earlyStopSteps, warmupSteps: warmup } = recipe;
    const rateOf = (step: number) => warmedRate(learningRate, step, { warmup, steps });
    const later = this.#stepsLeft, watch = new Stopwatch();
    const trained = await train({
      ...options,
      steps,
      reestimate: recipe.norm === "re-estimated",
      rateOf: (step) => watches.rate(rateOf, step),
      stop: earlyStopSteps === null ? undefined : (losses) => stalled(losses, earlyStopSteps),
      watchesOf: () => watches.on(options, crops),
      onStep: ({ step, loss, learningRate, secondsPerUpdate }) => {
        watch.lap();
        request.onEvent({
          type: "progress",
          step,
          steps,
          epoch: Math.floor(step * recipe.batchSize / indices.length),
          loss,
          learningRate,
          etaSeconds: Math.round((watches.end - step + later) * secondsPerUpdate),
          phase: name,
        });
      },
    });
    const seen = watches.seen();
    if (typeof seen.watched?.stopped === "string") kept.onLog(seen.watched.stopped);
    return { ...trained, learningRate, found, ...seen, times: watch.times() };
  }

  /** The durations of a phase on this device, by some updates of a copy that is forgotten, and the scoring of one case. */
  async measure(phase: Pick<PhaseOptions, "network" | "train">): Promise<Durations> {
    const { request } = this.#options;
    const directory = join(request.workDirectory, "timing");
    const kept = { directory, run: "timing", onLog: () => {} };
    const { spanBytes } = request.engine.traits, watch = new Stopwatch();
    const count = spanBytes > 0 ? TIMED_SPAN : TIMED_UPDATES;
    const timed = { ...phase, name: "timing", held: [], steps: 2 * count };
    using crops = this.#crops(timed);
    await train({
      ...this.#prepared(timed, kept, crops),
      steps: 2 * count,
      checkpointEverySteps: spanBytes > 0 ? count : 2 * count + 1,
      rateOf: () => 0,
      onStep: () => watch.lap(),
    });
    const scoring = performance.now(), { network, train: indices } = phase;
    await this.score({ network, held: indices.slice(0, 1) });
    await rm(directory, { recursive: true, force: true });
    return { ...watch.times(), score: (performance.now() - scoring) / 1000 };
  }

  /** Scores a network with some weights; default: those that it starts with. */
  async score(
    { network, held, spec = this.#options.spec, weights = network.network.constants }:
      & Pick<PhaseOptions, "network" | "held" | "spec">
      & {
        readonly weights?: ReadonlyMap<string, Tensor>;
      },
  ): Promise<CaseScore[]> {
    const { request: { engine, cases: files, signal }, cases } = this.#options;
    const labelOf = (i: number) => files[i].label;
    return await scoreCases({
      engine,
      network: network.inference(weights),
      spec,
      cases,
      labelOf,
      indices: held,
      ...(signal && { signal }),
    });
  }

  /** The rate of a phase: from its folder, or by a test on a clone of the state, which is then forgotten. */
  async #findRate(options: Prepared): Promise<FoundRate> {
    const { directory, run: identity, onLog, sample } = options;
    const { recipe, request } = this.#options;
    const known = await readRate(directory, identity);
    if (known !== null) return known;
    let losses: readonly number[] = [];
    onLog(`Looks for a learning rate by up to ${RANGE_UPDATES} updates on a copy of the network`);
    try {
      await train({
        ...options,
        directory: join(directory, "rate"),
        run: `${identity} rate`,
        steps: RANGE_UPDATES,
        rateOf: testRate,
        stop: (all) => isOver(losses = [...all]),
        sample: (step, i) => sample(step % POOL, i),
        onStep: () => {},
      });
    } catch (error) {
      const isEnd = error instanceof TrainingError && error.code === "diverged" && losses.length >= POOL;
      if (!isEnd) throw error;
      losses = [...losses, Infinity];
    }
    const found = rateFrom(losses, { highest: highestRate(recipe, request.task) });
    onLog(rateNote(found));
    await writeRate(directory, { identity, found });
    return found;
  }

  /** The thread that draws a phase's crops. It keeps the cases in memory meanwhile, instead of this one. */
  #crops({ name, train: indices }: PhaseOptions): DrawThread {
    const { request, recipe, cases, spec } = this.#options;
    cases.clear();
    const classTargets = request.cases.map((_, i) => classTarget({ cases: request.cases, spec }, i));
    const groups = sampledGroups(indices, { request, recipe });
    return new DrawThread({ recipe, seed: recipe.seed, name, groups }, {
      paths: cases.files,
      classTargets,
      ...(request.cacheBytes !== undefined && { cacheBytes: request.cacheBytes }),
    });
  }

  #prepared({ network }: PhaseOptions, kept: Kept, crops: DrawThread): Prepared {
    const { request, recipe } = this.#options;
    return {
      ...kept,
      engine: request.engine,
      network: network.network,
      networkOf: network.networkOf,
      step: stepConfigOf(network, { task: request.task, recipe }),
      batchSize: recipe.batchSize,
      checkpointEverySteps: recipe.checkpointEverySteps,
      sample: (step, i) => crops.draw({ step, i }),
      drawsElsewhere: true,
      signal: request.signal,
    };
  }
}

interface TimedTraining extends Trained, Pick<Updates, "learningRate" | "found" | "watched" | "hardLooks"> {
  readonly times: Pick<PhaseSeconds, "start" | "update">;
}

/** The same network with other start weights. */
function startingFrom(network: Trainable, weights: ReadonlyMap<string, Tensor>): Trainable {
  const { networkOf } = network;
  const changed = (graph: Graph): Graph => ({
    ...graph,
    constants: new Map([...graph.constants].map(([key, own]) => [key, weights.get(key) ?? own])),
  });
  return {
    ...network,
    network: changed(network.network),
    ...(networkOf !== undefined && { networkOf: (crops) => changed(networkOf(crops)) }),
  };
}

/** Groups of cases with equal chances to be drawn from: one a class, or all cases together. */
export function sampledGroups(
  indices: readonly number[],
  { request: { task, cases }, recipe }: {
    request: Pick<FinetuneRequest, "task" | "cases">;
    recipe: Pick<ResolvedRecipe, "balancedClasses">;
  },
): readonly (readonly number[])[] {
  if (task !== "classification" || !recipe.balancedClasses) return [indices];
  return [...Map.groupBy(indices, (i) => cases[i].className).values()];
}
