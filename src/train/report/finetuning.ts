/**
 * The report of a fine-tune: a JSON document, and the same as one HTML page. The page opens with the result, what to expect of
 * a new patient, warnings, and the worst cases; curves, settings and all scores follow.
 */
import type { FinetunePlan } from "../planning/plan.ts";
import type { ChosenOutputs } from "./findings/chosen_outputs.ts";
import { type Findings, findingsOf } from "./findings/findings.ts";
import type { LearningPoint } from "./findings/learning_curve.ts";
import { patientScores } from "./findings/patients.ts";
import {
  labelsHtml,
  patientsHtml,
  picturesHtml,
  type ReportWarning,
  resultSentence,
  type Scored,
  warningsHtml,
} from "./page/first_screen.ts";
import { calibrationHtml } from "./page/reliability.ts";
import type { CaseScore } from "./scores.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";
import { curve, escape, lossSvg, number, STYLE, tableHtml } from "./parts.ts";
import { dataNotes } from "./data.ts";
import type { TemplateFitOfCase } from "../data/template_fits.ts";
import type { LeftOut, Metrics, PatientCounts, TrainingCase } from "../types.ts";
import { normCounts, updateNotes, type Updates } from "./updates.ts";
import { weightNotes, type WeightReport } from "./weights.ts";

/** One training and its scores. */
export interface Phase extends Updates {
  readonly name: string;
  readonly scores: readonly CaseScore[];
  /** Patients that it was trained on; absent: those of the request that it does not score. */
  readonly trainPatients?: number;
}

export interface Report {
  readonly request: {
    readonly base: { readonly name: string; readonly version: number };
    readonly task: "segmentation" | "classification";
    readonly modalities: readonly string[];
    readonly classes: readonly string[];
    readonly cases: readonly Pick<TrainingCase, "id" | "patient">[];
    readonly leftOut?: readonly LeftOut[];
    readonly patients?: PatientCounts;
  };
  readonly recipe: ResolvedRecipe;
  readonly weights: WeightReport;
  /** Modalities whose templates took part. */
  readonly templates: readonly string[];
  /** How they fit each case, where they were laid by anatomy. */
  readonly templateFits: readonly TemplateFitOfCase[];
  readonly phases: readonly Phase[];
  /** Over held-out patients; null: there was no validation. */
  readonly validation: Metrics | null;
  /** The same for the twin that started from fresh weights. */
  readonly fromScratch: Metrics | null;
  /** Of the final network, on the cases that it was trained on. */
  readonly training: Metrics;
  /** Where figures are missing or say less than they seem to. */
  readonly remarks: readonly string[];
  /** Shown first, the severe ones in red. */
  readonly warnings?: readonly ReportWarning[];
  /** The choice of threshold and least size, and whether it was taken. */
  readonly chosen?: ChosenOutputs;
  readonly provider: string;
  readonly peakBytes: number;
  /** Preset auto: what was planned and done. */
  readonly plan?: FinetunePlan | null;
}

/** How far the report's numbers carry. */
function notes(report: Report): string[] {
  const { validation, templates, request, weights, remarks, recipe, phases, chosen } = report;
  const { steps, foldSteps } = recipe;
  return [
    validation === null
      ? "There was no validation: the figures below are of the cases that the network was trained on."
      : "Validation figures are of patients that the network of their fold never saw." +
        (foldSteps < steps ? ` Each fold was trained for ${foldSteps} steps, the final network for ${steps}.` : ""),
    templates.length === 0
      ? "Trained without modality templates."
      : `Trained with the base's templates of ${templates.join(", ")}.`,
    `Trained on ${casesOf(request)}. Not a medical device.`,
    ...dataNotes(request),
    ...weightNotes(weights, recipe),
    ...updateNotes(phases, recipe),
    ...(report.plan?.reasons ?? []),
    ...(chosen?.notes ?? []),
    ...remarks,
  ];
}

/** The cases, and their patients where some have several. */
function casesOf({ cases }: Report["request"]): string {
  const patients = patientsOf(cases);
  return `${cases.length} case${cases.length === 1 ? "" : "s"}` +
    (patients === cases.length ? "" : ` of ${patients} patient${patients === 1 ? "" : "s"}, whose cases stay together`);
}

const patientsOf = (cases: Report["request"]["cases"]) => new Set(cases.map(({ patient }) => patient)).size;

/** The folds of the network itself, not of its twin from scratch. */
const FOLD = /^fold \d/;
/** These, and their twins of half of the patients. */
const OF_CURVE = /^(half of )?fold \d/;

