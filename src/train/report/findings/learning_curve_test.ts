import assert from "node:assert/strict";
import { Random } from "../../../tensor/mod.ts";
import { learningCurve, type LearningPoint } from "./learning_curve.ts";

/** Twelve patients, each scored after training on 4 and on 8: `0.9 − slope·n^−½`, patients apart by 0.1, noise of 0.01. */
function pointsOf(slope: number, random: Random): LearningPoint[] {
  return Array.from({ length: 12 }, (_, i) => i).flatMap((i) => {
    const level = 0.1 * random.normal();
    return [4, 8].map((n) => ({
      trainPatients: n,
      dice: 0.9 - slope / Math.sqrt(n) + level + 0.01 * random.normal(),
      patient: `p${i}`,
    }));
  });
}

Deno.test("learningCurve() holds the gain of one more patient at least as often as it says", () => {
  const random = new Random("curves"), truth = 0.4 * (1 / Math.sqrt(8) - 1 / 3);
  let inside = 0;
  for (let run = 0; run < 40; run++) {
    const { oneMore, sentence } = learningCurve(pointsOf(0.4, random), { patients: 8, seed: run });
    inside += Number(oneMore!.low <= truth && truth <= oneMore!.high);
    assert.match(sentence, /^One more labelled patient would probably bring \+0\.0\d\d \(/);
  }
  assert.ok(inside / 40 >= 0.8, `inside in ${inside} of 40 runs`);
});

Deno.test("learningCurve() says where the folds cannot tell", () => {
  const random = new Random("flat");
  const { sentence, oneMore } = learningCurve(pointsOf(0, random), { patients: 8 });
  assert.ok(oneMore!.low <= 0 && oneMore!.high >= 0);
  assert.match(sentence, /^The folds cannot tell what one more labelled patient would bring: /);
});

Deno.test("learningCurve() is not drawn through one size, or through a few patients", () => {
  const sentence = (...points: [number, number][]) =>
    learningCurve(points.map(([trainPatients, dice]) => ({ trainPatients, dice })), { patients: 3 }).sentence;
  const start = "What one more labelled patient would bring is not known: ";
  assert.equal(sentence(), `${start}no held-out patient has a Dice.`);
  assert.equal(
    sentence([2, 0.5], [2, 0.6], [2, 0.7]),
    `${start}all folds were trained on 2 patients; a fold trained on half of them (halfFolds; of itself, where there are time and patients enough) would show it.`,
  );
  assert.equal(sentence([1, 0.5], [2, 0.6]), `${start}1 held-out patient is too few, it takes 4 of a size.`);
});

Deno.test("learningCurve() depends on its seed only and never exceeds a Dice of 1", () => {
  const points = Array.from({ length: 8 }, (_, i) => ({ trainPatients: i < 4 ? 2 : 4, dice: i < 4 ? 0.5 : 0.99 }));
  const found = learningCurve(points, { patients: 4, seed: 3 });
  assert.deepEqual(found, learningCurve(points, { patients: 4, seed: 3 }));
  for (const { gain } of [found.oneMore!, found.twiceAsMany!]) assert.ok(gain > 0 && gain <= 0.0101, `${gain}`);
  assert.deepEqual(found.means, [{ trainPatients: 2, points: 4, dice: 0.5 }, {
    trainPatients: 4,
    points: 4,
    dice: 0.99,
  }]);
});
