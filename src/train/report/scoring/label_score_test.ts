import assert from "node:assert/strict";
import { dice, hd95 } from "../../../metrics/mod.ts";
import { spacingAffine } from "../../../volume/mod.ts";
import { boxOf, scoreLabel } from "./label_score.ts";
import { Reference } from "./reference.ts";

const SIZE = [9, 10, 11] as const;
const grid = { sizeVox: SIZE, affineRas: spacingAffine([1, 2, 3]) };

/** Cubes of edge 2 at these corners. */
function cubes(corners: readonly (readonly [number, number, number])[]): Uint8Array {
  const mask = new Uint8Array(990);
  for (const [x, y, z] of corners) {
    for (let i = 0; i < 8; i++) mask[((x + (i >> 2)) * 10 + y + (i >> 1 & 1)) * 11 + z + (i & 1)] = 1;
  }
  return mask;
}

Deno.test("scoreLabel() gives the figures of whole masks, and lesions with their sizes", () => {
  const reference = cubes([[1, 1, 1], [5, 5, 5]]), prediction = cubes([[2, 1, 1], [1, 7, 8], [6, 2, 8]]);
  const box = boxOf([reference, prediction], SIZE);
  assert.deepEqual(box, { start: [1, 1, 1], end: [8, 9, 10] });
  const { score } = scoreLabel("lesion", { prediction, reference, grid, box });
  assert.deepEqual(score, {
    label: "lesion",
    dice: dice(prediction, reference),
    hd95Mm: hd95(prediction, reference, { sizeVox: SIZE, spacingMm: [1, 2, 3] }),
    volumeMl: 24 * 0.006,
    referenceMl: 16 * 0.006,
    counts: [4, 24, 16],
    lesions: { found: 1, missed: 1, hits: 1, false: 2, foundMl: [0.048], missedMl: [0.048], falseMl: [0.048, 0.048] },
  });
});

Deno.test("scoreLabel() of empty masks has no Dice and no lesions", () => {
  const none = new Uint8Array(990), box = boxOf([none], SIZE);
  const { score } = scoreLabel("lesion", { prediction: none, reference: none, grid, box });
  assert.deepEqual([score.dice, score.hd95Mm, score.counts], [null, null, [0, 0, 0]]);
  assert.deepEqual([score.lesions!.found, score.lesions!.missed, score.lesions!.false], [0, 0, 0]);
});

Deno.test("Reference reads labels of several values and values of several labels", () => {
  const labels = [{ value: 1, sourceValues: [1, 3] }, { value: 2, sourceValues: [2, 3] }];
  const reference = new Reference(Float32Array.of(0, 1, 2, 3, 9, 3), labels);
  assert.deepEqual([...reference.maskOf(0)], [0, 1, 0, 1, 0, 1]);
  assert.deepEqual([...reference.maskOf(1)], [0, 0, 1, 1, 0, 1]);
  assert.deepEqual([...reference.at(3)], [1, 1]);
  assert.deepEqual([...new Reference([5, 2], [{ value: 5 }]).maskOf(0)], [1, 0]);
});
