import assert from "node:assert/strict";
import { caseScore, labelScore } from "./score.ts";
import { Tally } from "./tally.ts";

/** Adds voxels of one label: probability, in the answer's mask, in the pass's. */
function tallied(voxels: readonly (readonly [p: number, own: boolean, other: boolean])[], passes = 1): Tally {
  const tally = new Tally(1, passes), found = Uint8Array.of(0);
  for (const [p, own, other] of voxels) {
    tally.add(Float32Array.of(p), found, Number(own));
    if (passes > 0) tally.compare(0, found, Number(other));
  }
  return tally;
}

Deno.test("labelScore() is the overlap of the mask with its probabilities, and that of the passes' masks", () => {
  const voxels = [[1, true, true], [0.5, true, false], [0.25, false, true], [0, false, false]] as const;
  const [alone] = tallied(voxels, 0).sums();
  assert.equal(labelScore(alone), 2 * 1.5 / (1.75 + 2));
  const [compared] = tallied(voxels).sums();
  assert.deepEqual(compared.passes, [{ voxels: 2, shared: 1 }]);
  assert.ok(Math.abs(labelScore(compared)! - (0.7 * 2 * 1.5 / 3.75 + 0.3 * 0.5)) < 1e-12);
});

Deno.test("labelScore() of a sure answer is 1, of a mask where nothing is known 0, of no mask null", () => {
  assert.ok(Math.abs(labelScore(tallied([[1, true, true], [0, false, false]]).sums()[0])! - 1) < 1e-12);
  assert.equal(labelScore(tallied([[0, true, false], [1, false, true]]).sums()[0]), 0);
  assert.equal(labelScore(tallied([[0.4, false, true]]).sums()[0]), null);
});

Deno.test("caseScore() is the mean over the labels that were found", () => {
  assert.equal(caseScore([0.5, null, 1], 1), 0.75);
  assert.equal(caseScore([0.5, null, 1], 0.5), 0.375);
  assert.equal(caseScore([null, null], 1), null);
});
