import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import { DEFAULT_RECIPE, type Recipe, type RecipeContext, resolveRecipe } from "./finetuning.ts";
import {
  CHOSEN_SETTINGS,
  FINETUNING_PRESET_NAMES,
  type FinetuningPresetName,
  type ResolvedRecipe,
  resolvedRecipeSchema,
} from "./finetuning_settings.ts";
import { TrainingError } from "../types.ts";

const CONTEXT: RecipeContext = {
  cases: 7,
  baseHasTemplates: true,
  task: "segmentation",
  network: "uniformer",
  percentilesOver: null,
};
const TASKS = ["segmentation", "classification"] as const;

/** The settings in which two recipes differ. */
function differences(one: ResolvedRecipe, other: ResolvedRecipe): string[] {
  const values = new Map<string, unknown>(Object.entries(other));
  return Object.entries(one).filter(([name, value]) => !isDeepStrictEqual(value, values.get(name))).map(([name]) =>
    name
  );
}

Deno.test("resolveRecipe() fills in every setting within its bounds, for every preset and task", () => {
  for (const preset of FINETUNING_PRESET_NAMES) {
    for (const task of TASKS) {
      const recipe = resolveRecipe({ preset }, { ...CONTEXT, task });
      assert.deepEqual(resolvedRecipeSchema.parse(recipe), recipe, `${preset}, ${task}`);
      assert.ok(recipe.foldSteps <= recipe.steps, `${preset}, ${task}: folds take no more than the final network`);
    }
  }
});

Deno.test("resolveRecipe() lets official differ from paper where docs/method B.3 says so", () => {
  const [paper, official] = (["paper", "official"] as const).map((preset) => resolveRecipe({ preset }, CONTEXT));
  assert.deepEqual(differences(paper, official).sort(), [
    "batchSize",
    "consistency",
    "flips",
    "foldSteps",
    "maxReplaced",
    "optimizer",
    "preset",
    "steps",
    "supervision",
    "templateFit",
    "views",
  ]);
});

Deno.test("resolveRecipe() with edge takes less than a preset of the paper: smaller crops, fewer of them, fewer updates", () => {
  for (const task of TASKS) {
    const [edge, paper] = (["edge", "paper"] as const).map((preset) => resolveRecipe({ preset }, { ...CONTEXT, task }));
    const voxels = ({ roi, batchSize }: ResolvedRecipe) => roi[0] * roi[1] * roi[2] * batchSize;
    assert.ok(voxels(edge) < voxels(paper) / 4, task);
    assert.ok(edge.steps < paper.steps, task);
    assert.ok(edge.learningRate > paper.learningRate, `${task}: few updates move further`);
  }
});

Deno.test("resolveRecipe() lets edge mirror no axis whose direction labels or classes name, unless it is told to", () => {
  const flips = (names: readonly string[], wishes: Partial<Recipe> = {}) =>
    resolveRecipe({ preset: "edge", ...wishes }, {
      ...CONTEXT,
      labels: names.map((name, i) => ({ name, value: i + 1 })),
    }).flips;
  assert.equal(flips(["lesion"]), "axes");
  assert.deepEqual(flips(["anterior", "posterior"]), ["x", "z"]);
  assert.equal(flips(["anterior", "posterior"], { flips: "axes" }), "axes");
  assert.deepEqual(resolveRecipe({ preset: "edge" }, { ...CLASSIFICATION, classes: ["left", "right"] }).flips, [
    "y",
    "z",
  ]);
  assert.equal(resolveRecipe({ preset: "paper" }, { ...CLASSIFICATION, classes: ["left", "right"] }).flips, "axes");
});

Deno.test("resolveRecipe() gives edge 50 updates a case, at least 1000, fewer to folds and to two views", () => {
  const of = (cases: number, templates = false) => resolveRecipe({ preset: "edge", templates }, { ...CONTEXT, cases });
  assert.deepEqual([1, 20, 21, 100].map((n) => of(n).steps), [1000, 1000, 1050, 5000]);
  assert.equal(of(100).foldSteps, 1125);
  assert.deepEqual([of(1, true).steps, of(100, true).steps, of(100, true).foldSteps], [520, 2600, 585]);
});

