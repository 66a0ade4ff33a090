/** How crops and views pass, and what a training does where the device has no memory for its fastest form. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { type Engine, EngineError, openEngine, traitsOf } from "../../../engine/mod.ts";
import { disguised } from "../../../engine/testing/disguised.ts";
import { assertClose } from "../../../graph/testing/check.ts";
import { GraphBuilder } from "../../../graph/mod.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { passesAtOnce, train, type Trained, type TrainerOptions } from "./trainer.ts";
import {
  cancelAt,
  network,
  optionsOf,
  sampleOf,
  shortOfMemory,
  SIZE,
  STEP,
  timeless,
  withTraits,
} from "../../testing/trainer.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const optionsFor = (directory: string, changes: Partial<TrainerOptions> = {}) => optionsOf(engine, directory, changes);

/** As a card's traits are: networks of any size take all crops and views at once. */
const AT_ONCE = { atOnceBytes: Infinity };

const TWO_VIEWS: Partial<TrainerOptions> = {
  networkOf: network,
  batchSize: 3,
  step: { ...STEP, views: 2, consistency: { on: "out", weight: 0.1 }, optimizer: { ...STEP.optimizer, epsilon: 1e-3 } },
  sample: async (step, i) => {
    const { views: [view], target } = await sampleOf(step, i);
    return { views: [view, view.map((v, k) => v + 0.1 * Math.sin(k))], target };
  },
};

const assertEqualWeights = (found: Trained["weights"], expected: Trained["weights"]) => {
  for (const [key, { data }] of expected) assertClose(found.get(key)!.data, data, { atol: 1e-5, what: key });
};

Deno.test("train() comes to the same weights whether crops and views pass at once or one after the other", () =>
  inFolder(async (folder) => {
    const inTurn = await train(optionsFor(folder, TWO_VIEWS));
    const card = withTraits(engine, AT_ONCE), spanning = withTraits(engine, { ...AT_ONCE, spanBytes: 2 ** 20 });
    const atOnce = await train(optionsFor(folder, { ...TWO_VIEWS, engine: card, run: "b" }));
    const spans = await train(optionsFor(folder, { ...TWO_VIEWS, engine: spanning, run: "c" }));
    for (const { losses, weights } of [atOnce, spans]) {
      assertClose(losses, inTurn.losses, { rtol: 1e-5, what: "losses" });
      assertEqualWeights(weights, inTurn.weights);
    }
  }));

/** The CPU engine as one that has memory for the crops of `crops` views at once. */
function roomFor(crops: number): Engine {
  return disguised(withTraits(engine, AT_ONCE), {
    load: async (model, options) => {
      const session = await engine.load(model, options);
      const bytes = crops * 4 * 2 * sizeOf(SIZE);
      const run: typeof session.run = (feeds, how) =>
        Object.values(feeds).some((f) => "data" in f && f.data.byteLength > bytes)
          ? Promise.reject(new EngineError("out-of-memory", "too much"))
          : session.run(feeds, how);
      return { ...session, run };
    },
  });
}

Deno.test("train() lets fewer crops pass at once where the device has no memory for all of them", () =>
  inFolder(async (folder) => {
    const inTurn = await train(optionsFor(folder, TWO_VIEWS));
    const logs: string[] = [];
    const onLog = (message: string) => logs.push(message);
    const options = { ...TWO_VIEWS, engine: withTraits(engine, AT_ONCE), onLog };
    await cancelAt(6, optionsFor(folder, { ...options, run: "b" }));
    const found = await train(optionsFor(folder, { ...options, engine: roomFor(1), run: "b" }));
    assert.deepEqual(logs, ["The device ran out of memory: the training resumes in a form that takes less"]);
    assertEqualWeights(found.weights, inTurn.weights);
  }));

Deno.test("train() resumes in the form that takes the least memory when the device has run out of it", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "whole"));
    const whole = await train(optionsFor(join(folder, "whole")));
    const seen: number[] = [], logs: string[] = [];
    const options = optionsFor(folder, {
      engine: shortOfMemory(engine, 6),
      onStep: ({ step }) => seen.push(step),
      onLog: (message) => logs.push(message),
    });
    const found = await train(options);
    assert.deepEqual(timeless(found), timeless(whole));
    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 5, 6, 7, 8, 9, 10, 11, 12], "from the checkpoint of step 4 on");
    assert.equal(logs[0], "The device ran out of memory: the training resumes in the form that takes the least");
    assert.match(logs[1], /^A training step will take 0\.1 GB of memory/);
    await train({ ...options, run: "b" });
    assert.deepEqual(seen.slice(14), Array.from({ length: 12 }, (_, i) => i + 1), "the next one begins so");
  }));

Deno.test("passesAtOnce() is for cards, and for networks whose values take up to a GiB", () => {
  const of = (voxels: number) => {
    const b = new GraphBuilder();
    return b.build("relu", { y: b.op.Relu(b.input("x", { dtype: "float32", shape: [2, 1, voxels] })) });
  };
  assert.equal(passesAtOnce(traitsOf("cuda"), of(2 ** 27)), true);
  assert.equal(passesAtOnce(traitsOf("cuda"), of(2 ** 27 + 1)), false);
  assert.equal(passesAtOnce(traitsOf("cpu"), of(8)), false);
});