/** The scores that the page is about: of held-out patients, or without any those of the final network. */
function scoredOf({ request, phases }: Report): Scored {
  const { task, classes, cases } = request;
  const held = phases.filter(({ name }) => FOLD.test(name)), idOf = (i: number) => cases[i].id;
  const shown = held.length > 0 ? held : phases.filter(({ name }) => name === "final");
  return { scores: shown.flatMap(({ scores }) => scores), isHeldOut: held.length > 0, task, classes, idOf };
}

const heldOutOf = ({ scores, isHeldOut }: Scored) => isHeldOut ? scores : [];

/** What some scores say: those of held-out patients, none where there are none. */
function findings(report: Report, scores: readonly CaseScore[]): Findings {
  const { request: { task, cases }, phases } = report;
  const patientOf = (i: number) => cases[i].patient, all = patientsOf(cases);
  const learning = phases.filter(({ name }) => OF_CURVE.test(name)).flatMap((phase): LearningPoint[] => {
    const held = patientScores(phase.scores, patientOf), trainPatients = phase.trainPatients ?? all - held.length;
    return held.flatMap(({ patient, dice }) =>
      dice === null || trainPatients < 1 ? [] : [{ trainPatients, dice, patient }]
    );
  });
  return findingsOf(scores, { task, patientOf, trainPatients: all, learning });
}

/** The report as JSON. */
export function reportJson(report: Report): Record<string, unknown> {
  const { request, recipe, weights, templates, phases, provider, peakBytes } = report;
  const { patients, expectation, learningCurve, calibration } = findings(report, heldOutOf(scoredOf(report)));
  return {
    base: { model: request.base.name, version: request.base.version },
    task: request.task,
    modalities: request.modalities,
    cases: request.cases.length,
    patients: patientsOf(request.cases),
    ...(request.patients && { patientsFrom: request.patients }),
    leftOut: request.leftOut ?? [],
    recipe,
    templates,
    templateFit: report.templateFits,
    weights,
    provider,
    peakBytes,
    ...(report.plan && { plan: report.plan }),
    validation: report.validation,
    fromScratch: report.fromScratch,
    training: report.training,
    warnings: report.warnings ?? [],
    heldOutPatients: patients.map(({ patient, dice, cases }) => ({
      patient,
      ...(request.task === "segmentation" && { dice }),
      cases: cases.map((i) => request.cases[i].id),
    })),
    expectation,
    learningCurve,
    calibration,
    chosen: report.chosen ? { ...report.chosen.inference, figures: report.chosen.figures } : null,
    notes: notes(report),
    phases: phases.map(({ name, scores, trainPatients, ...updates }) => ({
      name,
      ...updatesJson(updates, recipe),
      ...(trainPatients !== undefined && { trainPatients }),
      cases: scores.map((score) => ({ ...caseJson(score), case: request.cases[score.case].id })),
    })),
  };
}

/** A case's figures without its picture and the counts that others are computed from. */
function caseJson({ previewPng: _, labels, ...score }: CaseScore) {
  return { ...score, ...(labels && { labels: labels.map(({ reliability: _, choices: __, ...label }) => label) }) };
}

function updatesJson(updates: Updates, { clipNorm }: ResolvedRecipe) {
  const { losses, learningRate, found, waitShare, watched, hardLooks } = updates;
  return {
    steps: losses.length,
    learningRate,
    ...(waitShare !== undefined && { waitShare }),
    ...(watched && {
      heldOut: watched.heldOut.map(({ step, score }) => [step, score]),
      heldOutShare: watched.share,
      stopped: watched.stopped,
    }),
    ...(hardLooks && { hardLooks }),
    ...(found && { foundRate: found }),
    ...(clipNorm !== null && normCounts(updates, clipNorm)),
    losses: curve(losses),
  };
}

