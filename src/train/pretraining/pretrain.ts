/**
 * Pre-training from end to end, by any method: prepare cases, train, write the package's files. A method's own part is its
 * record in `methods.ts`.
 */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { peakOfWork } from "../../engine/mod.ts";
import { encodeModel } from "../../graph/mod.ts";
import { BRAINMVP_PREPROCESSING, MODALITIES, type Modality, type ModelSpec } from "../../inference/mod.ts";
import { writeWhole } from "../../storage/mod.ts";
import { type NetworkSpec, parametersOf } from "../../nets/mod.ts";
import { Random, sameShape, type Tensor } from "../../tensor/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import { uprightsOf } from "../data/anatomy.ts";
import { openPretrainingCases, type PretrainingVolumes } from "../data/unlabelled_cases.ts";
import { leastAfter, memoryBudget, withinMemory } from "../loop/fit.ts";
import { readCheckpoint } from "../loop/checkpoint.ts";
import { CHECKPOINT, type LoopResult, runLoop } from "../loop/loop.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import {
  nowhereNote,
  pretrainingHtml,
  pretrainingJson,
  pretrainingMetrics,
  type PretrainingReport,
} from "../report/pretraining.ts";
import { withoutPictures, writeReports } from "../report/without_patients.ts";
import { type PretrainingCase, TrainingError } from "../types.ts";
import type { MethodPlan, MethodRun, PretrainingMethod } from "./method.ts";
import { methodOf } from "./methods.ts";
import { Snapshots } from "./snapshots.ts";
import type { PretrainRequest, PretrainResult } from "./types.ts";
import { Updates } from "./updates.ts";

/**
 * Pre-trains an encoder and writes the package's files to `request.outputDirectory`.
 * @throws {TrainingError} data or recipe cannot be used, the run was cancelled or diverged
 * @throws {EngineError} the device failed; calling again resumes from the last checkpoint
 */
export async function pretrain(request: PretrainRequest): Promise<PretrainResult> {
  const prepared = await prepare(request);
  if ((request.changing ?? 0) > 0) await prepared.volumes.dropOthers();
  const { trained, state, curves } = await train(request, prepared);
  return await writeResult(request, { ...prepared, trained, state, curves });
}

/**
 * Writes the package of the last checkpoint of a pre-training, which may be running elsewhere, and returns its updates too.
 * @throws {TrainingError} `invalid-data`: there is no checkpoint of this request
 */
export async function pretrainedSoFar(
  request: PretrainRequest,
): Promise<PretrainResult & { readonly updates: number }> {
  const prepared = await prepare(request), { plan, volumes, modalities, weights, run } = prepared;
  const saved = await readCheckpoint(join(request.workDirectory, CHECKPOINT));
  if (saved === null || saved.progress.run !== run) {
    const got = saved === null ? "none" : "one of other cases or another recipe";
    throw new TrainingError(
      "invalid-data",
      `Cannot make a package of this pre-training: expected a checkpoint of it in its work folder, got ${got}`,
    );
  }
  const random = randomOf(plan.recipe), compile = { device: request.engine, budgetBytes: Infinity };
  const trained = plan.begin({ cases: volumes, modalities, weights, random, compile });
  const { step: updates, losses, curves } = saved.progress;
  const all = { [prepared.losses[0]]: losses, ...curves };
  const result = await writeResult(request, { ...prepared, trained, state: saved.tensors, curves: all });
  return { ...result, updates };
}

/** A request with its cases prepared. */
interface PreparedRun extends TrainOptions {
  readonly method: PretrainingMethod;
  /** The cases that are used, and those of them that have no place in the templates, from 1. */
  readonly cases: readonly PretrainingCase[];
  readonly nowhere: readonly number[];
}

async function prepare(request: PretrainRequest): Promise<PreparedRun> {
  const { workDirectory, onEvent, changing = 0 } = request;
  const log = (message: string) => onEvent({ type: "log", message });
  checkCases(request.cases);
  const method = methodOf(request.recipe);
  const plan = method.plan(request.recipe, request.cases.length);
  const { recipe } = plan;
  const weights = request.weights && allWeights(plan.network, request.weights);
  const cases = recipe.maxCases === null ? request.cases : request.cases.slice(0, recipe.maxCases);
  const modalities = MODALITIES.filter((m) => cases.some((c) => c.images[m] !== undefined));
  log(`${cases.length} cases with ${modalities.join(", ")}; ${recipe.steps} updates`);
  const onCase = (verb: string) => (done: number, total: number) => {
    log(`${verb} case ${done} of ${total}`);
    if (request.signal?.aborted) throw new TrainingError("cancelled", "The pre-training was cancelled");
  };
  const directory = join(workDirectory, "cases");
  const prepared = { cases, recipe, directory, cacheBytes: request.cacheBytes, keepsReference: changing > 0 };
  const uprights = recipe.align === "middle" ? undefined : await uprightsOf({ ...prepared, onCase: onCase("Read") });
  const nowhere = (uprights ?? []).flatMap((upright, i) => upright === null ? [i + 1] : []);
  if (nowhere.length > 0) log(nowhereNote(nowhere));
  const volumes = await openPretrainingCases({ ...prepared, uprights, onCase: onCase("Prepared") });
  const snapshots = new Snapshots(workDirectory, recipe.steps);
  return {
    method,
    losses: method.losses,
    plan,
    cases,
    nowhere,
    volumes,
    modalities,
    weights,
    run: identityOf(recipe, [changing, ...cases.slice(changing)], weights),
    snapshots,
  };
}

