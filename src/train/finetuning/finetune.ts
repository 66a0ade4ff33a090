/**
 * Fine-tuning from end to end: prepare cases, train and validate each fold, train on all, write the package's files.
 * Every phase leaves its result in the work directory, so a killed run goes on where it was.
 */
import { copyFile, mkdir, readFile, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { encodeModel } from "../../graph/mod.ts";
import { Random, type Tensor } from "../../tensor/mod.ts";
import { type Modality, type ModelSpec, templatePath, wrongInputs } from "../../inference/mod.ts";
import { drawSample } from "../data/augment.ts";
import { type Checkpoint, readCheckpoint, saveCheckpoint } from "../loop/checkpoint.ts";
import { PreparedCases } from "../data/labelled_cases.ts";
import { type CaseScore, scoreCases, summarize } from "./evaluate_model.ts";
import { writeWhole } from "../../storage/mod.ts";
import { makeFolds } from "../data/folds.ts";
import { resultSpec, type Trainable, trainable } from "./trainable.ts";
import { resolveRecipe } from "../recipe/finetuning.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { type Phase, renderHtml, type Report, reportJson } from "../report/finetuning.ts";
import { train } from "./trainer.ts";
import { TrainingError } from "../types.ts";
import type { FinetuneRequest, FinetuneResult } from "./types.ts";

/**
 * Fine-tunes `request.base` and writes `network.onnx`, templates and reports to `request.outputDirectory`.
 * @throws {TrainingError} data or recipe cannot be used, the run was cancelled or diverged
 * @throws {EngineError} the device failed; calling again goes on from the last checkpoint
 */
export async function finetune(request: FinetuneRequest): Promise<FinetuneResult> {
  checkRequest(request);
  const templates = await templatesOf(request);
  const recipe = resolveRecipe(request.recipe, {
    cases: request.cases.length,
    baseHasTemplates: templates.length > 0,
    task: request.task,
    network: request.base.spec.architecture.kind,
  });
  const network = await trainable({ request, recipe });
  const spec = resultSpec(request, recipe, network.architecture);
  const log = (message: string) => request.onEvent({ type: "log", message });
  if (!recipe.templates) log("The base has no templates or they are off: one view of each crop, no consistency term");
  const cases = await PreparedCases.open({
    cases: request.cases,
    spec,
    templates: recipe.templates ? { directory: request.base.directory, fit: recipe.templateFit } : null,
    directory: join(request.workDirectory, "cases"),
    onCase: (done, total) => {
      log(`Prepared case ${done} of ${total}`);
      if (request.signal?.aborted) throw new TrainingError("cancelled", "The fine-tune was cancelled");
    },
    onWarning: (i, { detail }) => log(`Case ${i + 1}: ${detail}`),
  });
  const run = new Run({ request, recipe, cases, spec });
  const folds = makeFolds(request.cases, recipe);
  if (folds.length === 0) log("No validation: it needs at least two patients, or it was turned off");
  const scratch = recipe.compareFromScratch ? await trainable({ request, recipe, scratch: true }) : null;
  run.plan(folds.length * (scratch === null ? 1 : 2) * recipe.foldSteps + recipe.steps);
  const held = await run.validate(network, folds, "fold");
  const twin = scratch && folds.length > 0 ? await run.validate(scratch, folds, "from scratch: fold") : null;
  const all = request.cases.map((_, i) => i);
  const final = await run.phase({ name: "final", network, train: all, held: all, steps: recipe.steps });

  const validation = folds.length === 0 ? null : summarize(held.flatMap((p) => p.scores), spec.classes.length);
  const training = summarize(final.scores, spec.classes.length);
  const peakBytes = await request.engine.peakBytes();
  const report: Report = {
    request,
    recipe,
    weights: network.report,
    templates: recipe.templates ? templates : [],
    phases: [...held, ...(twin ?? []), final],
    validation,
    fromScratch: twin === null ? null : summarize(twin.flatMap((p) => p.scores), spec.classes.length),
    training,
    provider: request.engine.provider,
    peakBytes,
  };
  await writeOutput(request, { report, network, weights: final.weights, templates });
  return { spec, validation, training, resolvedRecipe: { ...recipe }, provider: request.engine.provider, peakBytes };
}

function checkRequest({ cases, task, labels, classes, modalities }: FinetuneRequest): void {
  const fail = (text: string): never => {
    throw new TrainingError("invalid-data", `Cannot fine-tune: ${text}`);
  };
  if (cases.length === 0) fail("expected at least one case, got none");
  if (modalities.length === 0) fail("expected at least one modality, got none");
  const wrong = wrongInputs({ task, modalities });
  if (wrong !== null) fail(wrong);
  if (task === "segmentation" && labels.length === 0) fail("expected at least one label, got none");
  if (task === "classification" && classes.length < 2) fail(`expected at least two classes, got ${classes.length}`);
}

/** Modalities of the request that the base has a template of. */
async function templatesOf({ base, modalities }: FinetuneRequest): Promise<Modality[]> {
  const found: Modality[] = [];
  for (const m of modalities) {
    if (await stat(templatePath(base.directory, m)).then(() => true, () => false)) found.push(m);
  }
  return found;
}

interface RunOptions {
  readonly request: FinetuneRequest;
  readonly recipe: ResolvedRecipe;
  readonly cases: PreparedCases;
  readonly spec: ModelSpec;
}

interface PhaseOptions {
  readonly name: string;
  readonly network: Trainable;
  readonly train: readonly number[];
  readonly held: readonly number[];
  /** Optimizer updates. */
  readonly steps: number;
}

interface PhaseResult extends Phase {
  readonly weights: ReadonlyMap<string, Tensor>;
}

/** The phases of one fine-tune, and the time that they take together. */
class Run {
  readonly #options: RunOptions;
  #stepsLeft = 0;

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** How many updates all phases have together, for the estimate of the time that is left. */
  plan(steps: number): void {
    this.#stepsLeft = steps;
  }

  /** Trains without each fold's patients, scores them, and tells the validation so far. */
  async validate(network: Trainable, folds: ReturnType<typeof makeFolds>, name: string): Promise<PhaseResult[]> {
    const results: PhaseResult[] = [];
    for (const [i, fold] of folds.entries()) {
      const steps = this.#options.recipe.foldSteps;
      results.push(await this.phase({ name: `${name} ${i + 1} of ${folds.length}`, network, ...fold, steps }));
      const metrics = summarize(results.at(-1)!.scores, this.#options.spec.classes.length);
      this.#options.request.onEvent({ type: "validation", fold: i + 1, folds: folds.length, metrics });
    }
    return results;
  }

  /** Trains on `train`, scores `held`; a phase that an earlier call finished is read back instead. */
  async phase({ name, network, train: indices, held, steps }: PhaseOptions): Promise<PhaseResult> {
    const { request, recipe, cases, spec } = this.#options;
    const directory = join(request.workDirectory, name.replaceAll(/[^a-z0-9]+/g, "-"));
    const identity = phaseIdentity({ request, recipe, spec }, indices);
    const log = (message: string) => request.onEvent({ type: "log", message: `${name}: ${message}` });
    await mkdir(directory, { recursive: true });
    const known = await readPhase(directory, identity, log);
    this.#stepsLeft -= steps;
    if (known !== null) return { name, ...known };
    const { weights, losses } = await this.#train({ name, network, indices, steps, directory, identity, log });
    const scores = await scoreCases({
      engine: request.engine,
      network: network.inference(weights),
      spec,
      cases,
      indices: held,
      signal: request.signal,
    });
    await writePhase(directory, { identity, losses, scores, weights });
    return { name, losses, scores, weights };
  }

  async #train(
    { name, network, indices, steps, directory, identity, log }: {
      name: string;
      network: Trainable;
      indices: readonly number[];
      steps: number;
      directory: string;
      identity: string;
      log: (message: string) => void;
    },
  ) {
    const { request, recipe, cases } = this.#options;
    const views = recipe.templates ? 2 : 1;
    const groups = sampledGroups(indices, { request, recipe });
    const random = new Random(recipe.seed).fork(name);
    const later = this.#stepsLeft;
    const clock = { start: performance.now(), first: -1 };
    const { weights, losses } = await train({
      engine: request.engine,
      network: network.network,
      networkOf: network.networkOf,
      step: {
        task: request.task,
        heads: network.heads,
        consistency: views === 2 ? consistencyOf(recipe, network) : null,
        views,
        supervision: recipe.supervision,
        optimizer: recipe.optimizer,
        isTrainable: network.isTrainable,
      },
      steps,
      learningRate: recipe.learningRate,
      batchSize: recipe.batchSize,
      checkpointEverySteps: recipe.checkpointEverySteps,
      earlyStopSteps: recipe.earlyStopSteps,
      directory,
      run: identity,
      sample: async (step, i) => {
        const draw = random.fork(`update ${step} crop ${i}`);
        const group = groups.length === 1 ? groups[0] : groups[draw.integer(groups.length)];
        return drawSample(await cases.get(group[draw.integer(group.length)]), recipe, draw);
      },
      signal: request.signal,
      onLog: log,
      onStep: ({ step, loss, learningRate }) => {
        if (clock.first < 0) {
          clock.first = step;
          clock.start = performance.now();
        }
        const perStep = (performance.now() - clock.start) / Math.max(step - clock.first, 1);
        const left = steps - step + later;
        request.onEvent({
          type: "progress",
          step,
          steps,
          epoch: Math.floor(step * recipe.batchSize / indices.length),
          loss,
          learningRate,
          etaSeconds: Math.round(left * perStep / 1000),
          phase: name,
        });
      },
    });
    return { weights, losses };
  }
}

/** Cases that are drawn from with equal chances: those of each class, or all together. */
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

/** The output that the recipe compares; networks without deep supervision have no `out4`, so x4 stands in. */
function consistencyOf({ consistency }: ResolvedRecipe, { network }: Trainable) {
  return network.outputs.includes(consistency.on) ? consistency : { ...consistency, on: "x4" };
}

interface PhaseFile {
  readonly identity: string;
  readonly losses: readonly number[];
  readonly scores: readonly (Omit<CaseScore, "previewPng"> & { previewPng?: string })[];
}

async function writePhase(
  directory: string,
  { identity, losses, scores, weights }: {
    identity: string;
    losses: readonly number[];
    scores: readonly CaseScore[];
    weights: ReadonlyMap<string, Tensor>;
  },
): Promise<void> {
  const floats = new Map([...weights].filter(([, t]) => t.dtype === "float32"));
  const progress = { run: identity, step: losses.length, losses };
  await saveCheckpoint(join(directory, "weights.safetensors"), { tensors: floats, progress });
  const encoded = scores.map((s) => ({ ...s, previewPng: s.previewPng && s.previewPng.toBase64() }));
  await writeWhole(join(directory, "phase.json"), JSON.stringify({ identity, losses, scores: encoded }));
}

/** What decides the weights that a phase ends with. */
function phaseIdentity({ request, recipe, spec }: Omit<RunOptions, "cases">, indices: readonly number[]): string {
  const { base: { name, version }, cases } = request;
  const { task, architecture, modalities, labels, classes, preprocessing } = spec;
  const parts = [name, version, recipe, task, architecture, modalities, labels, classes, preprocessing];
  const identity = JSON.stringify([...parts, indices.map((i) => cases[i])]);
  return createHash("sha256").update(identity).digest("hex");
}

/** A finished phase; null where there is none, it is another's, or its files are damaged. */
async function readPhase(
  directory: string,
  identity: string,
  log: (message: string) => void,
): Promise<Omit<PhaseResult, "name"> | null> {
  const text = await readFile(join(directory, "phase.json"), "utf8").catch(() => null);
  if (text === null) return null;
  let file: PhaseFile, saved: Checkpoint | null;
  try {
    file = JSON.parse(text);
    if (file.identity !== identity) return null;
    saved = await readCheckpoint(join(directory, "weights.safetensors"));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    log("The result on disk is damaged: this training is done again");
    return null;
  }
  if (saved?.progress.run !== identity) return null;
  const scores = file.scores.map((s) => ({
    ...s,
    previewPng: s.previewPng ? Uint8Array.fromBase64(s.previewPng) : undefined,
  }));
  return { losses: file.losses, scores, weights: saved.tensors };
}

async function writeOutput(
  request: FinetuneRequest,
  { report, network, weights, templates }: {
    report: Report;
    network: Trainable;
    weights: ReadonlyMap<string, Tensor>;
    templates: readonly Modality[];
  },
): Promise<void> {
  const out = request.outputDirectory;
  await mkdir(join(out, "templates"), { recursive: true });
  await writeWhole(join(out, "network.onnx"), encodeModel(network.inference(weights)));
  for (const m of templates) await copyFile(templatePath(request.base.directory, m), templatePath(out, m));
  await writeWhole(join(out, "report.json"), JSON.stringify(reportJson(report), null, 2));
  await writeWhole(join(out, "report.html"), renderHtml(report));
}
