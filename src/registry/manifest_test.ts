import assert from "node:assert/strict";
import { draftOf } from "./testing/packages.ts";
import { refusal } from "../storage/testing/refusal.ts";
import { type Manifest, MANIFEST_FORMAT, parseManifest, specOf } from "./manifest.ts";

const MANIFEST: Manifest = {
  formatVersion: MANIFEST_FORMAT,
  ...draftOf(),
  version: 3,
  files: { "network.onnx": "0".repeat(64), "templates/t1.nii.gz": "f".repeat(64) },
};

Deno.test("parseManifest() returns a valid manifest unchanged", () => {
  assert.deepEqual(parseManifest(JSON.parse(JSON.stringify(MANIFEST))), MANIFEST);
});

Deno.test("parseManifest() takes a classification of one volume of any modality", () => {
  const change = { task: "classification", labels: [], classes: ["t1", "t2"], modalities: ["any"] } as const;
  assert.deepEqual(parseManifest({ ...MANIFEST, ...change }).modalities, ["any"]);
});

Deno.test("parseManifest() takes labels with and without the volumes that they had in training", () => {
  const [label] = MANIFEST.labels;
  assert.equal(label.trainingMl, undefined);
  const labels = [{ ...label, trainingMl: { min: 1.3, max: 49.8 } }];
  assert.deepEqual(parseManifest({ ...MANIFEST, labels }).labels, labels);
  assert.throws(
    () => parseManifest({ ...MANIFEST, labels: [{ ...label, trainingMl: { min: 1 } }] }),
    refusal("invalid-manifest", /labels\.0\.trainingMl\.max: /),
  );
});

const { inference } = MANIFEST;

Deno.test("parseManifest() takes every setting of windows and outputs", () => {
  const settings = {
    ...inference,
    overlap: [0.5, 0.25, 0.625],
    blending: "gaussian-nnunet",
    activation: "sigmoid",
    paintOrder: MANIFEST.labels.map((l) => l.value).toReversed(),
    placing: "even",
    mirrored: [0, 2],
    postprocessing: [
      { kind: "largest-component", together: true },
      { kind: "fill-holes", labels: [MANIFEST.labels[0].name] },
      { kind: "smallest-size", ml: 0.01 },
    ],
  };
  assert.deepEqual(parseManifest({ ...MANIFEST, inference: settings }).inference, settings);
  const change = { task: "classification", labels: [], classes: ["age"] } as const;
  const values = { ...inference, activation: "values", unit: ["years"] };
  assert.deepEqual(parseManifest({ ...MANIFEST, ...change, inference: values }).inference, values);
});

Deno.test("parseManifest() takes every way of pre-processing", () => {
  const ways: Partial<Manifest["preprocessing"]>[] = [
    { spacingMm: null, orientation: "file", axes: "ZYX" },
    {
      spacingMm: [1, 1, 5],
      orientation: "LPS",
      alignment: "extent",
      separateAxis: { above: 3, interpolation: "nearest" },
    },
    { percentiles: undefined, percentilesOver: undefined, normalisation: [{ kind: "z-score", over: "nonzero" }] },
    { normalisation: [{ kind: "none" }, { kind: "fixed", mean: 1, deviation: 2, clip: [0, 3] }] },
    { normalisation: [{ kind: "min-max", over: "volume", to: [-1, 1], joint: true }], interpolation: "cubic" },
    { order: ["crop", "normalise", "resample"], foreground: "nonzero", foregroundMargin: 0 },
    { resize: [8, 8, 8], keepAspect: true },
  ];
  for (const way of ways) {
    const preprocessing = { ...MANIFEST.preprocessing, ...way };
    assert.deepEqual(parseManifest({ ...MANIFEST, preprocessing }).preprocessing, preprocessing);
  }
});

Deno.test("specOf() picks the fields that inference needs", () => {
  const { task, architecture, modalities, labels, classes, preprocessing, inference } = MANIFEST;
  assert.deepEqual(specOf(MANIFEST), { task, architecture, modalities, labels, classes, preprocessing, inference });
});

