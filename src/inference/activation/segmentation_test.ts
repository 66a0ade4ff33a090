import assert from "node:assert/strict";
import type { ModelSpec, SegmentationActivation } from "../spec.ts";
import { activationDoubt, SEGMENTATION_RECORDS } from "./segmentation.ts";

const SPEC: Pick<ModelSpec, "labels" | "inference"> = {
  labels: [4, 7].map((value) => ({ name: `label ${value}`, value, colour: "#ff0000" })),
  inference: { roi: [8, 8, 8], overlap: 0, blending: "constant", threshold: 0.7 },
};
const NONE = -Infinity;

// A voxel's values, its labels and their probabilities (torch.softmax and torch.sigmoid in float64).
const CASES: readonly [SegmentationActivation, values: number[], labels: number[], probabilities: number[]][] = [
  ["sigmoid", [1, 0.5], [0], [0.731059, 0.622459]],
  ["sigmoid", [1, 2], [0, 1], [0.731059, 0.880797]],
  ["sigmoid", [NONE, NONE], [], [0, 0]],
  ["softmax", [0.5, 1, -1], [0], [0.574097, 0.077695]],
  ["softmax", [0.5, 0.5, -1], [], [0.449816, 0.100368]], // of equals the earlier one, the background
  ["softmax", [0.5, 1, 1], [0], [0.383651, 0.383651]],
  ["softmax", [NONE, 1, 90], [1], [0, 1]],
  ["softmax", [NONE, NONE, NONE], [], [0, 0]],
  ["probabilities", [0.7, 0.6], [0], [0.7, 0.6]],
  ["probabilities", [0, 1], [1], [0, 1]],
  ["probabilities", [NONE, NONE], [], [0, 0]],
  ["class-probabilities", [0.2, 0.3, 0.5], [1], [0.3, 0.5]],
  ["class-probabilities", [0.4, 0.3, 0.3], [], [0.3, 0.3]],
  ["class-probabilities", [NONE, NONE, NONE], [], [0, 0]],
  ["label-map", [7], [1], [0, 1]],
  ["label-map", [0], [], [0, 0]],
  ["label-map", [NONE], [], [0, 0]],
];

for (const [activation, values, labels, probabilities] of CASES) {
  Deno.test(`activation ${activation} reads a voxel of [${values}] as label [${labels}]`, () => {
    const { channels, reader } = SEGMENTATION_RECORDS[activation], { labelsOf, probabilitiesOf } = reader(SPEC);
    assert.equal(channels(2), values.length);
    const found = new Uint8Array(2), into = new Float32Array(2).fill(NaN);
    const count = labelsOf(Float32Array.from(values), found);
    assert.deepEqual([...found.subarray(0, count)], labels);
    probabilitiesOf(Float32Array.from(values), into);
    into.forEach((p, c) => assert.ok(Math.abs(p - probabilities[c]) < 1e-6, `${p}, expected ${probabilities[c]}`));
  });
}

Deno.test("activation label-map refuses a value that no label has", () => {
  const { labelsOf } = SEGMENTATION_RECORDS["label-map"].reader(SPEC);
  assert.throws(() => labelsOf(Float32Array.of(5), new Uint8Array(2)), {
    code: "invalid-output",
    message: /expected 0 or a label's value \(4, 7\), got 5/,
  });
});

Deno.test("activationDoubt() doubts logits that look like probabilities, and no others", () => {
  const doubt = (kind: SegmentationActivation, least: number, greatest: number) =>
    activationDoubt(SEGMENTATION_RECORDS[kind], { least, greatest });
  for (const kind of ["sigmoid", "softmax"] as const) {
    assert.match(doubt(kind, 0, 0.97)!, /lies between 0 and 1 \(0\.00 to 0\.970\)/);
    assert.equal(doubt(kind, -0.01, 0.9), null);
    assert.equal(doubt(kind, 0, 1.01), null);
    assert.equal(doubt(kind, 0, 0), null);
    assert.equal(doubt(kind, Infinity, -Infinity), null); // no window was run
  }
  for (const kind of ["probabilities", "class-probabilities", "label-map"] as const) {
    assert.equal(doubt(kind, 0, 0.97), null);
  }
});
