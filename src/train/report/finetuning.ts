/** The report of a fine-tune: a JSON document, and the same as one HTML page with curves and preview slices. */
import type { FinetunePlan } from "../planning/plan.ts";
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
  readonly provider: string;
  readonly peakBytes: number;
  /** Preset auto: what was planned and done. */
  readonly plan?: FinetunePlan | null;
}

/** How far the report's numbers carry. */
function notes(report: Report): string[] {
  const { validation, templates, request, weights, remarks, recipe, phases } = report;
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

/** The report as JSON. */
export function reportJson(report: Report): Record<string, unknown> {
  const { request, recipe, weights, templates, phases, provider, peakBytes } = report;
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
    notes: notes(report),
    phases: phases.map(({ name, scores, ...updates }) => ({
      name,
      ...updatesJson(updates, recipe),
      cases: scores.map((score) => ({ ...caseJson(score), case: request.cases[score.case].id })),
    })),
  };
}

/** A case's figures without its picture and the counts that others are computed from. */
function caseJson({ previewPng: _, labels, ...score }: CaseScore) {
  return { ...score, ...(labels && { labels: labels.map(({ reliability: _, choices: __, ...label }) => label) }) };
}

function updatesJson(updates: Updates, { clipNorm }: ResolvedRecipe) {
  const { losses, learningRate, found, waitShare } = updates;
  return {
    steps: losses.length,
    learningRate,
    ...(waitShare !== undefined && { waitShare }),
    ...(found && { foundRate: found }),
    ...(clipNorm !== null && normCounts(updates, clipNorm)),
    losses: curve(losses),
  };
}

/** The report as one HTML page without scripts or outside resources. */
export function renderHtml(report: Report): string {
  const { request, recipe, phases } = report;
  const base = `${escape(request.base.name)} version ${request.base.version}`;
  const facts = [
    `preset ${recipe.preset}`,
    `${recipe.steps} steps of ${recipe.batchSize} crop${recipe.batchSize === 1 ? "" : "s"} of ${recipe.roi.join("×")}`,
    `learning rate ${recipe.learningRate}`,
    `seed ${recipe.seed}`,
    `ran on ${escape(report.provider)}`,
  ];
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fine-tuning report: ${base}</title><style>${STYLE}</style></head><body>
<h1>Fine-tuning report</h1>
<p>Base ${base} · ${facts.join(" · ")}</p>
<ul>${notes(report).map((n) => `<li>${escape(n)}</li>`).join("")}</ul>
<h2>Result</h2>
${metricsTable(report)}
<h2>Loss</h2>
<div class="curves">${
    phases.map(({ name, losses }) =>
      `<figure>${lossSvg(`Loss of ${name}`, curve(losses))}<figcaption>${escape(name)}</figcaption></figure>`
    ).join("\n")
  }</div>
<h2>Cases</h2>
${phases.map((p) => casesHtml(p, report)).join("\n")}
</body></html>
`;
}

/** The metrics' names in print. */
const METRIC_NAMES: Readonly<Record<string, string>> = {
  dice: "Dice",
  pooledDice: "pooled Dice",
  hd95Mm: "HD95, mm",
  accuracy: "accuracy",
  auc: "AUC",
  macroF1: "macro F1",
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
      ["case", "label", "Dice", "HD95, mm", "mL", "reference, mL"],
      scores.flatMap((s) =>
        (s.labels ?? []).map((l) => [
          idOf(s.case),
          escape(l.label),
          ...[l.dice, l.hd95Mm, l.volumeMl, l.referenceMl].map(number),
        ])
      ),
    );
  const pictures = scores.flatMap(({ case: i, previewPng }) =>
    previewPng === undefined ? [] : [
      `<figure><img alt="Slice of ${idOf(i)} with the outlines of reference and prediction" ` +
      `src="data:image/png;base64,${previewPng.toBase64()}">` +
      `<figcaption>${idOf(i)}: reference left, prediction right</figcaption></figure>`,
    ]
  );
  const whose = name === "final" ? "the cases that it was trained on" : "patients that it never saw";
  return `<h3>${escape(name)}</h3><p class="dim">Scored on ${whose}.</p>${table}${pictures.join("")}`;
}
