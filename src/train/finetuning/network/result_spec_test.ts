import assert from "node:assert/strict";
import { requestOf, ROI, specOf, TINY_ENCODER } from "../../../../tests/testing/tiny_models.ts";
import type { Engine } from "../../../engine/mod.ts";
import type { Label, ModelSpec, Preprocessing } from "../../../inference/mod.ts";
import { STRONG_AUGMENTATION } from "../../recipe/augmentation.ts";
import { type Recipe, resolveRecipe } from "../../recipe/finetuning.ts";
import { TrainingError } from "../../types.ts";
import { resultSpec } from "./result_spec.ts";

const UNIUNET = { kind: "uniunet", config: {} } as const;
const COLOUR = "#000000";
const nothing = { loaded: [], averaged: [], fresh: [], dropped: [] };

/** The result of a fine-tune of `spec` for `labels`, of which `fresh` begin anew. */
function resultOf(
  { spec, labels, fresh = [], kept = null, recipe = {} }: {
    spec: Partial<ModelSpec>;
    labels?: readonly Label[];
    fresh?: readonly string[];
    kept?: Parameters<typeof resultSpec>[2]["kept"];
    recipe?: Partial<Recipe>;
  },
): ModelSpec {
  const request = requestOf({
    folder: "/nowhere",
    engine: {} as Engine,
    cases: [],
    spec,
    ...(labels && { changes: { labels } }),
  });
  const context = { cases: 1, baseHasTemplates: false, task: request.task, percentilesOver: null };
  const resolved = resolveRecipe({ ...request.recipe, ...recipe }, { ...context, network: TINY_ENCODER.kind });
  const outputs = { ...nothing, fresh };
  const report = { loaded: 0, dropped: [], fresh: [], modalities: nothing, outputs };
  return resultSpec(request, resolved, { architecture: UNIUNET, kept, report });
}

Deno.test("resultSpec() takes task, modalities and outputs from the data, windows and percentiles from the recipe, the rest from the base", () => {
  const roi = [16, 32, 48] as const;
  const result = resultOf({ spec: {}, fresh: ["lesion"], recipe: { roi } });
  assert.deepEqual(result, {
    ...specOf(),
    task: "segmentation",
    architecture: UNIUNET,
    modalities: ["t1", "flair"],
    labels: result.labels,
    preprocessing: { ...specOf().preprocessing, percentilesOver: "foreground" },
    inference: { ...specOf().inference, roi },
  });
  const published = resultOf({ spec: {}, recipe: { percentilesOver: "volume" } });
  assert.deepEqual(published.preprocessing, specOf().preprocessing);
  assert.deepEqual(published.inference.roi, ROI);
});

Deno.test("resultSpec() mirrors windows along the axes of the training's crops where the recipe asks for it", () => {
  const of = (recipe: Partial<Recipe>) => resultOf({ spec: {}, fresh: ["lesion"], recipe }).inference.mirrored;
  assert.equal(of({}), undefined);
  assert.deepEqual(of({ mirroredWindows: true }), [0, 1, 2]);
  const augmentation = { ...STRONG_AUGMENTATION, mirror: ["x"] as const };
  assert.deepEqual(of({ mirroredWindows: true, augmentation }), [0]);
  assert.throws(() => of({ mirroredWindows: true, flips: "joint" }), {
    code: "invalid-recipe",
    message: /expected recipe.mirroredWindows to be false, because crops are mirrored along no axis by itself/,
  });
});

const TWO: readonly Label[] = [{ name: "core", value: 1, colour: COLOUR }, { name: "rim", value: 2, colour: COLOUR }];
const SOFTMAX = {
  ...specOf().inference,
  activation: "softmax",
  paintOrder: [2, 1],
  postprocessing: [{ kind: "fill-holes", labels: ["rim"] }],
} as const;

Deno.test("resultSpec() drops how a base's head answered where the head is fresh, and keeps it with the head", () => {
  const spec = { task: "segmentation", labels: TWO, inference: SOFTMAX } as const;
  const { activation: _a, paintOrder: _o, postprocessing: _p, ...plain } = SOFTMAX;
  assert.deepEqual(resultOf({ spec, labels: TWO, fresh: ["core", "rim"] }).inference, { ...plain, roi: ROI });
  // the same labels with other values in the data set's files
  const labels = TWO.map((label) => ({ ...label, value: label.value + 6 }));
  const kept = { criterion: "labels", activation: "softmax" } as const;
  assert.deepEqual(resultOf({ spec, labels, kept }).inference, { ...SOFTMAX, paintOrder: [8, 7], roi: ROI });
});

Deno.test("resultSpec() keeps the normalisations of a base that states them, each with its modality", () => {
  const [a, b] = [{ kind: "none" }, { kind: "z-score", over: "nonzero" }] as const;
  const of = (modalities: ModelSpec["modalities"], normalisation: Preprocessing["normalisation"]) =>
    resultOf({ spec: { modalities, preprocessing: { ...specOf().preprocessing, normalisation } } }).preprocessing;
  // the data set has t1 and flair
  assert.deepEqual(of(["flair", "t1"], [a, b]).normalisation, [b, a]);
  assert.deepEqual(of(["flair", "t2"], [b, b]).normalisation, [b]);
  assert.equal(of(["flair", "t1"], [a, b]).percentilesOver, specOf().preprocessing.percentilesOver);
  assert.throws(
    () => of(["t1", "t2"], [a, b]),
    (error) =>
      error instanceof TrainingError && error.code === "invalid-recipe" &&
      /normalises each of t1, t2 in its own way, and none of them is flair;/.test(error.message),
  );
});
