import assert from "node:assert/strict";
import { cosineRate, type RecipeContext, resolveRecipe } from "./finetuning.ts";
import { type Preset, type Recipe, TrainingError } from "../types.ts";

const CONTEXT: RecipeContext = { cases: 7, baseHasTemplates: true, task: "segmentation", network: "uniformer" };
const ADAM = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 };

/** What no preset changes. */
const SHARED = {
  templates: true,
  mask: { rate: 0.5, blockVox: 8 },
  seed: 0,
  validation: "auto",
  earlyStopSteps: null,
  compareFromScratch: false,
};

const SHARED_DRAW = { shift: 0.1, scale: 0.1, gamma: 0, perChannel: false };

const TABLE: Readonly<Record<Preset, Record<string, unknown>>> = {
  paper: {
    steps: 1500,
    foldSteps: 1500,
    roi: [96, 96, 96],
    batchSize: 3,
    batch: "accumulated",
    learningRate: 3e-4,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM },
    firstKernel: "fresh",
    templateFit: "centred",
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    maxReplaced: null,
    intensity: SHARED_DRAW,
    allStages: false,
    headBias: null,
    lesionShare: 0,
    balancedClasses: false,
    checkpointEverySteps: 5,
  },
  official: {
    steps: 900,
    foldSteps: 900,
    roi: [96, 96, 96],
    batchSize: 2,
    batch: "accumulated",
    learningRate: 3e-4,
    optimizer: { kind: "adam-l2", weightDecay: 1e-4, ...ADAM },
    firstKernel: "fresh",
    templateFit: "raw",
    views: "interleaved",
    consistency: { on: "out4", weight: 0.1 },
    supervision: "concat",
    flips: "joint",
    maxReplaced: 3,
    intensity: SHARED_DRAW,
    allStages: false,
    headBias: null,
    lesionShare: 0,
    balancedClasses: false,
    checkpointEverySteps: 5,
  },
  edge: {
    steps: 520,
    foldSteps: 117,
    roi: [48, 48, 48],
    batchSize: 1,
    batch: "accumulated",
    learningRate: 4e-3,
    optimizer: { kind: "adamw", weightDecay: 1e-4, ...ADAM },
    firstKernel: "fresh",
    templateFit: "centred",
    views: "copies",
    consistency: { on: "x4", weight: 0.1 },
    supervision: "sum",
    flips: "axes",
    maxReplaced: 1,
    intensity: { shift: 0.1, scale: 0.1, gamma: 0.2, perChannel: true },
    allStages: false,
    headBias: -4,
    lesionShare: 0.5,
    balancedClasses: true,
    checkpointEverySteps: 25,
  },
};

for (const preset of ["paper", "official", "edge"] as const) {
  Deno.test(`resolveRecipe() gives ${preset} the values of docs/method B.3 and F.1`, () => {
    assert.deepEqual(resolveRecipe({ preset }, CONTEXT), { ...SHARED, preset, ...TABLE[preset] });
  });
}

Deno.test("resolveRecipe() gives edge 50 updates a case, at least 1000, fewer to folds and to two views", () => {
  const of = (cases: number, templates = false) => resolveRecipe({ preset: "edge", templates }, { ...CONTEXT, cases });
  assert.deepEqual([1, 20, 21, 100].map((n) => of(n).steps), [1000, 1000, 1050, 5000]);
  assert.equal(of(100).foldSteps, 1125);
  assert.deepEqual([of(1, true).steps, of(100, true).steps, of(100, true).foldSteps], [520, 2600, 585]);
});

Deno.test("resolveRecipe() counts epochs: paper 500 of ⌈n/3⌉ updates, official 300 of ⌊n/2⌋, which drops the last batch", () => {
  const steps = (preset: Preset, cases: number) => resolveRecipe({ preset }, { ...CONTEXT, cases }).steps;
  assert.deepEqual([1, 3, 4].map((n) => steps("paper", n)), [500, 500, 1000]);
  assert.deepEqual([1, 2, 5].map((n) => steps("official", n)), [300, 300, 600]);
});

const CLASSIFICATION: RecipeContext = { ...CONTEXT, task: "classification", cases: 65 };

Deno.test("resolveRecipe() classifies as docs/method B.4 says, and edge from eight crops at once and all stages' means", () => {
  const of = (preset: Preset) => {
    const { roi, batchSize, batch, steps, foldSteps, flips, learningRate, firstKernel, allStages } = resolveRecipe(
      { preset },
      CLASSIFICATION,
    );
    return { roi, batchSize, batch, steps, foldSteps, flips, learningRate, firstKernel, allStages };
  };
  const expected = {
    roi: [96, 96, 64],
    batchSize: 64,
    batch: "accumulated",
    steps: 400,
    foldSteps: 400,
    flips: "axes",
    learningRate: 3e-4,
    firstKernel: "fresh",
    allStages: false,
  };
  assert.deepEqual(of("paper"), expected);
  assert.deepEqual(of("official"), expected);
  assert.deepEqual(of("edge"), {
    roi: [64, 64, 64],
    batchSize: 8,
    batch: "joint",
    steps: 202,
    foldSteps: 202,
    flips: "axes",
    learningRate: 2e-3,
    firstKernel: "inflate",
    allStages: true,
  });
});

