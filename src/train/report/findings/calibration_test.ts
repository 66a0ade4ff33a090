import assert from "node:assert/strict";
import { addProbability, reliability } from "../../../metrics/mod.ts";
import type { CaseScore } from "../scores.ts";
import { BINS } from "../scoring/probabilities.ts";
import { calibrationNote, classCalibrations, voxelCalibrations } from "./calibration.ts";

/** Voxels of one probability, so many of which are in the reference, and a large background. */
function caseOf(i: number, probability: number, inside: number, changes = {}): CaseScore {
  const bins = reliability(BINS);
  for (let v = 0; v < 100; v++) addProbability(bins, probability, v < inside);
  for (let v = 0; v < 10_000; v++) addProbability(bins, 0.01, v < 20);
  const label = { label: "lesion", dice: 0.5, hd95Mm: 1, volumeMl: 1, referenceMl: 1, reliability: bins };
  return { case: i, labels: [{ ...label, counts: [1, 1, 1], ...changes }] };
}

Deno.test("voxelCalibrations() joins the cases of each label and leaves the sure background out", () => {
  const [found, ...others] = voxelCalibrations([
    caseOf(0, 0.81, 50),
    caseOf(1, 0.81, 70),
    caseOf(2, 0.3, 0, { unlearnt: true }),
  ]);
  assert.equal(others.length, 0);
  assert.deepEqual([found.of, found.count, found.bins.length, found.bins[0].share], ["lesion", 200, 1, 0.6]);
  assert.ok(Math.abs(found.error - 0.21) < 1e-9 && Math.abs(found.excess - 0.21) < 1e-9);
  assert.equal(
    calibrationNote(found),
    "Probabilities of lesion, in voxels of 5 % or more, are off by 0.210 on average (expected calibration error), mostly " +
      "too sure; 25 % of the reference's voxels were given less than 5 %.",
  );
  assert.deepEqual(voxelCalibrations([caseOf(0, 0.5, 1, { reliability: undefined })]), []);
});

Deno.test("classCalibrations() compares the likeliest class's probability with its hits, and gives the Brier score", () => {
  const cases = [[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.3, 0.7]].map((probabilities, i): CaseScore => ({
    case: i,
    probabilities,
    classIndex: 1,
  }));
  const [found] = classCalibrations(cases);
  assert.deepEqual([found.count, found.bins.map((b) => b.share)], [4, [1, 1, 0]]);
  assert.ok(Math.abs(found.error - (0.4 + 0.3 + 0.9 + 0.9) / 4) < 1e-9);
  assert.ok(Math.abs(found.brier! - (2 * (0.81 + 0.81 + 0.16 + 0.09)) / 4) < 1e-9);
  assert.match(
    calibrationNote(found),
    /^The probability of the likeliest class is off by 0\.625 .* over 4 cases; Brier score 0\.935/,
  );
  assert.deepEqual(classCalibrations([]), []);
});
