/** The report of a pre-training: a JSON document, and the same as one HTML page with curves and pictures. */
import type { Modality } from "../../inference/mod.ts";
import type { PretrainingBase } from "../recipe/pretraining.ts";
import { curve, escape, lossSvg, STYLE } from "./parts.ts";
import type { Metrics } from "../types.ts";

/** A picture after so many updates, a row for each modality. */
export interface Snapshot {
  readonly step: number;
  readonly png: Uint8Array;
}

export interface PretrainingReport {
  readonly method: MethodReport;
  readonly recipe: PretrainingBase;
  /** Those that any case has. */
  readonly modalities: readonly Modality[];
  /** Modalities of every case. */
  readonly cases: readonly (readonly Modality[])[];
  /** Numbers of the cases that have no place in the templates, from 1. */
  readonly nowhere: readonly number[];
  /** One number an update: the method's losses, and further numbers of its micro-batches. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
  readonly snapshots: readonly Snapshot[];
  readonly provider: string;
  readonly peakBytes: number;
}

/** How the report names and explains the records of a pre-training method. */
export interface MethodReport {
  /** Names of the curves in print, in the order in which they are drawn. */
  readonly titles: Readonly<Record<string, string>>;
  /** Curves whose last values are the figures of the package. */
  readonly figures: readonly string[];
  /** Curves that count for a share of the samples only: name → the curve of that share. */
  readonly shares: Readonly<Record<string, string>>;
  /** The pictures: their name in the JSON document, and their heading. */
  readonly pictures: { readonly name: string; readonly title: string };
  /** How to read the figures. */
  readonly explanation: string;
  /** Remarks about these cases. */
  readonly notes: (cases: PretrainingReport["cases"]) => readonly string[];
}

/** Updates that the final figures are means of. */
const FINAL_UPDATES = 100;

/** Means over the last updates; null where no sample counted. */
export function pretrainingMetrics({ curves, method }: Pick<PretrainingReport, "curves" | "method">): Metrics {
  const mean = (name: string) => {
    const last = curves[name].slice(-FINAL_UPDATES);
    return last.reduce((a, b) => a + b, 0) / last.length;
  };
  return Object.fromEntries(method.figures.map((name) => {
    const share = method.shares[name] === undefined ? 1 : mean(method.shares[name]);
    return [name, share > 0 ? mean(name) / share : null];
  }));
}

/** The curves to draw, each over the samples that count. */
function drawn({ curves, method }: PretrainingReport): [name: string, points: [number, number][]][] {
  return Object.keys(method.titles).map((name) => {
    const points = curve(curves[name]);
    if (method.shares[name] === undefined) return [name, points];
    const share = curve(curves[method.shares[name]]);
    return [name, points.flatMap(([s, v], i): [number, number][] => (share[i][1] > 0 ? [[s, v / share[i][1]]] : []))];
  });
}

/** Cases that are named one by one. */
const MOST_NAMED = 20;

/** Cases without a place in the templates. */
export function nowhereNote(nowhere: readonly number[]): string {
  const named = nowhere.slice(0, MOST_NAMED).join(", "), rest = nowhere.length - MOST_NAMED;
  return `Cases without templates, because they do not fit the other heads (a crop, or another anatomy): ${named}` +
    (rest > 0 ? ` and ${rest} more.` : ".");
}

function notes({ cases, nowhere, recipe: { preset }, method }: PretrainingReport): string[] {
  return [
    `Preset ${preset}. ${method.explanation}`,
    ...method.notes(cases),
    ...(nowhere.length === 0 ? [] : [nowhereNote(nowhere)]),
    "The network reads one volume of any of these modalities. It is a start for fine-tuning. Not a medical device.",
  ];
}

/** The report as JSON; pictures are PNG files in base64. */
export function pretrainingJson(report: PretrainingReport, metrics: Metrics): Record<string, unknown> {
  const { method, recipe, modalities, cases, snapshots, provider, peakBytes } = report;
  return {
    task: "pre-training",
    recipe,
    modalities,
    cases: cases.length,
    scans: Object.fromEntries(modalities.map((m) => [m, cases.filter((c) => c.includes(m)).length])),
    provider,
    peakBytes,
    metrics,
    notes: notes(report),
    curves: Object.fromEntries(drawn(report)),
    [method.pictures.name]: snapshots.map(({ step, png }) => ({ step, png: png.toBase64() })),
  };
}

/** The report as one HTML page without scripts or outside resources. */
export function pretrainingHtml(report: PretrainingReport, metrics: Metrics): string {
  const { method, recipe, modalities, cases, snapshots, provider } = report;
  const { steps, batch, roi, learningRate, seed } = recipe;
  const pictures = snapshots.map(({ step, png }) =>
    `<figure><img alt="${escape(method.pictures.name)}" src="data:image/png;base64,${png.toBase64()}">` +
    `<figcaption>after ${step} updates; from the top: ${modalities.join(", ")}</figcaption></figure>`
  );
  const figures = Object.entries(metrics).map(([name, v]) =>
    `<tr><td>${escape(method.titles[name] ?? name)}</td><td>${v === null ? "–" : v.toPrecision(4)}</td></tr>`
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pre-training report</title><style>${STYLE}</style></head><body>
<h1>Pre-training report</h1>
<p>${cases.length} cases · preset ${escape(recipe.preset)} · ${steps} updates of ${
    batch.size * batch.replicas * batch.accumulation
  } patches of ${roi.join("×")} · learning rate ${learningRate} · seed ${seed} · ran on ${escape(provider)}</p>
<ul>${notes(report).map((n) => `<li>${escape(n)}</li>`).join("")}</ul>
<h2>Figures of the last updates</h2>
<table>${figures.join("")}</table>
${pictures.length === 0 ? "" : `<h2>${escape(method.pictures.title)}</h2>\n${pictures.join("\n")}`}
<h2>Curves</h2>
${
    drawn(report).filter(([, points]) => points.length > 0).map(([name, points]) =>
      `<figure>${lossSvg(method.titles[name], points)}<figcaption>${escape(method.titles[name])}</figcaption></figure>`
    ).join("\n")
  }
<h2>Recipe</h2>
<pre>${escape(JSON.stringify(recipe, null, 2))}</pre>
</body></html>
`;
}