const WRONG_PREPROCESSING: Record<string, [Record<string, unknown>, RegExp]> = {
  "no normalisation": [
    { percentiles: undefined },
    /expected normalisation, or percentiles and percentilesOver, got neither/,
  ],
  "three normalisations of one channel": [
    { normalisation: [{ kind: "none" }, { kind: "none" }, { kind: "none" }] },
    /expected one normalisation, or one for each of 2 channels, got 3/,
  ],
  "an unknown normalisation": [{ normalisation: [{ kind: "histogram" }] }, /preprocessing\.normalisation\.0\.kind: /],
  "a deviation of 0": [
    { normalisation: [{ kind: "fixed", mean: 0, deviation: 0 }] },
    /preprocessing\.normalisation\.0\.deviation: /,
  ],
  "a range that descends": [
    { normalisation: [{ kind: "range", from: [5, 5], to: [0, 1], clip: true }] },
    /normalisation 1: expected from to ascend, got 5, 5/,
  ],
  "percentiles of a normalisation that descend": [
    { normalisation: [{ kind: "percentiles", over: "volume", lower: 99, upper: 1, clip: true }] },
    /normalisation 1: expected lower and upper to ascend, got 99, 1/,
  ],
  "tissue of resampled volumes": [
    { normalisation: [{ kind: "z-score", over: "foreground" }], order: ["resample", "normalise", "crop"] },
    /normalisation 1: expected normalise first in order/,
  ],
  "one statistic of several normalisations": [
    { normalisation: [{ kind: "z-score", over: "volume", joint: true }, { kind: "none" }] },
    /normalisation 1: expected one normalisation for all channels beside joint, got several/,
  ],
  "an order without a step": [
    { order: ["crop", "crop", "resample"] },
    /expected order to have each of normalise, resample, crop once, got crop,crop,resample/,
  ],
  "an orientation of two right sides": [{ orientation: "RLS" }, /preprocessing\.orientation: /],
  "axes of two kinds": [{ axes: "XXY" }, /preprocessing\.axes: /],
  "a crop to the whole volume": [{ foreground: "whole", foregroundMargin: 1 }, /expected foregroundMargin null/],
  "an aspect without a size": [{ keepAspect: true }, /expected resize beside keepAspect, got none/],
};

