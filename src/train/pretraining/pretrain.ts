/**
 * Pre-training from end to end: prepare cases, train encoder, decoder and templates, write the package's files. The step
 * is in `pretraining_step.ts`, the loop in `loop.ts`.
 */
import { mkdir, readdir, readFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import type { Engine } from "../../engine/mod.ts";
import { encodeModel, type Graph } from "../../graph/mod.ts";
import { Random, type Tensor, tensor } from "../../tensor/mod.ts";
import {
  BRAINMVP_PREPROCESSING,
  MODALITIES,
  type Modality,
  type ModelSpec,
  writeTemplate,
} from "../../inference/mod.ts";
import { buildNetwork, initialWeights, isBuffer, parametersOf } from "../../nets/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import type { CaseCache } from "../data/case_cache.ts";
import { writeWhole } from "../../storage/mod.ts";
import { leastAfter, memoryBudget, withinMemory } from "../loop/fit.ts";
import {
  compiled,
  type CompileOptions,
  type MicroBatch,
  type Program,
  runLoop,
  type StateTensor,
} from "../loop/loop.ts";
import { openPretrainingCases, type PretrainingVolumes } from "../data/unlabelled_cases.ts";
import { cosineRate, Schedule } from "../recipe/schedule.ts";
import type { ResolvedBrainmvp } from "./brainmvp/settings.ts";
import { resolvePretraining } from "./methods.ts";
import { pretrainingHtml, pretrainingJson, type PretrainingReport, type Snapshot } from "../report/pretraining.ts";
import { drawPretrainingSample, grouped, meanPredictorError, sampleFeeds } from "../data/pretraining_sample.ts";
import { PRETRAINING_LOSSES, pretrainingStep } from "../step/pretraining_step.ts";
import { meanOf, templateMiddle, type Templates, templatesPng } from "./templates.ts";
import type { PretrainRequest, PretrainResult } from "./types.ts";
import { rateFeeds, startState, zeros, zeroState } from "../finetuning/trainer.ts";
import { type Metrics, type PretrainingCase, TrainingError } from "../types.ts";

/**
 * Pre-trains an encoder and writes the package's files to `request.outputDirectory`.
 * @throws {TrainingError} data or recipe cannot be used, the run was cancelled or diverged
 * @throws {EngineError} the device failed; calling again goes on from the last checkpoint
 */
export async function pretrain(request: PretrainRequest): Promise<PretrainResult> {
  const { engine, workDirectory, onEvent } = request;
  const log = (message: string) => onEvent({ type: "log", message });
  const all = checkCases(request.cases);
  const recipe = resolvePretraining(request.recipe, all.length);
  const cases = recipe.maxCases === null ? all : all.slice(0, recipe.maxCases);
  const modalities = MODALITIES.filter((m) => cases.some((c) => c.images[m] !== undefined));
  log(`${cases.length} cases with ${modalities.join(", ")}; ${recipe.steps} updates`);
  const volumes = await openPretrainingCases({
    cases,
    recipe,
    directory: join(workDirectory, "cases"),
    onCase: (done, total) => {
      log(`Prepared case ${done} of ${total}`);
      if (request.signal?.aborted) throw new TrainingError("cancelled", "The pre-training was cancelled");
    },
  });
  const clock = { start: performance.now(), first: -1 };
  const { steps } = recipe;
  const memory = { forms: leastAfter(memoryBudget(engine.traits)), onLog: log };
  const { trainer, state, curves } = await withinMemory(engine, memory, async (budgetBytes) => {
    const trainer = new Pretrainer({
      recipe,
      volumes,
      modalities,
      compile: { device: engine, budgetBytes, onLog: log },
    });
    return {
      trainer,
      ...await runLoop({
        engine,
        title: "pre-training",
        state: trainer.state,
        curves: PRETRAINING_LOSSES,
        steps,
        checkpointEverySteps: recipe.checkpointEverySteps,
        directory: workDirectory,
        run: identityOf(recipe, cases),
        update: (step) => trainer.update(step),
        signal: request.signal,
        onLog: log,
        onStep: async ({ step, learningRate, values: { loss, ...losses } }) => {
          if (clock.first < 0) Object.assign(clock, { first: step, start: performance.now() });
          const perStep = (performance.now() - clock.start) / Math.max(step - clock.first, 1);
          if (SNAPSHOTS.some((share) => Math.max(1, Math.round(share * steps)) === step)) {
            await saveSnapshot(
              workDirectory,
              step,
              templatesPng(await trainer.templates(engine), recipe.templates.sizeVox),
            );
          }
          const etaSeconds = Math.round((steps - step) * perStep / 1000);
          const epoch = trainer.schedule.epochOf(trainer.schedule.stepsOf(step - 1).last);
          onEvent({
            type: "progress",
            step,
            steps,
            epoch,
            loss,
            losses,
            learningRate,
            etaSeconds,
            phase: "pre-training",
          });
        },
      }),
    };
  });

  const templates: Templates = new Map(modalities.map((m) => [m, state.get(`template/${m}`)!.data as Float32Array]));
  const centres = await centresOf(volumes);
  const report: PretrainingReport = {
    recipe,
    modalities,
    cases: cases.map((c) => MODALITIES.filter((m) => c.images[m] !== undefined)),
    curves,
    snapshots: await readSnapshots(workDirectory),
    provider: engine.provider,
    peakBytes: await engine.peakBytes(),
  };
  const metrics = metricsOf(curves);
  await writeOutput(request.outputDirectory, {
    network: trainer.inference(state),
    templates,
    middleMm: templateMiddle(centres),
    report,
    metrics,
  });
  return {
    spec: specOf(recipe, modalities),
    metrics,
    resolvedRecipe: { ...recipe },
    provider: engine.provider,
    peakBytes: report.peakBytes,
  };
}

/** Shares of the training after which the templates are drawn. */
const SNAPSHOTS = [0.02, 0.1, 0.3, 1];

function checkCases(cases: readonly PretrainingCase[]): readonly PretrainingCase[] {
  const fail = (text: string): never => {
    throw new TrainingError("invalid-data", `Cannot pre-train: ${text}`);
  };
  if (cases.length === 0) fail("expected at least one case, got none");
  cases.forEach(({ images }, i) => {
    const unknown = Object.keys(images).find((m) => !(MODALITIES as readonly string[]).includes(m));
    if (unknown !== undefined) fail(`case ${i + 1}: expected modalities among ${MODALITIES.join(", ")}`);
    if (Object.keys(images).length === 0) fail(`case ${i + 1}: expected at least one image, got none`);
  });
  return cases;
}

/** What decides the weights that a run ends with. */
function identityOf(recipe: ResolvedBrainmvp, cases: readonly PretrainingCase[]): string {
  return createHash("sha256").update(JSON.stringify([recipe, cases])).digest("hex");
}

async function centresOf(volumes: CaseCache<PretrainingVolumes>) {
  const found: PretrainingVolumes["centreMm"][] = [];
  for (let i = 0; i < volumes.length; i++) found.push((await volumes.get(i)).centreMm);
  return found;
}

/** The network, the templates and what every update is fed. */
class Pretrainer {
  readonly schedule: Schedule;
  readonly state: ReadonlyMap<string, StateTensor>;
  readonly #recipe: ResolvedBrainmvp;
  readonly #volumes: CaseCache<PretrainingVolumes>;
  readonly #modalities: readonly Modality[];
  readonly #random: Random;
  readonly #network: Graph;
  readonly #weights: ReadonlyMap<string, Tensor>;
  readonly #programs = new Map<string, Program>();
  readonly #compile: CompileOptions;
  #order: { epoch: number; cases: number[] } = { epoch: -1, cases: [] };

  constructor(
    { recipe, volumes, modalities, compile }: {
      recipe: ResolvedBrainmvp;
      volumes: CaseCache<PretrainingVolumes>;
      modalities: readonly Modality[];
      compile: CompileOptions;
    },
  ) {
    const { network, seed, batch: { size }, roi } = recipe;
    this.#recipe = recipe;
    this.#volumes = volumes;
    this.#compile = compile;
    this.#modalities = modalities;
    this.#random = new Random(seed).fork("pre-training");
    this.schedule = new Schedule(recipe, volumes.length);
    this.#weights = initialWeights(network, { seed });
    this.#network = buildNetwork(network, {
      input: [2 * size, 1, ...roi],
      weights: this.#weights,
      outputs: "training",
    });
    const program = this.#program([size], true, compile.onLog);
    const own = [...startState(program, this.#network)].filter(([name]) => !isOfTemplate(name));
    const shape = recipe.templates.sizeVox;
    const prefixes = ["m/", "v/", ...(this.#accumulates ? ["sum/"] : [])];
    const templates = modalities.flatMap((m): [string, StateTensor][] => [
      [`template/${m}`, { shape, start: () => this.#startOf(m) }],
      ...prefixes.map((p): [string, StateTensor] => [`${p}template/${m}`, zeroState(`${p}template/${m}`, shape)]),
    ]);
    this.state = new Map([...own, ...templates]);
  }

  get #accumulates(): boolean {
    const { replicas, accumulation } = this.#recipe.batch;
    return replicas * accumulation > 1;
  }

  async #startOf(modality: Modality): Promise<Tensor> {
    const { templates, spacingMm } = this.#recipe;
    if (templates.start === "zero") return zeros(templates.sizeVox);
    const mean = await meanOf(modality, this.#volumes, { spacingMm, templates });
    return tensor("float32", templates.sizeVox, mean);
  }

  /** The graph for so many samples of each selected template. */
  #program(runs: readonly number[], last: boolean, onLog?: (message: string) => void): Program {
    const key = `${runs} ${last}`;
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    const { network, weights, temperature, optimizer, templates, batch } = this.#recipe;
    const trained = new Set(parametersOf(network).filter((p) => !p.buffer && !isBuffer(p.key)).map((p) => p.key));
    const step = pretrainingStep(this.#network, {
      weights,
      temperature,
      optimizer,
      templates: {
        ...templates,
        runs,
        resting: templates.others === "zeroGradient" ? this.#modalities.length - runs.length : 0,
      },
      isTrainable: (name) => trained.has(name),
      ...(this.#accumulates && { accumulate: { of: batch.replicas * batch.accumulation, last } }),
    });
    const program = compiled(step, { ...this.#compile, onLog });
    this.#programs.set(key, program);
    return program;
  }

  /** Update `u`, from 0. */
  update(u: number) {
    const { batch: { replicas, accumulation }, learningRate: start, steps, schedulerStep } = this.#recipe;
    const { first, last } = this.schedule.stepsOf(u);
    // the scheduler counts steps, but its period is told in updates (docs/method B.2.2)
    const total = this.schedule.stepsOf(steps - 1).last + 1;
    const learningRate = schedulerStep === "optimizer"
      ? cosineRate(start, u, steps)
      : cosineRate(start, last, total / accumulation);
    const count = (last - first + 1) * replicas;
    return {
      learningRate,
      count,
      micro: (i: number) =>
        this.#micro({
          step: first + Math.floor(i / replicas),
          replica: i % replicas,
          last: i === count - 1,
          rates: rateFeeds(learningRate, u),
        }),
    };
  }

  async #micro(
    { step, replica, last, rates }: {
      step: number;
      replica: number;
      last: boolean;
      rates: ReturnType<typeof rateFeeds>;
    },
  ): Promise<MicroBatch> {
    const recipe = this.#recipe;
    const { batch: { size, replicas }, weights, modalitySampling } = recipe;
    const epoch = this.schedule.epochOf(step);
    const random = this.#random.fork(`step ${step} replica ${replica}`);
    const place = modalitySampling === "perSample"
      ? null
      : random.integer(recipe.modalitiesPerCase ?? MODALITIES.length);
    const order = this.#casesOf(epoch);
    const from = ((step % this.schedule.perEpoch) * replicas + replica) * size;
    const drawn = [];
    for (let i = 0; i < size; i++) {
      const c = order[(from + i) % order.length];
      const volumes = await this.#volumes.get(c);
      drawn.push(drawPretrainingSample(volumes, {
        recipe,
        random: random.fork(`sample ${i}`),
        order: this.#random.fork(`modalities of case ${c}`).shuffle([...volumes.modalities]),
        place,
        templateOnly: epoch < recipe.crossModalFromEpoch,
      }));
    }
    const groups = grouped(drawn), samples = groups.flat();
    const selected = groups.map(([{ modality }]) => modality);
    const slots = [...selected, ...this.#modalities.filter((m) => !selected.includes(m))];
    const program = this.#program(groups.map((g) => g.length), last);
    const contrastWeight = epoch < recipe.contrastFromEpoch ? 0 : weights.contrast;
    return {
      program,
      feeds: {
        ...sampleFeeds(samples, recipe),
        ...rates,
        contrastWeight: tensor("float32", [], [contrastWeight]),
      },
      tensorOf: (name) => name.replace(/template\/(\d+)$/, (_, k) => `template/${slots[k]}`),
      values: {
        cmrShare: samples.filter((s) => s.crossCounts).length / size,
        meanPredictor: meanPredictorError(samples),
      },
    };
  }

  /** The cases in the order of an epoch. */
  #casesOf(epoch: number): number[] {
    if (this.#order.epoch !== epoch) {
      const cases = Array.from({ length: this.#volumes.length }, (_, i) => i);
      this.#order = { epoch, cases: this.#random.fork(`epoch ${epoch}`).shuffle(cases) };
    }
    return this.#order.cases;
  }

  /** The templates as they are on the device. */
  async templates(engine: Engine): Promise<Templates> {
    const found = new Map<Modality, Float32Array>();
    for (const m of this.#modalities) found.set(m, (await engine.get(`template/${m}`)).data as Float32Array);
    return found;
  }

  /** The network with trained weights, for one volume. */
  inference(state: ReadonlyMap<string, Tensor>): Graph {
    const { network, roi } = this.#recipe;
    const weights = new Map([...this.#weights, ...[...state].filter(([name]) => this.#weights.has(name))]);
    return buildNetwork(network, { input: [1, 1, ...roi], weights, outputs: "training" });
  }
}

const isOfTemplate = (name: string) => /(^|\/)template\/\d+$/.test(name);

const snapshotPath = (directory: string) => join(directory, "snapshots");

async function saveSnapshot(directory: string, step: number, png: Uint8Array): Promise<void> {
  await mkdir(snapshotPath(directory), { recursive: true });
  await writeWhole(join(snapshotPath(directory), `${step}.png`), png);
}

async function readSnapshots(directory: string): Promise<Snapshot[]> {
  const names = (await readdir(snapshotPath(directory))).filter((n) => /^\d+\.png$/.test(n));
  const steps = names.map((n) => parseInt(n)).sort((a, b) => a - b);
  return await Promise.all(
    steps.map(async (step) => ({ step, png: await readFile(join(snapshotPath(directory), `${step}.png`)) })),
  );
}

/** Updates that the final figures are means of. */
const FINAL_UPDATES = 100;

/** Means over the last updates; `cmr` over the samples that had another modality. */
function metricsOf(curves: Readonly<Record<string, readonly number[]>>): Metrics {
  const mean = (name: string) => {
    const last = curves[name].slice(-FINAL_UPDATES);
    return last.reduce((a, b) => a + b, 0) / last.length;
  };
  const share = mean("cmrShare");
  return {
    md: mean("md"),
    cmr: share > 0 ? mean("cmr") / share : null,
    contrast: mean("contrast"),
    meanPredictor: mean("meanPredictor"),
  };
}

/** The spec of the package: downstream networks prepare volumes as docs/method B.3 says, at the patch's voxel size. */
function specOf({ network, roi, spacingMm }: ResolvedBrainmvp, modalities: readonly Modality[]): ModelSpec {
  return {
    task: "encoder",
    architecture: network,
    modalities,
    labels: [],
    classes: [],
    preprocessing: { ...BRAINMVP_PREPROCESSING, spacingMm },
    inference: { roi, overlap: 0.25, blending: "gaussian", threshold: 0.5 },
  };
}

async function writeOutput(
  directory: string,
  { network, templates, middleMm, report, metrics }: {
    network: Graph;
    templates: Templates;
    middleMm: Triple;
    report: PretrainingReport;
    metrics: Metrics;
  },
): Promise<void> {
  const { sizeVox, spacingMm } = report.recipe.templates;
  await mkdir(directory, { recursive: true });
  await writeWhole(join(directory, "network.onnx"), encodeModel(network));
  for (const [m, data] of templates) await writeTemplate(directory, m, { data, sizeVox, spacingMm, middleMm });
  await writeWhole(join(directory, "report.json"), JSON.stringify(pretrainingJson(report, metrics), null, 2));
  await writeWhole(join(directory, "report.html"), pretrainingHtml(report, metrics));
}
