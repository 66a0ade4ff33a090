import assert from "node:assert/strict";
import { cosineRate } from "./finetuning.ts";
import {
  PRETRAINING_PRESETS,
  type PretrainingPreset,
  type PretrainingRecipe,
  resolvePretraining,
  Schedule,
} from "./pretraining.ts";
import { TrainingError } from "../types.ts";

/** docs/method B.2 and F.1. */
const TABLE: Readonly<Record<Exclude<PretrainingPreset, "edge">, Record<string, unknown>>> = {
  paper: {
    weights: { md: 1, cmr: 1, contrast: 1 },
    mask: { rate: 0.875, blockVox: 8 },
    crossModalFromEpoch: 0,
    contrastFromEpoch: 900,
    modalitySampling: "perSample",
    modalitiesPerCase: null,
    percentiles: { lower: 1, upper: 99 },
    batch: { size: 3, replicas: 8, accumulation: 1, updates: "whole" },
    schedulerStep: "optimizer",
    maxCases: null,
  },
  official: {
    weights: { md: 10, cmr: 1, contrast: 1 },
    mask: { rate: 0.8, blockVox: 8 },
    crossModalFromEpoch: 301,
    contrastFromEpoch: 1000,
    modalitySampling: "perBatchIndex",
    modalitiesPerCase: 4,
    percentiles: { lower: 5, upper: 95 },
    batch: { size: 3, replicas: 4, accumulation: 2, updates: "early" },
    schedulerStep: "optimizer",
    maxCases: 500,
  },
  "official-olab": {
    contrastFromEpoch: 0,
    schedulerStep: "micro",
    crossModalFromEpoch: 301,
    mask: { rate: 0.8, blockVox: 8 },
  },
};

for (const [preset, expected] of Object.entries(TABLE) as [PretrainingPreset, Record<string, unknown>][]) {
  Deno.test(`resolvePretraining() gives ${preset} the values of docs/method B.2 and F.1`, () => {
    const resolved = resolvePretraining({ preset }, 3755);
    for (const [name, value] of Object.entries(expected)) {
      assert.deepEqual(resolved[name as keyof typeof resolved], value, name);
    }
    const { temperature, learningRate, epochs, optimizer, roi, templates } = resolved;
    assert.deepEqual([temperature, learningRate, epochs, roi], [1, 3e-4, 1500, [96, 96, 96]]);
    assert.deepEqual([optimizer.kind, optimizer.weightDecay, optimizer.beta2], ["adamw", 1e-5, 0.999]);
    const { sizeVox, start, epsilon, others, rate } = templates;
    assert.deepEqual([sizeVox, start, epsilon, others, rate], [[240, 240, 155], "zero", 1e-9, "zeroGradient", 1]);
  });
}

Deno.test("resolvePretraining() completes part of a setting from the preset, and counts 1500 epochs of the official code", () => {
  const { templates, weights, steps } = resolvePretraining(
    { preset: "official", weights: { contrast: 0 }, templates: { rate: 0.5 } },
    3755,
  );
  assert.deepEqual(weights, { md: 10, cmr: 1, contrast: 0 });
  assert.deepEqual([templates.rate, templates.sizeVox], [0.5, [240, 240, 155]]);
  assert.equal(steps, 234_000, "156 updates an epoch");
  assert.equal(resolvePretraining({ preset: "edge", steps: 7 }, 1).steps, 7);
  for (const preset of PRETRAINING_PRESETS) assert.ok(resolvePretraining({ preset }, 1).steps >= 1, "of one case");
});

Deno.test("resolvePretraining() refuses what does not fit, by the setting's name", () => {
  const refusals: [Partial<PretrainingRecipe>, string][] = [
    [{ preset: "cvpr" as "paper" }, 'preset to be edge, paper, official, official-olab, got "cvpr"'],
    [{ maskRate: 0.5 } as object, 'maskRate to be absent: there is no such setting, got "it"'],
    [{ mask: { rat: 0.5 } as object }, 'mask.rat to be absent: there is no such setting, got "it"'],
    [{ mask: null as unknown as object }, "mask to be an object, got null"],
    [{ mask: { rate: 1 } }, "mask.rate to be a share above 0 and below 1, got 1"],
    [{ mask: { blockVox: 10 } }, "mask.blockVox to be a divisor of the patch's edges 96, 96, 96, got 10"],
    [{ roi: [96, 96, 90] }, "roi to be three multiples of 16 up to 256, got [96,96,90]"],
    [{ percentiles: { lower: 99 } }, 'percentiles to be 0 to 100, got {"lower":99,"upper":99}'],
    [{ network: { kind: "uniunet" } }, "network.kind to be uniformer-pretraining or unet3d-pretraining"],
    [{ network: { config: { inChannels: 4 } } }, "network.config.inChannels to be 1, got 4"],
    [{ templates: { others: "untouched" } }, "templates.others to be zeroGradient, because an update has several"],
    [{ learningRate: 0 }, "learningRate to be a number above 0 up to 1, got 0"],
    [{ steps: 0 }, "steps to be a whole number from 1 to 10000000, got 0"],
  ];
  for (const [recipe, message] of refusals) {
    assert.throws(
      () => resolvePretraining({ preset: "paper", ...recipe }, 9),
      (e) =>
        e instanceof TrainingError && e.code === "invalid-recipe" &&
        e.message.startsWith(`Cannot pre-train: expected recipe.${message}`),
      message,
    );
  }
});

Deno.test("Schedule counts steps and updates as the official code does (docs/method B.2.2)", () => {
  const schedule = new Schedule(resolvePretraining({ preset: "official" }, 3755), 3755);
  assert.deepEqual([schedule.perEpoch, schedule.updatesOf(1)], [312, 156]);
  assert.deepEqual(schedule.stepsOf(0), { first: 0, last: 0 }, "the first update has a single step");
  assert.deepEqual(schedule.stepsOf(1), { first: 1, last: 2 });
  assert.deepEqual(schedule.stepsOf(155), { first: 309, last: 310 });
  assert.deepEqual(schedule.stepsOf(156), { first: 311, last: 312 }, "the last step goes into the next epoch");
  assert.equal(schedule.epochOf(312), 1);
  // five steps an epoch: the last one applies, and so does the next epoch's first
  const odd = new Schedule(resolvePretraining({ preset: "official" }, 60), 60);
  assert.deepEqual([2, 3].map((u) => odd.stepsOf(u)), [{ first: 3, last: 4 }, { first: 5, last: 5 }]);
  const whole = new Schedule({ batch: { size: 2, replicas: 1, accumulation: 3, updates: "whole" } }, 8);
  assert.deepEqual([whole.perEpoch, whole.stepsOf(1)], [4, { first: 3, last: 5 }]);
  assert.equal(new Schedule({ batch: { size: 4, replicas: 2, accumulation: 1, updates: "whole" } }, 3).perEpoch, 1);
});

Deno.test("the rate of official-olab reaches 0 at half of the run and comes back (docs/method B.2.2)", () => {
  const { steps, batch } = resolvePretraining({ preset: "official-olab" }, 500);
  const schedule = new Schedule({ batch }, 500);
  const total = schedule.stepsOf(steps - 1).last + 1;
  const rateAt = (share: number) =>
    cosineRate(1, schedule.stepsOf(Math.round(share * (steps - 1))).last, total / batch.accumulation);
  assert.ok(rateAt(0) === 1 && rateAt(0.5) < 1e-6 && rateAt(1) > 1 - 1e-6, `${rateAt(0.5)}, ${rateAt(1)}`);
});
