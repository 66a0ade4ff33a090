import assert from "node:assert/strict";
import { specOf } from "../../../../tests/testing/tiny_models.ts";
import type { InferenceSettings, Label } from "../../../inference/mod.ts";
import { Random } from "../../../tensor/mod.ts";
import { LEAST_ML, THRESHOLDS } from "../scoring/choices.ts";
import type { CaseScore } from "../scores.ts";
import { chosenOutputs } from "./chosen_outputs.ts";

const LABELS: readonly Label[] = [{ name: "lesion", value: 1, colour: "#ff0000" }];
const patientOf = (i: number) => `p${i}`;

/** A case whose Dice under every choice is given: 1000 voxels in the reference and in the prediction. */
function caseOf(i: number, diceOf: (threshold: number, leastMl: number) => number): CaseScore {
  const counts = THRESHOLDS.map((t) =>
    LEAST_ML.map((s): [number, number] => [Math.round(1000 * Math.min(1, Math.max(0, diceOf(t, s)))), 1000])
  );
  const choices = {
    thresholds: THRESHOLDS,
    leastMl: LEAST_ML,
    counts,
    referenceBelow: LEAST_ML.map((ml) => ml / 0.005),
  };
  const lesions = { found: 6, missed: 4, hits: 6, false: 1, foundMl: [], missedMl: [], falseMl: [] };
  const label = { label: "lesion", dice: 0.5, hd95Mm: 1, volumeMl: 1, referenceMl: 1, lesions, choices };
  return { case: i, labels: [{ ...label, counts: [500, 1000, 1000] }] };
}

const choose = (scores: readonly CaseScore[], changes: Partial<InferenceSettings> = {}) => {
  const { inference } = specOf();
  return chosenOutputs(scores, {
    spec: { labels: LABELS, inference: { ...inference, threshold: 0.5, ...changes } },
    patientOf,
  });
};

Deno.test("chosenOutputs() takes a threshold and a least size that help every patient, with figures", () => {
  const scores = [0.5, 0.6, 0.7, 0.65].map((level, i) =>
    caseOf(i, (t, s) => level + (t === 0.3 ? 0.05 : 0) + (s === 0.01 ? 0.02 : 0))
  );
  const { inference, notes, figures } = choose(scores);
  assert.deepEqual(inference, {
    threshold: 0.3,
    postprocessing: [{ kind: "smallest-size", labels: ["lesion"], ml: 0.01 }],
  });
  assert.deepEqual([figures!.patients, figures!.notWorse, figures!.isTaken], [4, 4, true]);
  assert.match(
    notes[0],
    /^Chosen by validation: threshold 0\.3, parts of lesion below 0\.01 mL dropped\. It changes the mean Dice/,
  );
  assert.match(
    notes[0],
    /of 4 held-out patients from 0\.613 to 0\.682, and from 0\.613 to 0\.682 where each patient is read/,
  );
  assert.equal(notes[1], "8 of 40 parts of lesion in the references of these cases are smaller than 0.01 mL.");
});

Deno.test("chosenOutputs() leaves settings alone where one patient alone gains", () => {
  const scores = [0, 1, 2, 3, 4].map((i) => caseOf(i, (t) => 0.6 + (t === 0.2 ? (i === 0 ? 0.3 : -0.01) : 0)));
  const { inference, notes, figures } = choose(scores);
  assert.deepEqual([inference, figures!.isTaken, figures!.notWorse], [{}, false, 1]);
  assert.match(
    notes[0],
    /^Not chosen: threshold 0\.2 would change .* That is no consistent gain, so the settings stay/,
  );
});

Deno.test("chosenOutputs() says why nothing was chosen", () => {
  const flat = [0, 1, 2].map((i) => caseOf(i, () => 0.7));
  assert.match(
    choose(flat).notes[0],
    /^No other threshold and no smallest component raises the mean Dice of 3 held-out/,
  );
  assert.match(choose(flat.slice(1)).notes[0], /it takes 3 held-out patients with labels, there are 2\.$/);
  const steps = [{ kind: "largest-component" as const }];
  const bare = flat.map((score) => ({ ...score, labels: score.labels!.map((l) => ({ ...l, choices: undefined })) }));
  assert.match(choose(bare, { postprocessing: steps }).notes[0], /the base's own changes of the mask stay\.$/);
  assert.match(choose(bare).notes[0], /no held-out case has the counts that this needs\.$/);
  assert.equal(choose(bare).figures, null);
});

Deno.test("chosenOutputs() seldom takes what noise suggests, and then new patients lose next to nothing", () => {
  const random = new Random("noise");
  let taken = 0, loss = 0;
  for (let run = 0; run < 200; run++) {
    const draw = (i: number) => {
      const noise = new Map(THRESHOLDS.map((t) => [t as number, 0.02 * random.normal()]));
      return caseOf(i, (t) => 0.7 + noise.get(t)! - 0.1 * (t - 0.5) ** 2);
    };
    const { inference } = choose(Array.from({ length: 10 }, (_, i) => draw(i)));
    if (inference.threshold === undefined) continue;
    taken++;
    loss += 0.1 * (inference.threshold - 0.5) ** 2;
  }
  assert.ok(taken / 200 < 0.3, `taken in ${taken} of 200 runs of noise`);
  assert.ok(loss / 200 < 0.002, `mean loss ${loss / 200}`);
});

Deno.test("chosenOutputs() chooses only sizes of exclusive labels", () => {
  const scores = [0, 1, 2].map((i) => {
    const [label] = caseOf(i, () => 0.6).labels!;
    const counts = [LEAST_ML.map((s): [number, number] => [s === 0.05 ? 700 : 600, 1000])];
    return { case: i, labels: [{ ...label, choices: { ...label.choices!, thresholds: [null], counts } }] };
  });
  const { inference } = choose(scores, { activation: "softmax" });
  assert.deepEqual(inference, { postprocessing: [{ kind: "smallest-size", labels: ["lesion"], ml: 0.05 }] });
});