Deno.test("resolveRecipe() lets edge classify by the deepest features where there is one crop an update or no UniFormer", () => {
  const of = (batchSize: number, network: RecipeContext["network"]) =>
    resolveRecipe({ preset: "edge", batchSize }, { ...CLASSIFICATION, network }).allStages;
  assert.deepEqual([of(2, "uniformer-pretraining"), of(1, "uniformer-pretraining")], [true, false]);
  assert.deepEqual([of(8, "unet3d-pretraining"), of(8, "onnx")], [false, false]);
  // an imported graph may know one crop only
  const { batch, batchSize } = resolveRecipe({ preset: "edge" }, { ...CLASSIFICATION, network: "onnx" });
  assert.deepEqual([batch, batchSize], ["accumulated", 8]);
});

Deno.test("resolveRecipe() decays UNET3D's weights less in the paper's preset only", () => {
  const decay = (preset: Preset, network: RecipeContext["network"]) =>
    resolveRecipe({ preset }, { ...CONTEXT, network }).optimizer.weightDecay;
  assert.equal(decay("paper", "unet3d-pretraining"), 1e-5);
  assert.equal(decay("paper", "uniunet"), 1e-4);
  assert.equal(decay("official", "unet3d"), 1e-4);
});

Deno.test("resolveRecipe() takes every wish over the preset", () => {
  const wishes: Required<Recipe> = {
    preset: "edge",
    steps: 3,
    roi: [32, 48, 16],
    batchSize: 2,
    learningRate: 0.5,
    templates: false,
    seed: 9,
    validation: { folds: 3 },
    earlyStopSteps: 40,
    compareFromScratch: true,
  };
  const resolved = resolveRecipe(wishes, CONTEXT);
  for (const [field, value] of Object.entries(wishes)) {
    assert.deepEqual(resolved[field as keyof Recipe], value, field);
  }
  assert.equal(resolveRecipe({ preset: "edge" }, { ...CONTEXT, baseHasTemplates: false }).templates, false);
});

/** Wishes of the wrong kind are what JSON may bring. */
const INVALID: readonly [Record<string, unknown>, string][] = [
  [{ preset: "fast" }, 'recipe.preset to be edge, paper or official, got "fast"'],
  [{ preset: "toString" }, 'recipe.preset to be edge, paper or official, got "toString"'],
  [{ steps: 0 }, "recipe.steps to be a whole number from 1 to 1000000, got 0"],
  [{ steps: 1.5 }, "recipe.steps to be a whole number from 1 to 1000000, got 1.5"],
  [{ steps: 1e7 }, "recipe.steps to be a whole number from 1 to 1000000, got 10000000"],
  [{ batchSize: 65 }, "recipe.batchSize to be a whole number from 1 to 64, got 65"],
  [{ roi: [32, 32, 40] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32,40]"],
  [{ roi: [32, 32, 0] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32,0]"],
  [{ roi: [272, 32, 32] }, "recipe.roi to be three multiples of 16 up to 256, got [272,32,32]"],
  [{ roi: [32, 32] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32]"],
  [{ roi: 32 }, "recipe.roi to be three multiples of 16 up to 256, got 32"],
  [{ learningRate: 0 }, "recipe.learningRate to be a number above 0 up to 1, got 0"],
  [{ learningRate: 2 }, "recipe.learningRate to be a number above 0 up to 1, got 2"],
  [{ learningRate: NaN }, "recipe.learningRate to be a number above 0 up to 1, got null"],
  [{ seed: -1 }, "recipe.seed to be a whole number ≥ 0, got -1"],
  [{ validation: { folds: 1 } }, 'recipe.validation to be auto, none or at least 2 folds, got {"folds":1}'],
  [{ validation: "some" }, 'recipe.validation to be auto, none or at least 2 folds, got "some"'],
  [{ earlyStopSteps: 0 }, "recipe.earlyStopSteps to be a whole number ≥ 1, got 0"],
  [{ templates: "yes" }, 'recipe.templates to be true or false, got "yes"'],
  [{ compareFromScratch: 1 }, "recipe.compareFromScratch to be true or false, got 1"],
];

for (const [wish, message] of INVALID) {
  Deno.test(`resolveRecipe() refuses ${JSON.stringify(wish)}`, () => {
    assert.throws(
      () => resolveRecipe({ preset: "edge", ...wish } as Recipe, CONTEXT),
      (error) =>
        error instanceof TrainingError && error.code === "invalid-recipe" &&
        error.message === `Cannot fine-tune: expected ${message}`,
    );
  });
}

Deno.test("resolveRecipe() refuses templates of a base without them and a twin of a foreign network", () => {
  assert.throws(
    () => resolveRecipe({ preset: "edge", templates: true }, { ...CONTEXT, baseHasTemplates: false }),
    /expected recipe.templates to be false, because the base model has no templates, got true/,
  );
  assert.throws(
    () => resolveRecipe({ preset: "edge", compareFromScratch: true }, { ...CONTEXT, network: "onnx" }),
    /expected recipe.compareFromScratch to be false, because nothing tells how to initialise .*, got true/,
  );
});

Deno.test("cosineRate() gives docs/method F.3's rates", () => {
  const close = (step: number, expected: number) => {
    const rate = cosineRate(3e-4, step, 500);
    assert.ok(Math.abs(rate / expected - 1) < 1e-8, `step ${step}: ${rate}, expected ${expected}`);
  };
  close(1, 2.9999703912842e-4);
  close(250, 1.5e-4);
  close(499, 2.96087158e-9);
  assert.equal(cosineRate(3e-4, 0, 500), 3e-4);
});
