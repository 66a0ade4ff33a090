import assert from "node:assert/strict";
import { pretrainingHtml, pretrainingJson, type PretrainingReport } from "./pretraining.ts";
import { BRAINMVP } from "../pretraining/brainmvp/method.ts";
import { withoutPictures } from "./without_patients.ts";
import { resolvePretraining } from "../pretraining/methods.ts";

const STEPS = 1000;

function reportOf(changes: Partial<PretrainingReport> = {}): PretrainingReport {
  const flat = (v: number) => Array<number>(STEPS).fill(v);
  return {
    method: BRAINMVP.report,
    recipe: resolvePretraining({ preset: "edge", steps: STEPS }, 2),
    modalities: ["t1", "flair"],
    cases: [["t1", "flair"], ["flair"]],
    nowhere: [],
    curves: {
      loss: flat(1),
      md: Array.from({ length: STEPS }, (_, i) => STEPS - i),
      cmr: flat(0.1),
      contrast: flat(0.5),
      cmrShare: flat(0.5),
      meanPredictor: flat(0.3),
    },
    snapshots: [{ step: 20, png: Uint8Array.of(1, 2, 3) }],
    provider: "cpu",
    peakBytes: 9,
    ...changes,
  };
}

const METRICS = { md: 0.2, cmr: null, contrast: 0.5, meanPredictor: 0.3 };

Deno.test("pretrainingJson() holds scans by modality, curves of at most 400 points and CMR over the samples that had it", () => {
  const report = pretrainingJson(reportOf(), METRICS) as {
    scans: unknown;
    curves: Record<string, [number, number][]>;
    templates: unknown;
    notes: string[];
  };
  assert.deepEqual(report.scans, { t1: 1, flair: 2 });
  assert.deepEqual(Object.keys(report.curves), ["md", "cmr", "contrast", "loss", "meanPredictor"]);
  assert.ok(report.curves.md.length <= 400);
  assert.deepEqual([report.curves.md[0], report.curves.md.at(-1)![0]], [[3, 999], STEPS]);
  assert.ok(report.curves.cmr.every(([, v]) => Math.abs(v - 0.2) < 1e-9));
  assert.deepEqual(report.templates, [{ step: 20, png: "AQID" }]);
  assert.equal(report.notes[1], "Cases with one modality, reconstructed from the template only: 1.");
});

Deno.test("pretrainingHtml() shows curves and pictures without scripts or outside resources", () => {
  const html = pretrainingHtml(reportOf(), METRICS);
  assert.equal(html.match(/<svg/g)!.length, 5);
  assert.match(html, /after 20 updates; from the top: t1, flair/);
  assert.match(html, /<td>–<\/td>/);
  assert.doesNotMatch(html, /<script|https?:\/\//);
  const without = reportOf({ curves: { ...reportOf().curves, cmrShare: Array(STEPS).fill(0) } });
  assert.equal(pretrainingHtml(without, METRICS).match(/<svg/g)!.length, 4, "no case had another modality");
});

Deno.test("withoutPictures() leaves no picture in either form of a pre-training's report", () => {
  const report = withoutPictures(reportOf());
  assert.deepEqual(pretrainingJson(report, METRICS).templates, []);
  assert.doesNotMatch(pretrainingHtml(report, METRICS), /<img|data:image/);
  assert.match(pretrainingHtml(reportOf(), METRICS), /data:image/);
});
