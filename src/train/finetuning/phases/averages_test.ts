/** Results behind the last update: averaged weights and statistics computed anew. */
import assert from "node:assert/strict";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { type Engine, openEngine } from "../../../engine/mod.ts";
import { assertClose } from "../../../graph/testing/check.ts";
import { toNumbers } from "../../../tensor/mod.ts";
import { cancelAt, network, optionsOf, sampleOf, STEP, timeless, withTraits } from "../../testing/trainer.ts";
import { train, type TrainerOptions } from "./trainer.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const optionsFor = (directory: string, changes: Partial<TrainerOptions> = {}) => optionsOf(engine, directory, changes);

const DECAY = 0.7;
const AVERAGED = { step: { ...STEP, ema: DECAY } };

/** Weights and statistics after each of the first `steps` updates of 12. */
async function trajectory(folder: string, steps: number, changes: Partial<TrainerOptions>) {
  const { rateOf } = optionsFor(folder);
  const after = [];
  for (let n = 1; n <= steps; n++) {
    after.push((await train(optionsFor(folder, { ...changes, steps: n, rateOf, run: `first ${n}` }))).weights);
  }
  return after;
}

for (const batchSize of [1, 2]) {
  Deno.test(`train() with ema returns the bias-corrected average of weights and statistics over updates (batch of ${batchSize})`, () =>
    inFolder(async (folder) => {
      const steps = 4, { rateOf } = optionsFor(folder);
      const after = await trajectory(folder, steps, { batchSize });
      const { weights, losses } = await train(
        optionsFor(folder, { ...AVERAGED, batchSize, steps, rateOf, run: "averaged" }),
      );
      assert.equal(losses.length, steps);
      // Σ d^(T−t)(1 − d)·w_t / (1 − d^T)
      const shares = after.map((_, t) => DECAY ** (steps - 1 - t) * (1 - DECAY) / (1 - DECAY ** steps));
      assert.ok(Math.abs(shares.reduce((a, b) => a + b, 0) - 1) < 1e-12);
      for (const [key, found] of weights) {
        const rows = after.map((w) => toNumbers(w.get(key)!));
        const expected = rows[0].map((_, i) => rows.reduce((sum, row, t) => sum + shares[t] * row[i], 0));
        assertClose(found.data, expected, { atol: 1e-6, what: key });
        assert.notDeepEqual(toNumbers(found), rows.at(-1), key);
      }
    }));
}

Deno.test("train() with ema resumes to the same average, and comes to it in calls of many updates and crops at once", () =>
  inFolder(async (folder) => {
    const options = { ...AVERAGED, batchSize: 2 };
    const whole = await train(optionsFor(folder, { ...options, run: "whole" }));
    await cancelAt(6, optionsFor(folder, options));
    const resumed = await train(optionsFor(folder, options));
    assert.deepEqual(timeless(resumed), timeless(whole));
    const spanning = withTraits(engine, { spanBytes: 4 * 800 });
    const spans = await train(optionsFor(folder, { ...options, engine: spanning, run: "spans" }));
    const card = withTraits(engine, { atOnceBytes: Infinity });
    const atOnce = await train(optionsFor(folder, { ...options, engine: card, networkOf: network, run: "at once" }));
    for (const { weights } of [spans, atOnce]) {
      for (const [key, { data }] of whole.weights) assertClose(weights.get(key)!.data, data, { atol: 1e-5, what: key });
    }
  }));

Deno.test("train() with reestimate keeps the last weights and takes the statistics of the crops that follow", () =>
  inFolder(async (folder) => {
    const steps = 3, drawn: string[] = [];
    const sample = (step: number, i: number) => {
      if (step > steps) drawn.push(`${step} ${i}`);
      return sampleOf(step, i);
    };
    const plain = await train(optionsFor(folder, { steps }));
    const again = await train(optionsFor(folder, { steps, sample, reestimate: true, run: "again" }));
    assert.deepEqual(drawn, Array.from({ length: 64 }, (_, i) => `${steps + 1 + i} 0`));
    for (const [key, { data }] of plain.weights) {
      const isSame = String(again.weights.get(key)!.data) === String(data);
      assert.equal(isSame, !key.includes("running"), key);
    }
    // the first layer is linear: the mean of its outputs is that of its inputs, by its kernel
    const kernel = toNumbers(again.weights.get("first.weight")!);
    const means = [0, 0];
    for (let pass = 1; pass <= 64; pass++) {
      const { views: [view] } = await sampleOf(steps + pass, 0);
      view.forEach((v, i) => means[Math.floor(i / 64)] += v / 64 / 64);
    }
    const expected = [0, 1, 2].map((o) => kernel[2 * o] * means[0] + kernel[2 * o + 1] * means[1]);
    assertClose(again.weights.get("norm.running_mean")!.data, expected, { atol: 1e-6, what: "mean" });
  }));
