import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { TrainingError } from "../../types.ts";
import { BRAINMVP_PRESETS, resolveBrainmvp } from "./presets.ts";
import { type BrainmvpRecipe, resolvedBrainmvpSchema } from "./settings.ts";

const NAMES = ["edge", "paper", "official", "official-olab"] as const;

/** The settings in which two presets differ. */
function differences(one: BrainmvpRecipe["preset"], other: BrainmvpRecipe["preset"]): string[] {
  const values = new Map<string, unknown>(Object.entries(BRAINMVP_PRESETS[other]));
  return Object.entries(BRAINMVP_PRESETS[one]).filter(([name, value]) => !isDeepStrictEqual(value, values.get(name)))
    .map(([name]) => name).sort();
}

Deno.test("resolveBrainmvp() fills in every setting within its bounds, for every preset and number of cases", () => {
  for (const preset of NAMES) {
    for (const cases of [1, 3755]) {
      const recipe = resolveBrainmvp({ preset }, cases);
      assert.deepEqual(resolvedBrainmvpSchema.parse(recipe), recipe, preset);
      assert.equal(recipe.preset, preset);
    }
  }
});

Deno.test("the presets of the official codes differ from the paper's, and from each other, where docs/method B.2 says so", () => {
  assert.deepEqual(differences("paper", "official"), [
    "batch",
    "contrastFromEpoch",
    "crossModalFromEpoch",
    "mask",
    "maxCases",
    "modalitiesPerCase",
    "modalitySampling",
    "percentiles",
    "weights",
  ]);
  assert.deepEqual(differences("official", "official-olab"), ["contrastFromEpoch", "schedulerStep"]);
});

Deno.test("the edge preset lets every part of the loss count from the first epoch, in updates of one micro-batch", () => {
  const { batch, weights, contrastFromEpoch, crossModalFromEpoch, templates } = BRAINMVP_PRESETS.edge;
  assert.deepEqual([contrastFromEpoch, crossModalFromEpoch], [0, 0]);
  assert.ok(Math.min(weights.md, weights.cmr, weights.contrast) > 0);
  assert.deepEqual([batch.replicas * batch.accumulation, templates.others], [1, "untouched"]);
});

Deno.test("resolveBrainmvp() completes part of a setting from the preset, and counts 1500 epochs of the official code", () => {
  const { templates, weights, steps } = resolveBrainmvp(
    { preset: "official", weights: { contrast: 0 }, templates: { rate: 0.5 } },
    3755,
  );
  assert.deepEqual(weights, { md: 10, cmr: 1, contrast: 0 });
  assert.deepEqual([templates.rate, templates.sizeVox], [0.5, [240, 240, 155]]);
  assert.equal(steps, 234_000, "156 updates an epoch");
  assert.equal(resolveBrainmvp({ preset: "edge", steps: 7 }, 1).steps, 7);
  for (const preset of NAMES) assert.ok(resolveBrainmvp({ preset }, 1).steps >= 1, "of one case");
});

Deno.test("resolveBrainmvp() refuses what does not fit, by the setting's name", () => {
  const refusals: [Partial<BrainmvpRecipe>, string][] = [
    [{ preset: "cvpr" as "paper" }, 'preset to be edge, paper, official or official-olab, got "cvpr"'],
    [{ maskRate: 0.5 } as object, "maskRate to be absent: there is no such setting, got 0.5"],
    [{ mask: { rat: 0.5 } as object }, "mask.rat to be absent: there is no such setting, got 0.5"],
    [{ mask: null as unknown as object }, "mask to be an object, got null"],
    [{ mask: { rate: 1 } }, "mask.rate to be a number above 0 and below 1, got 1"],
    [{ mask: { blockVox: 10 } }, "mask.blockVox to be a divisor of the patch's edges 96, 96, 96, got 10"],
    [{ roi: [96, 96, 90] }, "roi to be three multiples of 16 up to 256, got [96,96,90]"],
    [{ percentiles: { lower: 99 } }, 'percentiles to be the lower one below the upper, got {"lower":99,"upper":99}'],
    [
      { network: { kind: "uniunet" as "unet3d-pretraining" } },
      "network.kind to be uniformer-pretraining or unet3d-pretraining",
    ],
    [{ network: { config: { inChannels: 4 } } }, "network.config.inChannels to be 1, got 4"],
    [{ templates: { others: "untouched" } }, "templates.others to be zeroGradient, because an update has several"],
    [{ learningRate: 0 }, "learningRate to be a number above 0 up to 1, got 0"],
    [{ steps: 0 }, "steps to be a whole number from 1 to 10000000, got 0"],
  ];
  for (const [recipe, message] of refusals) {
    assert.throws(
      () => resolveBrainmvp({ preset: "paper", ...recipe }, 9),
      (e) =>
        e instanceof TrainingError && e.code === "invalid-recipe" &&
        e.message.startsWith(`Cannot pre-train: expected recipe.${message}`),
      message,
    );
  }
});