async function writeResult(
  { engine, outputDirectory }: PretrainRequest,
  { method, plan, cases, modalities, nowhere, snapshots, trained, state, curves }: PreparedRun & {
    readonly trained: MethodRun;
    readonly state: ReadonlyMap<string, Tensor>;
    readonly curves: PretrainingReport["curves"];
  },
): Promise<PretrainResult> {
  const { recipe } = plan;
  const report: PretrainingReport = {
    method: method.report,
    recipe,
    modalities,
    cases: cases.map((c) => MODALITIES.filter((m) => c.images[m] !== undefined)),
    nowhere,
    curves,
    snapshots: await snapshots.all(),
    provider: engine.provider,
    peakBytes: await peakOfWork(engine),
  };
  const metrics = pretrainingMetrics(report);
  await writeWhole(join(outputDirectory, "network.onnx"), encodeModel(trained.inference(state)));
  await trained.writeFiles(outputDirectory, state);
  const written = (report: PretrainingReport) => ({
    json: pretrainingJson(report, metrics),
    html: pretrainingHtml(report, metrics),
  });
  await writeReports(outputDirectory, { own: written(report), packaged: written(withoutPictures(report)) });
  return {
    spec: specOf(plan, modalities),
    metrics,
    resolvedRecipe: { ...recipe },
    provider: engine.provider,
    peakBytes: report.peakBytes,
  };
}

const randomOf = ({ seed }: PretrainingBase) => new Random(seed).fork("pre-training");

interface TrainOptions {
  readonly losses: readonly string[];
  readonly plan: MethodPlan;
  readonly volumes: CaseStore<PretrainingVolumes>;
  readonly modalities: readonly Modality[];
  /** Those that it goes on from. */
  readonly weights: ReadonlyMap<string, Tensor> | undefined;
  /** The key of the run: only a checkpoint of the same run is resumed. */
  readonly run: string;
  readonly snapshots: Snapshots;
}

/** Trains to the end, in the fastest form that the device's memory allows. */
async function train(
  { engine, workDirectory, signal, onEvent }: PretrainRequest,
  { losses, plan, volumes, modalities, weights, run, snapshots }: TrainOptions,
): Promise<LoopResult & { trained: MethodRun }> {
  const { recipe } = plan;
  const { steps, checkpointEverySteps } = recipe;
  const onLog = (message: string) => onEvent({ type: "log", message });
  const memory = { forms: leastAfter(memoryBudget(engine.traits)), onLog };
  return await withinMemory(engine, memory, async (budgetBytes) => {
    const random = randomOf(recipe);
    const compile = { device: engine, budgetBytes, onLog };
    const trained = plan.begin({ cases: volumes, modalities, weights, random, compile });
    const updates = new Updates({ recipe, cases: volumes.length, random, micro: (request) => trained.micro(request) });
    const result = await runLoop({
      engine,
      title: "pre-training",
      state: trained.state,
      curves: losses,
      steps,
      checkpointEverySteps,
      directory: workDirectory,
      run,
      update: (u) => updates.update(u),
      signal,
      onLog,
      onStep: async ({ step, learningRate, secondsPerUpdate, values: { loss, ...parts } }) => {
        await snapshots.take(step, () => trained.picture(engine));
        onEvent({
          type: "progress",
          step,
          steps,
          epoch: updates.epochOf(step - 1),
          loss,
          losses: parts,
          learningRate,
          etaSeconds: Math.round((steps - step) * secondsPerUpdate),
          phase: "pre-training",
        });
      },
    });
    return { ...result, trained };
  });
}

function checkCases(cases: readonly PretrainingCase[]): void {
  const fail = (text: string): never => {
    throw new TrainingError("invalid-data", `Cannot pre-train: ${text}`);
  };
  if (cases.length === 0) fail("expected at least one case, got none");
  cases.forEach(({ images }, i) => {
    const unknown = Object.keys(images).find((m) => !(MODALITIES as readonly string[]).includes(m));
    if (unknown !== undefined) fail(`case ${i + 1}: expected modalities among ${MODALITIES.join(", ")}`);
    if (Object.keys(images).length === 0) fail(`case ${i + 1}: expected at least one image, got none`);
  });
}

/** The network's weights out of `given`, which may hold more. @throws {TrainingError} one is missing or has another shape */
function allWeights(network: NetworkSpec, given: ReadonlyMap<string, Tensor>): Map<string, Tensor> {
  return new Map(
    parametersOf(network).filter((p) => !p.idle).map(({ key, shape }) => {
      const weight = given.get(key);
      if (weight !== undefined && sameShape(weight.shape, shape)) return [key, weight];
      const got = weight === undefined ? "none" : `[${weight.shape}]`;
      throw new TrainingError(
        "invalid-data",
        `Cannot go on from these weights: expected ${key} of shape [${shape}], got ${got}; use those of the same network`,
      );
    }),
  );
}

/** The key of a run: changes with everything that its weights depend on. */
function identityOf(
  recipe: PretrainingBase,
  [changing, ...cases]: readonly [number, ...PretrainingCase[]],
  weights: ReadonlyMap<string, Tensor> | undefined,
): string {
  const hash = createHash("sha256").update(JSON.stringify([recipe, cases, ...(changing === 0 ? [] : [changing])]));
  for (const [key, { data }] of weights ?? []) {
    hash.update(key).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

/** The spec of the package: downstream networks prepare volumes as docs/method B.3 says, at the patch's voxel size. */
function specOf(
  { recipe: { roi, spacingMm, percentilesOver }, network }: MethodPlan,
  modalities: readonly Modality[],
): ModelSpec {
  return {
    task: "encoder",
    architecture: network,
    modalities,
    labels: [],
    classes: [],
    preprocessing: { ...BRAINMVP_PREPROCESSING, spacingMm, percentilesOver },
    inference: { roi, overlap: 0.25, blending: "gaussian", threshold: 0.5 },
  };
}
