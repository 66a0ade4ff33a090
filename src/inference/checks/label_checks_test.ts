import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { headFacts, tissueOf } from "../testing/facts.ts";
import { labelDoubts, labelFactsOf, type LabelValueFacts } from "./label_checks.ts";

Deno.test("labelFactsOf() measures every value but 0: voxels, mL, border and box", () => {
  const sizeVox = [3, 4, 5] as const;
  const data = new Float32Array(60);
  for (const [x, y, z] of [[1, 1, 1], [1, 2, 3], [1, 1, 2]]) data[(x * 4 + y) * 5 + z] = 300;
  data[(0 * 4 + 2) * 5 + 4] = 2;
  assert.deepEqual(labelFactsOf({ data, sizeVox, affineRas: spacingAffine([1, 1, 2]) }), [
    {
      value: 2,
      voxels: 1,
      volumeMl: 0.002,
      border: [{ side: "left", voxels: 1 }, { side: "superior", voxels: 1 }],
      box: { lowMm: [-0.5, 1.5, 7], highMm: [0.5, 2.5, 9] },
    },
    { value: 300, voxels: 3, volumeMl: 0.006, border: [], box: { lowMm: [0.5, 0.5, 1], highMm: [1.5, 2.5, 7] } },
  ]);
});

const lesion = (changes: Partial<LabelValueFacts> = {}): LabelValueFacts => ({
  value: 1,
  voxels: 5000,
  volumeMl: 5,
  border: [],
  box: { lowMm: [60, 60, 60], highMm: [100, 120, 100] },
  ...changes,
});

Deno.test("labelDoubts() has none about a label inside the tissue, or in a crop inside it", () => {
  assert.deepEqual(labelDoubts({ labels: [lesion()], images: { t1: headFacts() } }), []);
  assert.deepEqual(labelDoubts({ labels: [], images: { t1: headFacts() } }), []);
  const crop = headFacts({ foreground: { ...tissueOf([10, 10, 10], [500, 0, 0]), kind: "whole" } });
  assert.deepEqual(labelDoubts({ labels: [lesion()], images: { t1: crop } }), []);
});

Deno.test("labelDoubts() names a label at the border, and one that lies beside the head", () => {
  assert.deepEqual(labelDoubts({ labels: [lesion({ border: [{ side: "left", voxels: 9 }] })], images: {} }), [{
    code: "label-at-border",
    detail:
      "the border of the field of view cuts label 1 with 9 at the left side, of 5000 voxels; the part outside is in " +
      "no volume; the rest is used; check that the file is not cut",
  }]);
  const beside = lesion({ box: { lowMm: [-100, 60, 60], highMm: [-60, 120, 100] } });
  assert.deepEqual(labelDoubts({ labels: [beside], images: { t1: headFacts() } }), [{
    code: "label-outside-tissue",
    detail:
      "0 % of the box around the labels lies in the box around the tissue of t1, expected at least 50 %; it is used " +
      "where its header places it; check the affine of the label map",
  }]);
});