Deno.test("resolveRecipe() counts epochs: paper 500 of ⌈n/3⌉ updates, official 300 of ⌊n/2⌋, which drops the last batch", () => {
  const steps = (preset: FinetuningPresetName, cases: number) => resolveRecipe({ preset }, { ...CONTEXT, cases }).steps;
  assert.deepEqual([1, 3, 4].map((n) => steps("paper", n)), [500, 500, 1000]);
  assert.deepEqual([1, 2, 5].map((n) => steps("official", n)), [300, 300, 600]);
});

const CLASSIFICATION: RecipeContext = { ...CONTEXT, task: "classification", cases: 65 };

Deno.test("resolveRecipe() classifies as docs/method B.4 says, and edge from eight crops at once and all stages' means", () => {
  const of = (preset: FinetuningPresetName) => {
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
  const decay = (preset: FinetuningPresetName, network: RecipeContext["network"]) =>
    resolveRecipe({ preset }, { ...CONTEXT, network }).optimizer.weightDecay;
  assert.equal(decay("paper", "unet3d-pretraining"), 1e-5);
  assert.equal(decay("paper", "uniunet"), 1e-4);
  assert.equal(decay("official", "unet3d"), 1e-4);
});

Deno.test("resolveRecipe() takes percentiles over the foreground of an encoder's inputs, as before of a trained base's", () => {
  for (const preset of FINETUNING_PRESET_NAMES) {
    for (const task of TASKS) {
      const of = (percentilesOver: RecipeContext["percentilesOver"], wishes: Partial<Recipe> = {}) =>
        resolveRecipe({ preset, ...wishes }, { ...CONTEXT, task, percentilesOver }).percentilesOver;
      assert.deepEqual(([null, "foreground", "volume"] as const).map((own) => of(own)), [
        "foreground",
        "foreground",
        "volume",
      ]);
      assert.throws(
        () =>
          resolveRecipe({ preset, percentilesOver: "volume" }, {
            ...CONTEXT,
            task,
            percentilesOver: null,
            ownNormalisation: true,
          }),
        /expected recipe\.percentilesOver to be absent, because the base states its own normalisation/,
      );
      // the published rule, and any other, can be asked for
      assert.deepEqual([of(null, { percentilesOver: "volume" }), of("volume", { percentilesOver: "foreground" })], [
        "volume",
        "foreground",
      ]);
    }
  }
});

Deno.test("resolveRecipe() takes every wish over the preset", () => {
  const wishes: Required<Pick<Recipe, "preset" | keyof typeof CHOSEN_SETTINGS>> = {
    preset: "edge",
    budgetMinutes: null,
    base: "use",
    steps: 30,
    roi: [32, 48, 16],
    batchSize: 2,
    learningRate: 0.5,
    warmupSteps: 2,
    clipNorm: 0.5,
    batchNorm: "frozen",
    norm: "re-estimated",
    ema: 0.99,
    deepSupervision: false,
    headWeights: "halved",
    exclusive: true,
    batchDice: true,
    encoderRate: 0.1,
    frozenSteps: 5,
    keepDecoder: false,
    finalStart: "fold",
    keepHead: true,
    templates: false,
    percentilesOver: "volume",
    seed: 9,
    validation: { folds: 3 },
    ensemble: "folds",
    outputs: "chosen",
    mirroredWindows: true,
    earlyStopSteps: 40,
    earlyStop: "held-out",
    hardCrops: 0.3,
    compareFromScratch: true,
  };
  const resolved = resolveRecipe(wishes, CONTEXT);
  assert.deepEqual({ ...resolved, ...wishes }, resolved);
  assert.equal(resolveRecipe({ preset: "edge" }, { ...CONTEXT, baseHasTemplates: false }).templates, false);
});

Deno.test("resolveRecipe() guards the weights of others: their window, a found rate, warm-up, clipping, frozen statistics", () => {
  const of = (context: Partial<RecipeContext>, wishes: Partial<Recipe> = {}) => {
    const { roi, learningRate, warmupSteps, clipNorm, batchNorm } = resolveRecipe({ preset: "edge", ...wishes }, {
      ...CONTEXT,
      baseHasTemplates: false,
      ...context,
    });
    return { roi, learningRate, warmupSteps, clipNorm, batchNorm };
  };
  const own = { roi: [48, 48, 48], learningRate: 4e-3, warmupSteps: 0, clipNorm: null, batchNorm: "batch" };
  assert.deepEqual(of({}), own);
  const foreign = { roi: [16, 112, 112], learningRate: "auto", warmupSteps: 22, clipNorm: 1, batchNorm: "frozen" };
  const size = [16, 112, 112] as const, window = { size, multiple: null };
  assert.deepEqual(of({ network: "onnx", window }), foreign);
  assert.deepEqual(of({ network: "onnx", window }, { steps: 4000 }).warmupSteps, 50);
  const asked = { learningRate: 1e-3, warmupSteps: 0, clipNorm: null, batchNorm: "batch" } as const;
  assert.deepEqual(of({ network: "onnx", window }, asked), { ...asked, roi: size });
  // open sizes: the preset's crop, rounded up to the strides, no larger than the window; classifiers see all
  const open = { size: [128, 128, 32], multiple: [32, 32, 4] } as const;
  assert.deepEqual(of({ network: "onnx", window: open }).roi, [64, 64, 32]);
  assert.deepEqual(of({ network: "onnx", window: open, task: "classification" }).roi, open.size);
});

/** Wishes of the wrong kind are what JSON may bring. */
const INVALID: readonly [Record<string, unknown>, string][] = [
  [{ preset: "fast" }, 'recipe.preset to be auto, edge, paper or official, got "fast"'],
  [{ preset: "toString" }, 'recipe.preset to be auto, edge, paper or official, got "toString"'],
  [
    { budgetMinutes: 5 },
    "recipe.budgetMinutes to be absent, because the preset edge counts updates; auto takes a time, got 5",
  ],
  [{ budgetMinutes: 0 }, "recipe.budgetMinutes to be a number from 0.1 to 10080 or null, got 0"],
  [{ base: "none" }, 'recipe.base to be auto, use or scratch, got "none"'],
  [{ steps: 0 }, "recipe.steps to be a whole number from 1 to 1000000, got 0"],
  [{ steps: 1.5 }, "recipe.steps to be a whole number from 1 to 1000000, got 1.5"],
  [{ steps: 1e7 }, "recipe.steps to be a whole number from 1 to 1000000, got 10000000"],
  [{ batchSize: 65 }, "recipe.batchSize to be a whole number from 1 to 64, got 65"],
  [{ roi: [32, 32, 40] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32,40]"],
  [{ roi: [32, 32, 0] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32,0]"],
  [{ roi: [272, 32, 32] }, "recipe.roi to be three multiples of 16 up to 256, got [272,32,32]"],
  [{ roi: [32, 32] }, "recipe.roi to be three multiples of 16 up to 256, got [32,32]"],
  [{ roi: 32 }, "recipe.roi to be three multiples of 16 up to 256, got 32"],
  [{ learningRate: 0 }, "recipe.learningRate to be a number above 0 up to 1 or auto, got 0"],
  [{ learningRate: 2 }, "recipe.learningRate to be a number above 0 up to 1 or auto, got 2"],
  [{ learningRate: NaN }, "recipe.learningRate to be a number above 0 up to 1 or auto, got null"],
  [{ learningRate: "fast" }, 'recipe.learningRate to be a number above 0 up to 1 or auto, got "fast"'],
  [{ warmupSteps: -1 }, "recipe.warmupSteps to be a whole number from 0 to 100000, got -1"],
  [{ warmupSteps: 300 }, "recipe.warmupSteps to be less than 117, the updates of a fold, got 300"],
  [{ clipNorm: 0 }, "recipe.clipNorm to be a number above 0 up to 1000000 or null, got 0"],
  [{ batchNorm: "none" }, 'recipe.batchNorm to be batch or frozen, got "none"'],
  [{ keepHead: "yes" }, 'recipe.keepHead to be true or false, got "yes"'],
  [{ percentilesOver: "head" }, 'recipe.percentilesOver to be foreground or volume, got "head"'],
  [{ seed: -1 }, "recipe.seed to be a whole number ≥ 0, got -1"],
  [
    { validation: { folds: 1 } },
    'recipe.validation to be auto, none or an object with 2 to 1000 folds, got {"folds":1}',
  ],
  [{ validation: "some" }, 'recipe.validation to be auto, none or an object with 2 to 1000 folds, got "some"'],
  [{ ensemble: "all" }, 'recipe.ensemble to be final or folds, got "all"'],
  [
    { ensemble: "folds", validation: "none" },
    "recipe.ensemble to be final, because no fold is trained with validation none; set it to auto or to a number of " +
    'folds, got "folds"',
  ],
  [
    { ensemble: "folds", foldsRun: 0 },
    'recipe.ensemble to be final, because no fold is trained with foldsRun 0; leave it out, got "folds"',
  ],
  [{ earlyStopSteps: 0 }, "recipe.earlyStopSteps to be a whole number from 1 to 1000000 or null, got 0"],
  [{ templates: "yes" }, 'recipe.templates to be true, false or auto, got "yes"'],
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
    /expected recipe.compareFromScratch to be false, because nothing says how to initialise .*, got true/,
  );
});

Deno.test("resolveRecipe() takes a plan's recipe back unchanged, and what is edited in it", () => {
  const window = { roi: [48, 64, 48], lesionShare: 0.33, headBias: -4.2, validation: { folds: 4 } } as const;
  const wished: Recipe = { preset: "auto", budgetMinutes: 5, seed: 3 };
  const planned = resolveRecipe(wished, { ...CONTEXT, planned: window });
  assert.deepEqual([planned.roi, planned.budgetMinutes], [window.roi, 5]);
  const plan = { ...planned, steps: 1234, foldSteps: 617, foldsRun: 2, spacingMm: [1, 1, 3] } as const;
  // the rules may see other data by then
  const other = { ...CONTEXT, planned: { roi: [32, 32, 32], templates: false } } as const;
  assert.deepEqual(resolveRecipe(plan, other), plan);
  assert.deepEqual(resolveRecipe({ ...plan, roi: [64, 64, 64] }, other), { ...plan, roi: [64, 64, 64] });
});

Deno.test("resolveRecipe() takes a plan's mirrored windows only where crops are mirrored, and refuses those that are asked for", () => {
  const of = (wishes: Partial<Recipe>) =>
    resolveRecipe({ ...DEFAULT_RECIPE, ...wishes }, { ...CONTEXT, planned: { mirroredWindows: true } }).mirroredWindows;
  assert.deepEqual([of({}), of({ flips: "joint" }), of({ mirroredWindows: false })], [true, false, false]);
  assert.throws(() => of({ flips: [], mirroredWindows: true }), /expected recipe.mirroredWindows to be false/);
});

Deno.test("resolveRecipe() lets labels that share no value exclude each other in preset auto alone", () => {
  const labels = [1, 2].map((value) => ({ name: `${value}`, value })),
    nested = [labels[0], { ...labels[1], sourceValues: [1, 2] }];
  const of = (recipe: Recipe, context: Partial<RecipeContext>) =>
    resolveRecipe(recipe, { ...CONTEXT, ...context }).exclusive;
  assert.deepEqual([of(DEFAULT_RECIPE, { labels }), of(DEFAULT_RECIPE, { labels: nested })], [true, false]);
  assert.deepEqual([of({ preset: "edge" }, { labels }), of({ preset: "edge", exclusive: "auto" }, { labels })], [
    false,
    true,
  ]);
  const kept = { preset: "edge", keepHead: true } as const;
  assert.deepEqual([true, false].map((baseExcludes) => of(kept, { labels, baseExcludes })), [true, false]);
});

Deno.test("resolveRecipe() passes the crops of an update as one batch where Dice is over them, but not through a file's graph", () => {
  const of = (recipe: Partial<Recipe>, context: Partial<RecipeContext> = {}) =>
    resolveRecipe({ preset: "edge", batchDice: true, ...recipe }, { ...CONTEXT, ...context }).batch;
  assert.deepEqual([of({}), of({ batchSize: 2 })], ["accumulated", "joint"]);
  assert.equal(of({ batchSize: 1 }, { network: "onnx", baseHasTemplates: false }), "accumulated");
  assert.throws(
    () => of({ batchSize: 2 }, { network: "onnx", baseHasTemplates: false }),
    /expected recipe\.batchDice to be false, because the base's graph comes from its file and takes one crop a pass, got true/,
  );
});

Deno.test("resolveRecipe() has no time where updates are given, and ten minutes where auto is told nothing", () => {
  const of = (recipe: Recipe) => resolveRecipe(recipe, CONTEXT).budgetMinutes;
  assert.deepEqual([of(DEFAULT_RECIPE), of({ preset: "auto", steps: 20 }), of({ preset: "edge" })], [10, null, null]);
});