const REFUSED: Record<string, { change: Record<string, unknown>; message: RegExp }> = {
  "an unknown field": { change: { extra: 1 }, message: /manifest: Unrecognized key: "extra"/ },
  "a configuration that its kind does not have": {
    change: { architecture: { kind: "unet3d", config: { widths: [8] } } },
    message: /architecture: Cannot configure unet3d: expected fields among inChannels, .*, got widths/,
  },
  "a kind that does not exist": {
    change: { architecture: { kind: "unet4d", config: {} } },
    message: /architecture\.kind: .*"uniformer"/,
  },
  "a newer format": { change: { formatVersion: 2 }, message: /formatVersion: .*expected 1/ },
  "a name with a slash": { change: { name: "a/b" }, message: /name: expected 1 to 64 of a-z/ },
  "a name of dots": { change: { name: ".." }, message: /name: expected 1 to 64/ },
  "version 0": { change: { version: 0 }, message: /version: / },
  "an unknown modality": { change: { modalities: ["ct"] }, message: /modalities\.0: / },
  "any modality in a segmentation": { change: { modalities: ["any"] }, message: /modalities: any is for classific/ },
  "any modality beside another": {
    change: { task: "classification", labels: [], classes: ["a", "b"], modalities: ["any", "t1"] },
    message: /modalities: any is for classifications of one volume alone/,
  },
  "a template of any modality": { change: { files: { "templates/any.nii.gz": "0".repeat(64) } }, message: /files\./ },
  "no network": { change: { files: {} }, message: /files: network\.onnx is missing/ },
  "a file elsewhere": { change: { files: { "../x": "0".repeat(64) } }, message: /files\.\.\.\/x: / },
  "a hash that is none": { change: { files: { "network.onnx": "abc" } }, message: /files\.network\.onnx: expected 64/ },
  "a segmentation without labels": { change: { labels: [] }, message: /labels: a segmentation needs labels/ },
  "two labels of one value": {
    change: { labels: [1, 2].map((n) => ({ name: `l${n}`, value: 5, colour: "#000000" })) },
    message: /labels: two labels have the same value/,
  },
  "a classification of one class": {
    change: { task: "classification", classes: ["only"] },
    message: /classes: a classification needs two/,
  },
  "percentiles the wrong way round": {
    change: { preprocessing: { ...MANIFEST.preprocessing, percentiles: { lower: 95, upper: 5, clip: true } } },
    message: /preprocessing: percentiles\.lower must be below/,
  },
  "an activation of another task": {
    change: { inference: { ...inference, activation: "logit" } },
    message: /inference: expected sigmoid, softmax, .* for a task of segmentation, got activation logit/,
  },
  "a paint order without a label": {
    change: { inference: { ...inference, paintOrder: [9] } },
    message: /inference: paintOrder must hold each label's value once \(.*\), got 9/,
  },
  "a paint order of labels that cannot overlap": {
    change: {
      inference: { ...inference, activation: "softmax", paintOrder: MANIFEST.labels.map((l) => l.value) },
    },
    message: /inference: paintOrder is for labels that may overlap, those of activation softmax do not/,
  },
  "an axis mirrored twice": {
    change: { inference: { ...inference, mirrored: [1, 1] } },
    message: /inference: mirrored names an axis twice: 1, 1/,
  },
  "mirrored label maps": {
    change: { inference: { ...inference, activation: "label-map", mirrored: [1] } },
    message: /inference: mirrored windows are averaged, which label values/,
  },
  "interpolated label maps": {
    change: { inference: { ...inference, activation: "label-map", restored: "probabilities" } },
    message: /inference: restored probabilities are interpolated, which label values/,
  },
  "post-processing of a label that does not exist": {
    change: { inference: { ...inference, postprocessing: [{ kind: "fill-holes", labels: ["nobody"] }] } },
    message: /inference: postprocessing names the label nobody, expected one of /,
  },
  "a smallest size in two units": {
    change: { inference: { ...inference, postprocessing: [{ kind: "smallest-size", ml: 1, voxels: 3 }] } },
    message: /inference: postprocessing of kind smallest-size needs ml or voxels/,
  },
  "a unit of probabilities": {
    change: { inference: { ...inference, unit: "years" } },
    message: /inference: unit is for the activation values/,
  },
  "a unit for some of the classes": {
    change: {
      task: "classification",
      classes: ["age", "weight"],
      inference: { ...inference, activation: "values", unit: ["years"] },
    },
    message: /inference: unit must be one for all classes or one for each of 2, got 1/,
  },
  "one logit for three classes": {
    change: {
      task: "classification",
      classes: ["a", "b", "c"],
      inference: { ...inference, activation: "logit" },
    },
    message: /classes: activation logit needs 2 classes, got 3/,
  },
  "a paint order of classes": {
    change: { task: "classification", classes: ["a", "b"], inference: { ...inference, paintOrder: [1] } },
    message: /inference: paintOrder is for segmentations, this is a task of classification/,
  },
  ...Object.fromEntries(
    Object.entries(WRONG_PREPROCESSING).map(([name, [fields, message]]) => [
      name,
      { change: { preprocessing: { ...MANIFEST.preprocessing, ...fields } }, message },
    ]),
  ),
  "a window of nothing": {
    change: { inference: { ...MANIFEST.inference, roi: [0, 32, 32] } },
    message: /inference\.roi\.0: /,
  },
};

for (const [name, { change, message }] of Object.entries(REFUSED)) {
  Deno.test(`parseManifest() refuses ${name}`, () => {
    assert.throws(() => parseManifest({ ...MANIFEST, ...change }), refusal("invalid-manifest", message));
  });
}
