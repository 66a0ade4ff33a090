import assert from "node:assert/strict";
import { type LabelFacts, resultDoubts } from "./result_checks.ts";

const lesion = (changes: Partial<LabelFacts> = {}): LabelFacts => ({
  name: "lesion",
  voxels: 5000,
  volumeMl: 5,
  border: [],
  trainingMl: { min: 1.3, max: 49.8 },
  ...changes,
});

Deno.test("resultDoubts() has none about a volume that training has seen, or of which it says nothing", () => {
  const plausible = [
    [lesion()],
    [lesion({ volumeMl: 0.5 })],
    [lesion({ volumeMl: 149 })],
    [lesion({ volumeMl: 1e4, trainingMl: undefined })],
    [lesion(), lesion({ name: "core", voxels: 0, volumeMl: 0 })],
  ];
  for (const labels of plausible) assert.deepEqual(resultDoubts(labels), []);
});

Deno.test("resultDoubts() names an empty mask, a volume unlike training, and the border", () => {
  assert.deepEqual(resultDoubts([lesion({ voxels: 0, volumeMl: 0 })]), [{
    code: "empty-result",
    detail:
      "the mask is empty: no voxel was found for lesion; right for a patient without it, else check that each file " +
      "is of the modality that it was given as",
  }]);
  for (const [volumeMl, shown] of [[0.2, "0.2"], [520, "520"]] as const) {
    assert.deepEqual(resultDoubts([lesion({ volumeMl })]), [{
      code: "unlike-training",
      detail: `lesion has ${shown} mL, in training 1.3 to 49.8 mL; the mask was written; look at it before it is used`,
    }]);
  }
  const border = [{ side: "superior", voxels: 7 }, { side: "left", voxels: 2 }];
  assert.deepEqual(resultDoubts([lesion({ border })]), [{
    code: "result-at-border",
    detail:
      "the border of the field of view cuts lesion with 7 at the superior side, 2 at the left side, of 5000 voxels; " +
      "the part outside is not in the volume; use a scan that shows the whole of it",
  }]);
});
