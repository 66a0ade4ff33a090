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
import { Random } from "../../tensor/mod.ts";
import type { CaseStore } from "../data/case_store.ts";
import { uprightsOf } from "../data/anatomy.ts";
import { openPretrainingCases, type PretrainingVolumes } from "../data/unlabelled_cases.ts";
import { leastAfter, memoryBudget, withinMemory } from "../loop/fit.ts";
import { type LoopResult, runLoop } from "../loop/loop.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import {
  nowhereNote,
  pretrainingHtml,
  pretrainingJson,
  pretrainingMetrics,
  type PretrainingReport,
} from "../report/pretraining.ts";
import { type PretrainingCase, TrainingError } from "../types.ts";
import type { MethodPlan, MethodRun } from "./method.ts";
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
  const { engine, workDirectory, outputDirectory, onEvent } = request;
  const log = (message: string) => onEvent({ type: "log", message });
  checkCases(request.cases);
  const method = methodOf(request.recipe);
  const plan = method.plan(request.recipe, request.cases.length);
  const { recipe } = plan;
  const cases = recipe.maxCases === null ? request.cases : request.cases.slice(0, recipe.maxCases);
  const modalities = MODALITIES.filter((m) => cases.some((c) => c.images[m] !== undefined));
  log(`${cases.length} cases with ${modalities.join(", ")}; ${recipe.steps} updates`);
  const onCase = (verb: string) => (done: number, total: number) => {
    log(`${verb} case ${done} of ${total}`);
    if (request.signal?.aborted) throw new TrainingError("cancelled", "The pre-training was cancelled");
  };
  const prepared = { cases, recipe, directory: join(workDirectory, "cases") };
  const uprights = recipe.align === "middle" ? undefined : await uprightsOf({ ...prepared, onCase: onCase("Read") });
  const nowhere = (uprights ?? []).flatMap((upright, i) => upright === null ? [i + 1] : []);
  if (nowhere.length > 0) log(nowhereNote(nowhere));
  const volumes = await openPretrainingCases({ ...prepared, uprights, onCase: onCase("Prepared") });
  const run = identityOf(recipe, cases);
  const snapshots = new Snapshots(workDirectory, recipe.steps);
  const { trained, state, curves } = await train(request, {
    losses: method.losses,
    plan,
    volumes,
    modalities,
    run,
    snapshots,
  });

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
  await writeWhole(join(outputDirectory, "report.json"), JSON.stringify(pretrainingJson(report, metrics), null, 2));
  await writeWhole(join(outputDirectory, "report.html"), pretrainingHtml(report, metrics));
  return {
    spec: specOf(plan, modalities),
    metrics,
    resolvedRecipe: { ...recipe },
    provider: engine.provider,
    peakBytes: report.peakBytes,
  };
}

interface TrainOptions {
  readonly losses: readonly string[];
  readonly plan: MethodPlan;
  readonly volumes: CaseStore<PretrainingVolumes>;
  readonly modalities: readonly Modality[];
  /** The key of the run: only a checkpoint of the same run is resumed. */
  readonly run: string;
  readonly snapshots: Snapshots;
}

/** Trains to the end, in the fastest form that the device's memory allows. */
async function train(
  { engine, workDirectory, signal, onEvent }: PretrainRequest,
  { losses, plan, volumes, modalities, run, snapshots }: TrainOptions,
): Promise<LoopResult & { trained: MethodRun }> {
  const { recipe } = plan;
  const { steps, checkpointEverySteps } = recipe;
  const onLog = (message: string) => onEvent({ type: "log", message });
  const memory = { forms: leastAfter(memoryBudget(engine.traits)), onLog };
  return await withinMemory(engine, memory, async (budgetBytes) => {
    const random = new Random(recipe.seed).fork("pre-training");
    const compile = { device: engine, budgetBytes, onLog };
    const trained = plan.begin({ cases: volumes, modalities, random, compile });
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

/** The key of a run: changes with everything that its weights depend on. */
function identityOf(recipe: PretrainingBase, cases: readonly PretrainingCase[]): string {
  return createHash("sha256").update(JSON.stringify([recipe, cases])).digest("hex");
}

/** The spec of the package: downstream networks prepare volumes as docs/method B.3 says, at the patch's voxel size. */
function specOf({ recipe: { roi, spacingMm }, network }: MethodPlan, modalities: readonly Modality[]): ModelSpec {
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
