import assert from "node:assert/strict";
import type { Activation } from "../../inference/mod.ts";
import { classificationReading, type Final, segmentationReading } from "./activation.ts";

type Row = readonly [
  Final,
  channels: number,
  outputs: number,
  stated: Activation | undefined,
  background: boolean,
  Activation | RegExp,
];

const SEGMENTATIONS: readonly Row[] = [
  ["none", 3, 3, undefined, false, "sigmoid"],
  ["none", 4, 3, undefined, false, "softmax"],
  ["none", 4, 3, undefined, true, "softmax"],
  ["none", 1, 1, undefined, false, "sigmoid"],
  ["none", 2, 1, undefined, false, "softmax"],
  ["none", 3, 3, "probabilities", false, "probabilities"],
  ["none", 1, 3, "label-map", false, "label-map"],
  ["sigmoid", 3, 3, undefined, false, "probabilities"],
  ["sigmoid", 4, 3, undefined, false, "class-probabilities"],
  ["softmax", 4, 3, undefined, false, "class-probabilities"],
  ["softmax", 3, 3, "probabilities", false, "probabilities"],
  ["argmax", 1, 3, undefined, false, "label-map"],
  ["softmax", 3, 3, undefined, false, /Softmax over 3 channels, of which one is the background.*name the 2 labels/],
  [
    "softmax",
    4,
    3,
    "softmax",
    false,
    /expected activation class-probabilities.*got softmax: its graph ends in a Softmax/,
  ],
  ["sigmoid", 3, 3, "sigmoid", false, /expected activation probabilities.*got sigmoid: its graph ends in a Sigmoid/],
  ["argmax", 1, 3, "sigmoid", false, /expected activation label-map, got sigmoid: its graph ends in an ArgMax/],
  ["argmax", 4, 3, undefined, false, /expected 1 channels for 3 labels and activation label-map/],
  ["none", 5, 3, undefined, false, /expected 3 channels, one per label, or 4 with the background first, got 5/],
  ["none", 3, 3, undefined, true, /expected 4 channels for 3 labels and activation softmax/],
  ["none", 3, 3, "softmax", false, /expected 4 channels for 3 labels and activation softmax .* got 3/],
  ["none", 3, 3, "logit", false, /expected an activation of segmentations/],
];

const CLASSIFICATIONS: readonly Row[] = [
  ["none", 3, 3, undefined, false, "softmax"],
  ["none", 1, 2, undefined, false, "logit"],
  ["none", 3, 3, "sigmoid", false, "sigmoid"],
  ["none", 1, 1, "values", false, "values"],
  ["none", 2, 2, "values", false, "values"],
  ["softmax", 3, 3, undefined, false, "probabilities"],
  ["sigmoid", 1, 2, undefined, false, "probabilities"],
  ["sigmoid", 4, 4, undefined, false, "probabilities"],
  ["none", 1, 1, undefined, false, /expected 2 classes for its one output, or activation values .* got 1 class and/],
  ["none", 3, 2, undefined, false, /expected 2 outputs for 2 classes and activation softmax, got 3/],
  ["softmax", 3, 3, "softmax", false, /got softmax: its graph ends in a Softmax/],
  ["sigmoid", 1, 2, "logit", false, /got logit: its graph ends in a Sigmoid/],
  ["argmax", 1, 3, undefined, false, /ends in an ArgMax, so that it puts out the number of a class alone/],
  ["none", 3, 3, "label-map", false, /expected an activation of classifications/],
];

for (const [task, rows] of [["segmentation", SEGMENTATIONS], ["classification", CLASSIFICATIONS]] as const) {
  for (const [final, channels, outputs, stated, background, expected] of rows) {
    Deno.test(`a ${task} with ${channels} channels for ${outputs}${background ? " and a background" : ""} that ends in ${final}${stated ? `, stated as ${stated}` : ""}`, () => {
      const answer = { final, channels, outputs, stated };
      const read = () =>
        task === "segmentation" ? segmentationReading(answer, { background }) : classificationReading(answer);
      if (expected instanceof RegExp) assert.throws(read, { name: "TypeError", message: expected });
      else assert.equal(read().activation, expected);
    });
  }
}