/** The report as one HTML page without scripts or outside resources. */
export function renderHtml(report: Report): string {
  const { request, recipe, phases, plan } = report;
  const base = `${escape(request.base.name)} version ${request.base.version}`;
  const facts = [
    `preset ${recipe.preset}`,
    `${recipe.steps} steps of ${recipe.batchSize} crop${recipe.batchSize === 1 ? "" : "s"} of ${recipe.roi.join("×")}`,
    `learning rate ${recipe.learningRate}`,
    `seed ${recipe.seed}`,
    `ran on ${escape(report.provider)}`,
  ];
  const scored = scoredOf(report), shown = findings(report, scored.scores);
  const { expectation, learningCurve, calibration } = findings(report, heldOutOf(scored));
  const line = (text: string) => `<p>${escape(text)}</p>`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fine-tuning report: ${base}</title><style>${STYLE}</style></head><body>
<h1>Fine-tuning report</h1>
<p class="result">${escape(resultSentence(scored, shown))}</p>
${warningsHtml(report.warnings ?? [])}
${[expectation.sentence, learningCurve.sentence].map(line).join("\n")}
<h2>${scored.isHeldOut ? "Held-out patients" : "Training cases"}</h2>
${patientsHtml(scored, shown.patients)}
${request.task === "segmentation" ? labelsHtml(scored.scores) : ""}
${picturesHtml(scored)}
<h2>Figures</h2>
${metricsTable(report)}
${plan ? planHtml(plan) : ""}
<h2>Curves</h2>
<div class="curves">${phases.map(curvesHtml).join("\n")}</div>
${calibrationHtml(calibration)}
<h2>Settings and notes</h2>
<p>Base ${base} · ${facts.join(" · ")}</p>
${listHtml(notes(report).filter((n) => !plan?.reasons.includes(n)))}
<details><summary>The whole recipe</summary><pre>${escape(JSON.stringify(recipe, null, 2))}</pre></details>
<h2>All scores</h2>
${phases.map((p) => casesHtml(p, report)).join("\n")}
</body></html>
`;
}

const listHtml = (sentences: readonly string[]) => `<ul>${sentences.map((n) => `<li>${escape(n)}</li>`).join("")}</ul>`;

/** The rules of a planned recipe, and the time and memory that were expected. */
function planHtml({ reasons, expected: { seconds, peakBytes, updates } }: FinetunePlan): string {
  const facts = [
    `${updates} updates`,
    ...seconds === null ? [] : [`${Math.max(1, Math.round(seconds / 60))} min for the whole job`],
    `${(peakBytes / 2 ** 30).toFixed(1)} GiB`,
  ];
  return `<h2>Plan</h2><p>${facts.join(" · ")}</p>${listHtml(reasons)}`;
}

/** The loss of a training, and beside it the score of held-out crops where somebody looked. */
function curvesHtml({ name, losses, watched }: Phase): string {
  const scores = (watched?.heldOut ?? []).map(({ step, score }): [number, number] => [step, score]);
  const figure = (title: string, points: [number, number][], caption: string) =>
    `<figure>${lossSvg(title, points)}<figcaption>${escape(caption)}</figcaption></figure>`;
  return figure(`Loss of ${name}`, curve(losses), name) +
    (scores.length < 2 ? "" : figure(`Held-out crops of ${name}`, scores, `${name}: score of held-out crops`));
}

/** The metrics' names in print. */
const METRIC_NAMES: Readonly<Record<string, string>> = {
  dice: "Dice",
  pooledDice: "pooled Dice",
  hd95Mm: "HD95, mm",
  accuracy: "accuracy",
  auc: "AUC",
  macroF1: "macro F1",
  lesionSensitivity: "parts found",
  lesionPrecision: "true parts",
  lesionF1: "F1 of parts",
  volumeErrorMl: "volume error, mL",
};

function metricsTable({ validation, fromScratch, training }: Report): string {
  const rows: [string, Metrics | null][] = [
    ["held-out patients", validation],
    ["held-out patients, trained from scratch", fromScratch],
    ["training cases", training],
  ];
  const names = Object.keys(training);
  return tableHtml(
    ["", ...names.map((n) => METRIC_NAMES[n] ?? n)],
    rows.flatMap(([title, metrics]) => metrics === null ? [] : [[title, ...names.map((n) => number(metrics[n]))]]),
  );
}

function casesHtml({ name, scores }: Phase, { request }: Report): string {
  const idOf = (i: number) => escape(request.cases[i].id);
  const table = request.task === "classification"
    ? tableHtml(
      ["case", ...request.classes.map(escape)],
      scores.map((s) => [idOf(s.case), ...(s.probabilities ?? []).map(number)]),
    )
    : tableHtml(
      ["case", "label", "Dice", "HD95, mm", "mL", "reference, mL", "found", "missed", "false"],
      scores.flatMap((s) =>
        (s.labels ?? []).map((l) => [
          idOf(s.case),
          escape(l.label),
          ...[l.dice, l.hd95Mm, l.volumeMl, l.referenceMl].map(number),
          ...[l.lesions?.found, l.lesions?.missed, l.lesions?.false].map((n) => n === undefined ? "–" : `${n}`),
        ])
      ),
    );
  const whose = name === "final" ? "the cases that it was trained on" : "patients that it never saw";
  return `<details><summary>${escape(name)}, scored on ${whose}</summary>${table}</details>`;
}
