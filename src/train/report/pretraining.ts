/** The report of a pre-training: a JSON document, and the same as one HTML page with curves and the templates' pictures. */
import type { Modality } from "../../inference/mod.ts";
import type { ResolvedBrainmvp } from "../pretraining/brainmvp/settings.ts";
import { curve, escape, lossSvg, STYLE } from "./parts.ts";
import type { Metrics } from "../types.ts";

/** The templates after so many updates: a row for each modality, axial, coronal and sagittal. */
export interface Snapshot {
  readonly step: number;
  readonly png: Uint8Array;
}

export interface PretrainingReport {
  readonly recipe: ResolvedBrainmvp;
  /** Those with a template. */
  readonly modalities: readonly Modality[];
  /** Modalities of every case. */
  readonly cases: readonly (readonly Modality[])[];
  /** One number an update: `loss`, `md`, `cmr`, `contrast`, `cmrShare`, `meanPredictor`. */
  readonly curves: Readonly<Record<string, readonly number[]>>;
  readonly snapshots: readonly Snapshot[];
  readonly provider: string;
  readonly peakBytes: number;
}

const TITLES: Readonly<Record<string, string>> = {
  md: "MD: error of reconstruction from the template",
  cmr: "CMR: error of reconstruction from another modality",
  contrast: "contrast between the two copies",
  loss: "loss",
  meanPredictor: "for comparison: error of predicting every patch's mean",
};

/** The curves to draw; `cmr` over the samples that had another modality. */
function drawn({ curves }: PretrainingReport): [name: string, points: [number, number][]][] {
  const share = curve(curves.cmrShare);
  return Object.keys(TITLES).map((name) => {
    const points = curve(curves[name]);
    if (name !== "cmr") return [name, points];
    return [name, points.flatMap(([s, v], i): [number, number][] => (share[i][1] > 0 ? [[s, v / share[i][1]]] : []))];
  });
}

function notes({ cases, recipe: { preset } }: PretrainingReport): string[] {
  const single = cases.filter((m) => m.length === 1).length;
  return [
    `Preset ${preset}. The error of predicting every patch's own mean is what a reconstruction has to be below.`,
    ...(single === 0 ? [] : [`Cases with one modality, reconstructed from the template only: ${single}.`]),
    "The network reads one volume of any of these modalities. It is a start for fine-tuning. Not a medical device.",
  ];
}

/** The report as JSON; pictures are PNG files in base64. */
export function pretrainingJson(report: PretrainingReport, metrics: Metrics): Record<string, unknown> {
  const { recipe, modalities, cases, snapshots, provider, peakBytes } = report;
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
    templates: snapshots.map(({ step, png }) => ({ step, png: png.toBase64() })),
  };
}

/** The report as one HTML page without scripts or outside resources. */
export function pretrainingHtml(report: PretrainingReport, metrics: Metrics): string {
  const { recipe, modalities, cases, snapshots, provider } = report;
  const { steps, batch, roi, learningRate, seed } = recipe;
  const pictures = snapshots.map(({ step, png }) =>
    `<figure><img alt="templates" src="data:image/png;base64,${png.toBase64()}">` +
    `<figcaption>after ${step} updates; from the top: ${modalities.join(", ")}</figcaption></figure>`
  );
  const figures = Object.entries(metrics).map(([name, v]) =>
    `<tr><td>${escape(TITLES[name] ?? name)}</td><td>${v === null ? "–" : v.toPrecision(4)}</td></tr>`
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
<h2>Templates</h2>
${pictures.join("\n")}
<h2>Curves</h2>
${
    drawn(report).filter(([, points]) => points.length > 0).map(([name, points]) =>
      `<figure>${lossSvg(TITLES[name], points)}<figcaption>${escape(TITLES[name])}</figcaption></figure>`
    ).join("\n")
  }
<h2>Recipe</h2>
<pre>${escape(JSON.stringify(recipe, null, 2))}</pre>
</body></html>
`;
}
