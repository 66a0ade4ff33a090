/** The loop on a network of two convolutions with BatchNormalization, on the CPU engine and without files of volumes. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { type Engine, EngineError, openEngine } from "../../../engine/mod.ts";
import { disguised } from "../../../engine/testing/disguised.ts";
import { evaluate } from "../../../graph/mod.ts";
import { sizeOf, tensor } from "../../../tensor/mod.ts";
import { readCheckpoint } from "../../loop/checkpoint.ts";
import { trainingStep } from "../../step/finetuning_step.ts";
import { stalled, train, type TrainerOptions } from "./trainer.ts";
import {
  cancelAt,
  network,
  optionsOf,
  sampleOf,
  shortOfMemory,
  STEP,
  timeless,
  withTraits,
} from "../../testing/trainer.ts";
import { TrainingError } from "../../types.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const optionsFor = (directory: string, changes: Partial<TrainerOptions> = {}) => optionsOf(engine, directory, changes);

const checkpointIn = (folder: string) => join(folder, "checkpoint.safetensors");

Deno.test("train() learns, updates the running statistics and reports every step", () =>
  inFolder(async (folder) => {
    const rates: number[] = [];
    const { weights, losses } = await train(
      optionsFor(folder, { steps: 60, onStep: ({ learningRate }) => rates.push(learningRate) }),
    );
    assert.equal(losses.length, 60);
    const mean = (from: number) => losses.slice(from, from + 10).reduce((a, b) => a + b, 0) / 10;
    assert.ok(mean(50) < 0.5 * mean(0), `${mean(0)} to ${mean(50)}`);
    assert.ok(rates[0] === 0.05 && Math.abs(rates[30] - 0.025) < 1e-12, `${rates[0]}, ${rates[30]}`);
    assert.deepEqual(new Set(weights.keys()), new Set(network().constants.keys()));
    for (const [key, before] of network().constants) assert.notDeepEqual(weights.get(key)!.data, before.data, key);
    await assert.rejects(engine.get("first.weight"), /first\.weight/, "nothing stays on the device");
  }));

Deno.test("train() measures the share of its time that the device waits for samples", () =>
  inFolder(async (folder) => {
    const slow = async (step: number, i: number) => {
      await new Promise((resolve) => setTimeout(resolve, 150));
      return await sampleOf(step, i);
    };
    const waiting = await train(optionsFor(folder, { run: "waiting", sample: slow }));
    assert.ok(waiting.waitShare > 0.5 && waiting.waitShare < 1, `slow samples: ${waiting.waitShare}`);
    const { waitShare } = await train(optionsFor(folder));
    assert.ok(waitShare >= 0 && waitShare < waiting.waitShare / 2, `samples at hand: ${waitShare}`);
  }));

Deno.test("train() in little memory says so and ends with the same weights, bit by bit", () =>
  inFolder(async (folder) => {
    const messages: string[] = [];
    const options = optionsFor(folder, { steps: 5, onLog: (message) => messages.push(message) });
    const unlimited = withTraits(engine, { isMemoryPredicted: false });
    const plain = await train({ ...options, engine: unlimited, run: "plain" });
    assert.deepEqual(messages, []);
    const little = await train({ ...options, engine: shortOfMemory(engine, 0), run: "little" });
    assert.match(messages.slice(1).join(), /^A training step will take 0\.1 GB of memory.*: the least that was found$/);
    assert.deepEqual([little.losses, little.weights], [plain.losses, plain.weights]);
  }));

Deno.test("train() with two crops an update makes one step with the mean gradient", () =>
  inFolder(async (folder) => {
    // with ε = 1 the first update, m̂/(√v̂ + ε) = g/(|g| + 1), shows the gradient's size and not only its sign
    const optimizer = { ...STEP.optimizer, epsilon: 1 };
    const { weights } = await train(optionsFor(folder, { steps: 1, batchSize: 2, step: { ...STEP, optimizer } }));
    const start = network();
    const { graph } = trainingStep(start, { ...STEP, exposeGradients: true });
    const gradientsOf = async (i: number) => {
      const { views, target } = await sampleOf(0, i);
      const feeds = Object.fromEntries(graph.inputs.map((name) => {
        const { shape } = graph.types.get(name)!;
        const data = name === "view1"
          ? views[0]
          : name === "target"
          ? target
          : start.constants.get(name)?.data ?? new Float32Array(sizeOf(shape)).fill(1);
        return [name, tensor("float32", shape, data)];
      }));
      return evaluate(graph, feeds);
    };
    const [a, b] = await Promise.all([gradientsOf(0), gradientsOf(1)]);
    for (const [key, before] of start.constants) {
      const actual = weights.get(key)!.data;
      if (!STEP.isTrainable(key)) continue;
      for (let i = 0; i < actual.length; i++) {
        const g = (Number(a[`gradient/${key}`].data[i]) + Number(b[`gradient/${key}`].data[i])) / 2;
        const expected = Number(before.data[i]) * (1 - 0.05 * 1e-2) - 0.05 * g / (Math.abs(g) + 1);
        assert.ok(Math.abs(Number(actual[i]) - expected) < 1e-6, `${key}[${i}]: ${actual[i]}, expected ${expected}`);
      }
    }
    // both crops move the running mean, one after the other
    const moved = (key: string, i: number) => {
      const before = Number(start.constants.get(key)!.data[i]);
      const [first, second] = [a, b].map((out) => Number(out[`next/${key}`].data[i]) - 0.9 * before);
      return 0.9 * (0.9 * before + first) + second;
    };
    for (const key of ["norm.running_mean", "norm.running_var"]) {
      for (let i = 0; i < 3; i++) {
        const actual = Number(weights.get(key)!.data[i]);
        assert.ok(Math.abs(actual - moved(key, i)) < 1e-5, `${key}[${i}]: ${actual}, expected ${moved(key, i)}`);
      }
    }
  }));

Deno.test("train() takes as many crops in a pass as the network does, and accumulates the passes of an update", () =>
  inFolder(async (folder) => {
    const drawn: string[] = [];
    const sample = (step: number, i: number) => {
      drawn.push(`${step} ${i}`);
      return sampleOf(step, i);
    };
    const one = await train(optionsFor(folder, { network: network(2), steps: 1, batchSize: 2, sample }));
    assert.deepEqual(drawn, ["0 0", "0 1"]);
    const { graph } = trainingStep(network(2), STEP);
    const [a, b] = await Promise.all([sampleOf(0, 0), sampleOf(0, 1)]);
    const joined = { view1: [...a.views[0], ...b.views[0]], target: [...a.target, ...b.target] };
    const feeds = Object.fromEntries(graph.inputs.map((name) => {
      const { shape } = graph.types.get(name)!;
      const start = network(2).constants.get(name)?.data ?? new Float32Array(sizeOf(shape));
      return [name, tensor("float32", shape, joined[name as keyof typeof joined] ?? start)];
    }));
    const scalars = { learningRate: tensor("float32", [], [0.05]), step: tensor("float32", [], [1]) };
    const { loss } = evaluate(graph, { ...feeds, ...scalars });
    assert.ok(Math.abs(one.losses[0] - loss.data[0]) < 1e-5, `${one.losses[0]}, expected ${loss.data[0]}`);

    drawn.length = 0;
    await train(optionsFor(join(folder, "four"), { network: network(2), steps: 1, batchSize: 4, sample }));
    assert.deepEqual(drawn, ["0 0", "0 1", "0 2", "0 3"]);
  }));

for (const batchSize of [1, 2]) {
  Deno.test(`train() keeps a checkpoint when cancelled and resumes from it to the same weights (batch of ${batchSize})`, () =>
    inFolder(async (folder) => {
      await Deno.mkdir(join(folder, "whole"));
      const whole = await train(optionsFor(join(folder, "whole"), { batchSize }));
      await cancelAt(6, optionsFor(folder, { batchSize }));
      assert.equal((await readCheckpoint(checkpointIn(folder)))!.progress.step, 6);
      const seen: number[] = [];
      const resumed = await train(optionsFor(folder, { batchSize, onStep: ({ step }) => seen.push(step) }));
      assert.deepEqual(seen, [7, 8, 9, 10, 11, 12]);
      assert.deepEqual(timeless(resumed), timeless(whole));
    }));
}

Deno.test("train() starts again from a damaged checkpoint and says so", () =>
  inFolder(async (folder) => {
    const whole = await train(optionsFor(folder));
    const path = checkpointIn(folder);
    const bytes = await Deno.readFile(path);
    await Deno.writeFile(path, bytes.subarray(0, bytes.length - 5));
    const seen: number[] = [], logs: string[] = [];
    const again = await train(
      optionsFor(folder, { onStep: ({ step }) => seen.push(step), onLog: (message) => logs.push(message) }),
    );
    assert.deepEqual(logs, ["The checkpoint is damaged: this training starts again from its first step"]);
    assert.equal(seen[0], 1);
    assert.deepEqual(timeless(again), timeless(whole));
  }));

Deno.test("train() does not resume from another run's checkpoint or one that lacks state", () =>
  inFolder(async (folder) => {
    const first = async (changes: Partial<TrainerOptions>) => {
      const seen: number[] = [];
      await train(optionsFor(folder, { ...changes, onStep: ({ step }) => seen.push(step) }));
      return seen[0];
    };
    await cancelAt(5, optionsFor(folder));
    assert.equal(await first({ run: "b" }), 1);
    await cancelAt(5, optionsFor(folder));
    assert.equal(await first({}), 6);
    assert.equal(await first({ run: "b" }), 1);
    await cancelAt(5, optionsFor(folder));
    const isTrainable = (key: string) => key === "last.weight";
    assert.equal(await first({ step: { ...STEP, isTrainable } }), 1, "the moments are those of more weights");
  }));

Deno.test("train() stops with an error when the loss is no number", () =>
  inFolder(async (folder) => {
    const sample = async (step: number, i: number) => {
      const made = await sampleOf(step, i);
      if (step === 2) made.views[0][0] = NaN;
      return made;
    };
    await assert.rejects(
      train(optionsFor(folder, { sample })),
      (e) => e instanceof TrainingError && e.code === "diverged" && e.message === "The loss became NaN at step 3",
    );
  }));

Deno.test("train() leaves nothing on a device that cannot load its step", () =>
  inFolder(async (folder) => {
    const held = new Set<string>();
    const full = disguised(engine, {
      put: (name: string) => Promise.resolve(void held.add(name)),
      drop: (name: string) => Promise.resolve(void held.delete(name)),
      load: () => Promise.reject(new EngineError("out-of-memory", `${held.size} values are there`)),
    });
    await assert.rejects(train(optionsFor(folder, { engine: full })), {
      name: "EngineError",
      message: "9 values are there", // five weights, two statistics, the moments of all weights as two vectors
    });
    assert.deepEqual([...held], []);
  }));

for (const [batchSize, expected] of [[1, [3, 1, 3, 1, 3, 1]], [2, [4, 4, 4, 4, 4, 4]]] as const) {
  Deno.test(`train() gives the same weights when a call does many updates, over a stop as well (batch of ${batchSize})`, () =>
    inFolder(async (directory) => {
      const single = await train(optionsFor(directory, { batchSize }));
      const calls: number[] = [];
      // a view and a target of 4³ take 768 bytes
      const spanning = withTraits(engine, { spanBytes: batchSize === 1 ? 3 * 800 : 4 * 800 });
      const counting = disguised(spanning, {
        load: async (model, options) => {
          const session = await engine.load(model, options);
          const run: typeof session.run = (feeds, wishes) => {
            const { count } = feeds;
            calls.push("data" in count ? Number(count.data[0]) : 0);
            return session.run(feeds, wishes);
          };
          return { ...session, run };
        },
      });
      const abort = new AbortController();
      const spans = optionsFor(directory, { run: "b", engine: counting, batchSize });
      const stopped = train({ ...spans, signal: abort.signal, onStep: ({ step }) => step === 7 && abort.abort() });
      await assert.rejects(stopped, TrainingError);
      const together = await train(spans);
      assert.deepEqual(calls, expected);
      assert.deepEqual(together.losses, single.losses);
      for (const [key, { data }] of single.weights) assert.deepEqual(together.weights.get(key)!.data, data, key);
    }));
}

Deno.test("train() ends early when the loss has stalled", () =>
  inFolder(async (folder) => {
    const stop = (losses: readonly number[]) => stalled(losses, 5);
    const frozen = { rateOf: () => 1e-30, steps: 200, stop, sample: () => sampleOf(0, 0) };
    const { losses } = await train(optionsFor(folder, frozen));
    assert.ok(losses.length >= 25 && losses.length < 60, `${losses.length} steps`);
  }));

/** A loss of 1 that falls to 0 over `falling` updates and then stays. */
const curve = (falling: number, flat: number) =>
  Array.from({ length: falling + flat }, (_, i) => Math.max(0, 1 - i / falling));

Deno.test("stalled() waits for `patience` smoothed losses without a new best", () => {
  assert.equal(stalled(curve(50, 0), 10), false);
  // the mean of 20 still falls for 20 updates after the loss has stopped falling
  const firstStall = (patience: number) =>
    Array.from({ length: 200 }, (_, n) => n).find((n) => stalled(curve(50, n), patience));
  assert.equal(firstStall(10), 30);
  assert.equal(firstStall(50), 70);
  assert.equal(stalled(Array(29).fill(1), 10), false, "too short");
  assert.equal(stalled(Array(30).fill(1), 10), true);
});

Deno.test("stalled() forgives bumps that end in a new best", () => {
  const bump = [...curve(40, 0), ...Array(15).fill(0.5), ...Array(40).fill(-1)];
  const stalls = bump.map((_, n) => stalled(bump.slice(0, n), 30));
  assert.ok(!stalls.includes(true));
  assert.ok(stalled(bump.slice(0, 55), 10), "but not when patience is shorter than the bump");
});
