import assert from "node:assert/strict";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { openEngine } from "../../../engine/mod.ts";
import { cancelAt, network, optionsOf, sampleOf, SIZE, STEP, timeless, withTraits } from "../../testing/trainer.ts";
import { train } from "../phases/trainer.ts";
import { CropFigures } from "./crop_figures.ts";
import { cooled, cropScore, EarlyStop, stopFor, stopRule } from "./early_stop.ts";

const RULE = { steps: 1000, checkpointEverySteps: 5, everySteps: 50, patience: 5 };
/** Scores of looks: `rising` of them rise to `most`, the others stay. */
const curve = (rising: number, looks: number, most = 0.8) =>
  Array.from({ length: looks }, (_, i) => most * Math.min((i + 1) / rising, 1));

Deno.test("stopRule() looks so rarely that it takes at most a fortieth of the time, and never in short folds", () => {
  const of = (steps: number, passes: number) => stopRule({ steps, passes, checkpointEverySteps: 25 });
  assert.deepEqual(of(2000, 1), { steps: 2000, checkpointEverySteps: 25, everySteps: 125, patience: 4 });
  assert.equal(of(999, 1), null);
  for (const passes of [1, 2, 8]) {
    const { everySteps } = of(10_000, passes)!;
    assert.ok(8 / 3 / (everySteps * passes) <= 0.025 && everySteps % 25 === 0, `${everySteps}`);
  }
});

Deno.test("stopFor() ends a training that gains no more, after half of it, and lets the rate fall first", () => {
  const stop = stopFor(curve(6, 13), RULE)!;
  assert.deepEqual({ ...stop, best: 0 }, { found: 650, from: 655, end: 755, best: 0, bestAt: 400 });
  assert.ok(Math.abs(stop.best - 0.8) < 1e-9);
  assert.deepEqual(stopFor(curve(6, 19), RULE), stop, "later looks do not change it");
  assert.equal(stopFor(curve(6, 12), RULE), null, "no look at its patience's end yet");
  assert.equal(stopFor(curve(2, 9), RULE), null, "less than half of the updates");
  assert.equal(stopFor(curve(20, 19), RULE), null, "it gains to the end");
  assert.equal(stopFor(curve(6, 19, 0.1), RULE), null, "it has found little yet");
  assert.equal(stopFor(curve(12, 19), RULE), null, "too late to save anything");
  assert.equal(stopFor([], RULE), null);
});

Deno.test("cooled() lets the rate fall to 0 from the update that a stop names", () => {
  const stop = stopFor(curve(6, 13), RULE)!, rateOf = () => 2;
  assert.deepEqual([650, 655, 705, 755].map((step) => Number(cooled(rateOf, step, stop).toFixed(9))), [2, 2, 1, 0]);
  assert.equal(cooled(rateOf, 900, null), 2);
});

Deno.test("cropScore() is the labels' mean soft Dice over all crops, or the mean probability of the right class", () => {
  const crops = [
    [{ both: 1, own: 2, other: 2 }, { both: 0, own: 3, other: 0 }],
    [{ both: 1, own: 1, other: 3 }, { both: 0, own: 1, other: 0 }],
  ];
  assert.equal(cropScore(crops, "segmentation"), 2 * 2 / (3 + 5));
  assert.equal(cropScore([[crops[0][1]]], "segmentation"), 0, "crops without any label");
  const classes = [[{ both: 0.7, own: 0.7, other: 1 }, { both: 0, own: 0.3, other: 0 }]];
  assert.equal(cropScore(classes, "classification"), 0.7);
});

Deno.test("EarlyStop scores crops by the weights on the device, ends the training, and a resumed run ends the same way", () =>
  inFolder(async (folder) => {
    const engine = await openEngine("cpu");
    try {
      const crops = await Promise.all([0, 1, 2].map((i) => sampleOf(99, i)));
      const rule = { steps: 120, checkpointEverySteps: 5, everySteps: 5, patience: 6 };
      const run = (name: string, changes = {}) => {
        const early = new EarlyStop({ rule, task: "segmentation", crops });
        const options = optionsOf(engine, folder, {
          steps: rule.steps,
          checkpointEverySteps: 5,
          run: name,
          rateOf: (step) => early.rate((at) => at < 30 ? 0.05 : 0, step),
          watchesOf: () => [early.watch(new CropFigures({ engine, network: network(), step: STEP }))],
          ...changes,
        });
        return { early, options };
      };
      const whole = run("whole"), trained = await train(whole.options);
      const { heldOut, stopped, share } = whole.early.watched();
      assert.match(
        stopped ?? "",
        /^Ended after \d+ of 120 updates: over 30 updates, the soft Dice of 3 held-out crops had not/,
      );
      assert.equal(trained.losses.length, whole.early.end);
      assert.ok(
        share > 0 && share < 1 && heldOut.every(({ step }, i) => step === 5 * (i + 1)),
        JSON.stringify(heldOut),
      );

      const { weights } = trained, last = { ...network(), constants: weights };
      const figures = new CropFigures({ engine, network: last, step: STEP });
      for (const [key, value] of weights) await engine.put(key, value);
      const score = cropScore(await figures.of(crops), "segmentation");
      await figures.end();
      for (const key of weights.keys()) await engine.drop(key);
      assert.ok(
        Math.abs(score - heldOut.at(-1)!.score) < 0.05,
        `${score} after the last look's ${heldOut.at(-1)!.score}`,
      );

      const broken = run("resumed");
      await cancelAt(60, broken.options, rule.steps);
      const resumed = run("resumed");
      assert.deepEqual(timeless(await train(resumed.options)), timeless(trained));
      assert.deepEqual(resumed.early.watched().heldOut, heldOut);
      const spanning = run("spans", { engine: withTraits(engine, { spanBytes: 4 * 128 * SIZE.length }) });
      assert.equal((await train(spanning.options)).losses.length, trained.losses.length);
    } finally {
      await engine.close();
    }
  }));
