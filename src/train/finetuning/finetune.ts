/** Fine-tuning from end to end: prepare cases, train and score each fold, train on all, write the package's files. */
import { copyFile, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { peakOfWork } from "../../engine/mod.ts";
import { type Modality, type ModelSpec, templatePath, type Warning, wrongInputs } from "../../inference/mod.ts";
import { writeWhole } from "../../storage/mod.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { foldNotes } from "../data/fold_notes.ts";
import { makeFolds } from "../data/folds.ts";
import { halfOf } from "../data/half_folds.ts";
import { sizeNotes, withTrainingMl } from "../data/label_sizes.ts";
import { openLabelledCases, traitsOf } from "../data/labelled_cases.ts";
import { templateFits, templateNotes, withoutUnfit } from "../data/template_fits.ts";
import { renderHtml, type Report, reportJson } from "../report/finetuning.ts";
import { measuredQuality } from "../report/quality.ts";
import { comparisons, withoutHeldOut } from "../report/findings/comparisons.ts";
import { ensembleCost, ensembleNotes } from "../report/ensemble.ts";
import { summarize } from "../report/summary.ts";
import { weightNotes } from "../report/weights.ts";
import { withoutPatients, writeReports } from "../report/without_patients.ts";
import { TrainingError } from "../types.ts";
import { type Fingerprint, fingerprintOf } from "../planning/fingerprint.ts";
import type { FinetunePlan } from "../planning/plan.ts";
import { settledReasons } from "../planning/settled.ts";
import { type Rulings, rulingsFor } from "../planning/rules.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { mirroredAxes, mirrorWarnings } from "../recipe/mirror_axes.ts";
import { Phases } from "./phases/phases.ts";
import { Clock, foldsRunNotes, type Schedule, schedule, scoredNotes } from "./schedule.ts";
import { outputNames } from "./network/base_weights.ts";
import { planned } from "./check_finetune.ts";
import { outputsOf } from "./outputs.ts";
import { type Trainable, trainable } from "./network/trainable.ts";
import type { FinetuneRequest, FinetuneResult } from "./types.ts";

/**
 * Fine-tunes `request.base` and writes `network.onnx`, templates and reports to `request.outputDirectory`.
 * @throws {TrainingError} data or recipe cannot be used, the run was cancelled or diverged
 * @throws {EngineError} the device failed; calling again resumes from the last checkpoint
 */
export async function finetune(asked: FinetuneRequest): Promise<FinetuneResult> {
  const clock = new Clock();
  checkRequest(asked);
  const templates = await templatesOf(asked);
  const counted = { request: asked, recipe: asked.recipe, baseHasTemplates: templates.length > 0 };
  const data = asked.recipe.preset === "auto" ? await fingerprintOf(asked) : null;
  const ruled = data && rulingsFor(data, counted);
  const { request, recipe: fitting, network: start, spec } = await planned({
    ...counted,
    cases: asked.cases.length,
    patients: new Set(asked.cases.map(({ patient }) => patient)).size,
    planned: ruled?.values,
  });
  const log = (message: string) => request.onEvent({ type: "log", message });
  ruled?.reasons.forEach(log);
  weightNotes(start.report, fitting).forEach(log);
  const warn = ({ detail }: Warning) => log(`Warning: ${detail}`);
  const mirrored = mirrorWarnings(fitting, request);
  mirrored.forEach(warn);
  if (!fitting.templates) log("The base has no templates or they are off: one view of each crop, no consistency term");
  const { store: cases, sizes, placements } = await openLabelledCases({
    cases: request.cases,
    spec,
    templates: fitting.templates ? { directory: request.base.directory, fit: fitting.templateFit } : null,
    directory: join(request.workDirectory, "cases"),
    ...(request.cacheBytes !== undefined && { cacheBytes: request.cacheBytes }),
    onCase: (done, total) => {
      log(`Prepared case ${done} of ${total}`);
      if (request.signal?.aborted) throw new TrainingError("cancelled", "The fine-tune was cancelled");
    },
    onWarning: (i, { detail }) => log(`Case ${i + 1}: ${detail}`),
  });
  const traits = request.cases.map((c, i) => traitsOf(c, sizes[i]));
  const allFolds = makeFolds(request.cases, { ...fitting, traits });
  const all = request.cases.map((_, i) => i);
  const fitted = withoutUnfit(fitting, placements);
  const scheduled = await schedule({
    clock,
    request,
    recipe: fitted,
    spec,
    network: start,
    cases,
    traits,
    folds: allFolds,
  });
  const { recipe, network } = scheduled;
  const folds = allFolds.slice(0, recipe.foldsRun ?? allFolds.length);
  const members = recipe.ensemble === "folds" ? folds.length + 1 : 1;
  const remarks = [
    ...ensembleCost(network.network, members),
    ...ensembleNotes(recipe, members),
    ...foldsRunNotes({ folds, planned: allFolds.length, request, recipe }),
    ...sizeNotes(sizes, spec.preprocessing),
    ...templateNotes(placements),
    ...foldNotes({
      folds,
      traits,
      patients: request.cases.map(({ patient }) => patient),
      names: outputNames(spec),
      task: request.task,
    }),
  ];
  remarks.forEach(log);
  if (allFolds.length === 0) log("No validation: it needs at least two patients, or it was turned off");
  const scratch = recipe.compareFromScratch ? await trainable({ request, recipe, scratch: true }) : null;
  const twins = folds.slice(0, recipe.halfFolds).map((fold) =>
    halfOf(fold, { cases: request.cases, seed: recipe.seed })
  );
  const trained = folds.length * (scratch === null ? 1 : 2) + twins.length;
  const steps = trained * recipe.foldSteps + recipe.steps;
  const phases = new Phases({ request, recipe, cases, traits, spec, steps });
  const held = await phases.validate(network, folds, "fold");
  const halves = await phases.learn(network, twins, folds.length);
  const twin = scratch && folds.length > 0 ? await phases.validate(scratch, folds, "from scratch: fold") : null;
  const base = folds.length > 0 && isOfBase(request, network) && recipe.base === "use"
    ? await phases.score({ network, held: folds.flatMap((fold) => fold.held) })
    : null;
  const last = await scheduled.final(phases, [...held, ...halves]);
  const outputs = outputsOf(held, { request, recipe, spec });
  outputs.chosen?.notes.forEach(log);
  const from = recipe.finalStart === "fold" ? held[0] : undefined;
  const final = await phases.run({ name: "final", network, train: all, spec: outputs.spec, from, ...last });

  const validation = folds.length === 0 ? null : summarize(held.flatMap((p) => p.scores), spec.classes);
  const fromScratch = twin && summarize(twin.flatMap((p) => p.scores), spec.classes);
  const training = summarize(final.scores, spec.classes);
  const scores = held.flatMap((p) => p.scores);
  const compared = validation === null
    ? withoutHeldOut({ training: training.metrics, scores: final.scores })
    : comparisons({
      validation: validation.metrics,
      scores,
      base: base && summarize(base, spec.classes).metrics,
    });
  compared.warnings.forEach(warn);
  const warnings = [...compared.warnings, ...mirrored];
  const peakBytes = await peakOfWork(request.engine);
  const resolved: ResolvedRecipe = { ...recipe, steps: last.steps };
  const plan = data && ruled && planOf({ data, ruled, scheduled, recipe: resolved, spec, peakBytes });
  const report: Report = {
    request,
    recipe: resolved,
    weights: network.report,
    templates: recipe.templates ? templates : [],
    templateFits: templateFits(placements, request.cases),
    phases: [...scheduled.pilots, ...held, ...halves, ...(twin ?? []), final],
    validation: validation && validation.metrics,
    fromScratch: fromScratch && fromScratch.metrics,
    training: training.metrics,
    warnings: warnings.map(({ detail }) => ({ severity: "severe", text: `${detail}.` })),
    remarks: [
      ...remarks,
      ...compared.notes,
      ...scoredNotes(last.held.length, all.length),
      ...(validation?.reasons ?? []).map((reason) => `Held-out patients: ${reason}.`),
      ...training.reasons.map((reason) => `Training cases: ${reason}.`),
    ],
    provider: request.engine.provider,
    peakBytes,
    plan,
    chosen: outputs.chosen,
  };
  const others = recipe.ensemble === "folds" ? held.map(({ weights }) => weights) : [];
  await writeOutput(request, { report, network, weights: final.weights, others, templates });
  const labels = withTrainingMl(spec.labels, { sizes, base: request.base.spec.labels });
  const quality = request.task === "segmentation" && await measuredQuality({
    spec,
    cases,
    patients: request.cases.map(({ patient }) => patient),
    held: scores,
    mirrored: mirroredAxes(recipe),
  });
  return {
    spec: { ...outputs.spec, labels, ...(quality && { quality }) },
    warnings,
    validation: report.validation,
    training: report.training,
    resolvedRecipe: { ...resolved },
    plan,
    provider: report.provider,
    peakBytes,
  };
}

/** Reports whether a network starts as the base's answer to the same task: nothing of it is fresh. */
function isOfBase({ base, task }: FinetuneRequest, { report: { fresh, outputs } }: Trainable): boolean {
  return base.spec.task === task && fresh.length === 0 && outputs.fresh.length === 0;
}

/** What was planned and done, as the job stores it. */
function planOf(
  { data, ruled, scheduled, recipe, spec: { preprocessing }, peakBytes }: {
    readonly data: Fingerprint;
    readonly ruled: Rulings;
    readonly scheduled: Schedule;
    readonly recipe: ResolvedRecipe;
    readonly spec: ModelSpec;
    readonly peakBytes: number;
  },
): FinetunePlan {
  const { seconds, durations, folds } = scheduled;
  return {
    fingerprint: data,
    recipe,
    reasons: [...ruled.reasons, ...settledReasons(recipe, preprocessing), ...scheduled.reasons],
    expected: {
      seconds,
      peakBytes,
      updates: recipe.steps + folds * recipe.foldSteps,
      secondsPerUpdate: durations && durations.update,
      isMeasured: durations !== null,
    },
  };
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

async function writeOutput(
  request: FinetuneRequest,
  { report, network, weights, others, templates }: {
    report: Report;
    network: Trainable;
    weights: ReadonlyMap<string, Tensor>;
    /** Of the folds, where they answer with the final network. */
    others: readonly ReadonlyMap<string, Tensor>[];
    templates: readonly Modality[];
  },
): Promise<void> {
  const out = request.outputDirectory;
  await mkdir(join(out, "templates"), { recursive: true });
  await writeWhole(join(out, "network.onnx"), network.encoded(weights, others));
  for (const m of templates) await copyFile(templatePath(request.base.directory, m), templatePath(out, m));
  const written = (report: Report) => ({ json: reportJson(report), html: renderHtml(report) });
  await writeReports(out, { own: written(report), packaged: written(withoutPatients(report)) });
}
