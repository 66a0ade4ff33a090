/** Ready networks of others, continued with decoder and head: their logits, their losses, the packages that they become. */
import assert from "node:assert/strict";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { type Graph, importModel } from "../src/graph/mod.ts";
import { type Activation, classify, loadGraph, type ModelSpec, segment, windowRunner } from "../src/inference/mod.ts";
import { buildNetwork, initialWeights } from "../src/nets/mod.ts";
import { Random } from "../src/tensor/mod.ts";
import { checkFinetune, finetune, type FinetuneRequest, type Recipe, TrainingError } from "../src/train/mod.ts";
import { planned } from "../src/train/finetuning/check_finetune.ts";
import { LESION, requestOf, specOf } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";
import { EDGE, publish, publishGraph, wholeNetwork, type WholeOptions } from "./testing/whole_networks.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;
const ROI = [EDGE, EDGE, EDGE] as const;

function specFor(activation: Activation | undefined, changes: Partial<ModelSpec> = {}): ModelSpec {
  return specOf({
    task: "segmentation",
    architecture: { kind: "onnx", config: { output: "result" } },
    modalities: MODALITIES,
    labels: [LESION],
    inference: { ...specOf().inference, roi: ROI, ...(activation && { activation }) },
    ...changes,
  });
}

const CLASSES = ["clear", "lesions"];
const classifying = (activation: Activation | undefined, changes: Partial<ModelSpec> = {}) =>
  specFor(activation, {
    task: "classification",
    labels: [],
    classes: CLASSES,
    preprocessing: { ...specOf().preprocessing, resize: ROI },
    ...changes,
  });

async function phantoms(folder: string, task: "segmentation" | "classification" = "segmentation") {
  const data = `${folder}/data`;
  const count = task === "segmentation" ? 1 : 2;
  await writePhantomDataset(data, { seed: 3, count, sizeVox: [28, 32, 30], spacingMm: [1, 1, 1], lesions: 4, task });
  return await readDatasetFolder(data);
}

interface Asked {
  readonly recipe?: Partial<Recipe>;
  readonly changes?: Partial<FinetuneRequest>;
}

function requestFor(folder: string, base: FinetuneRequest["base"], { recipe, changes }: Asked = {}): FinetuneRequest {
  const { preset, steps, validation } = requestOf({ folder, engine, cases: [] }).recipe;
  return requestOf({
    folder,
    engine,
    cases: [],
    changes: {
      modalities: MODALITIES,
      base,
      recipe: { preset, steps, validation, keepHead: true, learningRate: 4e-3, ...recipe },
      ...(base.spec.task === "classification" && { task: "classification", labels: [], classes: CLASSES }),
      ...changes,
    },
  });
}

const plan = (request: FinetuneRequest) =>
  planned({ request, recipe: request.recipe, cases: 1, baseHasTemplates: false });

/** The numbers of one output for one image. */
async function outputOf(graph: Graph): Promise<number[]> {
  const random = new Random(8);
  const image = Float32Array.from({ length: 4 * EDGE ** 3 }, () => random.normal());
  const session = await loadGraph(engine, graph);
  try {
    return [...await windowRunner(session)(image, [1, 4, ...ROI])];
  } finally {
    await session.release();
  }
}

const worst = (one: readonly number[], other: readonly number[]) =>
  Math.max(...one.map((v, i) => Math.abs(v - other[i]))) / Math.max(...one.map(Math.abs));

const HEADS: readonly (readonly [ModelSpec, WholeOptions, criterion: string, becomes: Activation])[] = [
  [specFor(undefined), { channels: 1 }, "regions", "sigmoid"],
  [specFor("softmax"), { channels: 2 }, "labels", "softmax"],
  [specFor("probabilities"), { channels: 1, end: "Sigmoid" }, "regions", "sigmoid"],
  [specFor("class-probabilities"), { channels: 2, end: "Softmax" }, "labels", "softmax"],
  [specFor("label-map"), { channels: 2, end: "ArgMax" }, "labels", "softmax"],
  [specFor("label-map"), { channels: 2, end: "Softmax, ArgMax" }, "labels", "softmax"],
  [classifying(undefined), { channels: 2, task: "classification" }, "classes", "softmax"],
  [classifying("sigmoid"), { channels: 2, task: "classification" }, "findings", "sigmoid"],
  [classifying("logit"), { channels: 1, task: "classification" }, "finding", "logit"],
  [classifying("probabilities"), { channels: 2, end: "Softmax", task: "classification" }, "classes", "softmax"],
  [classifying("probabilities"), { channels: 2, end: "Sigmoid", task: "classification" }, "findings", "sigmoid"],
  [classifying("probabilities"), { channels: 1, end: "Sigmoid", task: "classification" }, "finding", "logit"],
];

for (const [spec, options, criterion, becomes] of HEADS) {
  const { task, inference: { activation = "no activation" } } = spec;
  const name = `${task} of ${options.channels}, ${activation} after ${options.end ?? "none"}`;
  Deno.test(`keepHead begins with the base's logits: ${name}`, () =>
    inFolder(async (folder) => {
      const base = await publishGraph(folder, { graph: wholeNetwork(options), spec });
      const { network, spec: result } = await plan(requestFor(folder, base));
      assert.deepEqual([network.kept, result.inference.activation], [{ criterion, activation: becomes }, becomes]);
      const bare = await outputOf(wholeNetwork({ ...options, end: "none" }));
      const found = await outputOf(network.inference(network.network.constants));
      assert.equal(found.length, bare.length);
      assert.ok(worst(bare, found) < 1e-5, `logits differ by up to ${worst(bare, found)} of the largest`);
      assert.deepEqual(network.network.outputs, [task === "segmentation" ? "out" : "logits"], "aux is left out");
      assert.deepEqual(result.architecture, { kind: "onnx", config: { head: task } });
      const { outputs, fresh, constants } = network.report;
      assert.deepEqual([outputs.fresh, fresh], [[], []]);
      assert.ok(!constants!.trained.includes("aux.weight"));
    }));
}

Deno.test("keepHead continues a network of nnU-Net; without it, a softmax head gives nothing to the fresh one", () =>
  inFolder(async (folder) => {
    const config = { inChannels: 4, outChannels: 2, features: [4, 8], blocks: [1, 1], decoderBlocks: [1] };
    const architecture = { kind: "nnunet", config } as const;
    const weights = initialWeights(architecture, { seed: 2 });
    const graph = buildNetwork(architecture, { input: [1, 4, ...ROI], weights, outputs: "inference" });
    const base = await publishGraph(folder, { graph, spec: specFor("softmax", { architecture }) });
    const kept = await plan(requestFor(folder, base, { recipe: { preset: "edge", keepHead: true } }));
    assert.deepEqual(kept.recipe.roi, ROI, "the preset's crop, no larger than the window");
    assert.deepEqual([kept.recipe.clipNorm, kept.network.kept], [1, { criterion: "labels", activation: "softmax" }]);
    const found = await outputOf(kept.network.inference(kept.network.network.constants));
    const difference = worst(await outputOf(graph), found);
    assert.ok(difference < 1e-5, `${difference}`);
    const fresh = await plan(requestFor(folder, base, { recipe: { keepHead: false } }));
    assert.deepEqual([fresh.network.report.outputs.fresh, fresh.spec.inference.activation], [["lesion"], undefined]);
  }));

Deno.test("finetune() with keepHead lowers a segmentation's loss; the result is served and fine-tuned again", () =>
  inFolder(async (folder) => {
    const { cases } = await phantoms(folder);
    const graph = wholeNetwork({ channels: 2, end: "Softmax" });
    const config = { output: "result", features: ["features"] };
    const base = await publishGraph(folder, {
      graph,
      spec: specFor("class-probabilities", { architecture: { kind: "onnx", config } }),
    });
    const losses: number[] = [];
    const request = requestFor(folder, base, {
      recipe: { steps: 30, learningRate: "auto", warmupSteps: 3 },
      changes: { cases, onEvent: (e) => e.type === "progress" && losses.push(e.loss) },
    });
    const { spec } = await finetune(request);
    const mean = (some: readonly number[]) => some.reduce((a, b) => a + b, 0) / some.length;
    assert.ok(mean(losses.slice(-8)) < 0.9 * mean(losses.slice(0, 8)), `${losses}`);
    assert.deepEqual(spec.architecture, { kind: "onnx", config: { features: ["feature1"], head: "segmentation" } });

    const report = JSON.parse(await Deno.readTextFile(`${request.outputDirectory}/report.json`));
    const notes = report.notes.join(" ");
    assert.match(
      notes,
      /The base continues as a whole.*keep its running statistics.*Learning rate .*, found by \d+ upda/,
    );
    assert.match(notes, /The rate rose over the first 3 updates.*Gradients were clipped to a norm of 1 in \d+ of 30/);
    const [phase] = report.phases;
    assert.ok(phase.foundRate.rate > 0 && phase.learningRate === phase.foundRate.rate && phase.largestNorm > 0);

    const bytes = await Deno.readFile(`${request.outputDirectory}/network.onnx`);
    const after = importModel(bytes, { inputShape: [1, 4, ...ROI] }).constants;
    for (const [key, { data }] of graph.constants) {
      const isStatistic = key.includes("running");
      if (key.startsWith("aux")) continue;
      assert.equal(after.get(key)!.data.every((v, i) => v === data[i]), isStatistic, key);
    }
    const made = await publish(`${folder}/models`, "made", { spec, source: request.outputDirectory });
    const served = await segment({
      ...made,
      images: cases[0].images,
      engine,
      output: "labels",
      outPath: `${folder}/mask.nii.gz`,
    });
    assert.equal(served.labels[0].voxels, phase.cases[0].labels[0].counts[1], "as the report counts");

    const again = await plan(requestFor(folder, made));
    const [first, second] = [importModel(bytes, { inputShape: [1, 4, ...ROI], outputs: ["out"] }), again.network];
    const difference = worst(await outputOf(first), await outputOf(second.inference(second.network.constants)));
    assert.ok(difference < 1e-5, `${difference}`);
    const decoder = await plan(requestFor(folder, made, { recipe: { keepHead: false } }));
    assert.deepEqual([decoder.spec.inference.activation, decoder.network.kept], [undefined, null]);
  }));

Deno.test("finetune() with keepHead lowers a classifier's loss; the result classifies", () =>
  inFolder(async (folder) => {
    const { cases } = await phantoms(folder, "classification");
    const graph = wholeNetwork({ channels: 1, end: "Sigmoid", task: "classification" });
    const base = await publishGraph(folder, { graph, spec: classifying("probabilities") });
    const losses: number[] = [];
    const request = requestFor(folder, base, {
      recipe: { steps: 15, learningRate: 4e-3 },
      changes: { cases, onEvent: (e) => e.type === "progress" && losses.push(e.loss) },
    });
    const { spec } = await finetune(request);
    assert.ok(losses.at(-1)! < losses[0], `${losses}`);
    assert.equal(spec.inference.activation, "logit");
    const made = await publish(`${folder}/models`, "made", { spec, source: request.outputDirectory });
    const { classes } = await classify({ ...made, images: cases[0].images, engine });
    assert.deepEqual(classes.map(({ label }) => label), CLASSES);
  }));

Deno.test("finetune() with keepHead and a found rate resumes after a kill along the same trajectory", () =>
  inFolder(async (folder) => {
    const { cases } = await phantoms(folder);
    const base = await publishGraph(folder, { graph: wholeNetwork({ channels: 2 }), spec: specFor("softmax") });
    const run = async (name: string, stopAt: number[]) => {
      const losses = new Map<number, number>();
      for (const at of [...stopAt, Infinity]) {
        const abort = new AbortController();
        const request = requestFor(`${folder}/${name}`, base, {
          recipe: { steps: 12, learningRate: "auto" },
          changes: {
            cases,
            signal: abort.signal,
            onEvent: (e) => {
              if (e.type === "progress") losses.set(e.step, e.loss);
              const isBefore = at === 0 && e.type === "log" && e.message.startsWith("Prepared");
              if (isBefore || (e.type === "progress" && e.step === at)) abort.abort();
            },
          },
        });
        await finetune(request).catch((error) => {
          if (!(error instanceof TrainingError && error.code === "cancelled")) throw error;
        });
      }
      return [...losses];
    };
    assert.deepEqual(await run("killed", [4, 7]), await run("whole", []));
  }));

const refusals: readonly (readonly [string, ModelSpec, WholeOptions, Asked, RegExp])[] = [
  [
    "other labels",
    specFor("softmax"),
    { channels: 2 },
    { changes: { labels: [{ ...LESION, name: "rim" }] } },
    /^Cannot keep the head of foreign: expected the data set to have its labels lesion, got rim; missing: lesion; unknown to it: rim; name the labels alike, or fine-tune without keepHead$/,
  ],
  [
    "an encoder",
    specFor(undefined, { task: "encoder", labels: [] }),
    { channels: 2 },
    {},
    /^Cannot keep the head of foreign: it is an encoder and has none; fine-tune without keepHead$/,
  ],
  [
    "a regression",
    classifying("values"),
    { channels: 2, task: "classification" },
    {},
    /^Cannot keep the head of foreign: it answers quantities, and a data set holds classes$/,
  ],
  [
    "labels that share a value",
    specFor("softmax", { labels: [LESION, { ...LESION, name: "rim", value: 2 }] }),
    { channels: 3 },
    { changes: { labels: [LESION, { ...LESION, name: "rim", value: 2, sourceValues: [1, 2] }] } },
    /its labels exclude each other, and lesion and rim of the data set share the value 1;/,
  ],
  [
    "a Sigmoid that the manifest does not state",
    specFor(undefined),
    { channels: 1, end: "Sigmoid" },
    {},
    /expected logits at result, which its manifest's activation states, got the output of Sigmoid; import the network again/,
  ],
  [
    "no Softmax where the manifest states one",
    specFor("class-probabilities"),
    { channels: 2 },
    {},
    /expected Softmax behind the logits of result, which its manifest's activation states, got Conv; export the network/,
  ],
  [
    "another number of channels",
    specFor("softmax"),
    { channels: 3 },
    {},
    /^Cannot keep the head of foreign: expected its logits to be \[N, 2, X, Y, Z\] \(softmax\), got \[1,3,16,16,16\]$/,
  ],
  [
    "crops of another size",
    specFor("softmax"),
    { channels: 2 },
    { recipe: { roi: [32, 32, 32] } },
    /^Cannot train foreign on crops \[1,4,32,32,32\]: Cannot import input "image".*expected size .* got/,
  ],
  [
    "no feature maps for a decoder",
    specFor("softmax"),
    { channels: 2 },
    { recipe: { keepHead: false } },
    /^Cannot train foreign: expected its manifest's architecture\.config\.features to name feature maps, got nothing/,
  ],
];

for (const [what, spec, options, asked, message] of refusals) {
  Deno.test(`a fine-tune refuses ${what} before it prepares a case`, () =>
    inFolder(async (folder) => {
      const base = await publishGraph(folder, { graph: wholeNetwork(options), spec });
      await assert.rejects(
        plan(requestFor(folder, base, asked)),
        (error) =>
          error instanceof TrainingError && error.code === "invalid-recipe" && message.test(error.message) ||
          assert.fail(String(error)),
      );
    }));
}

Deno.test("checkFinetune() refuses in a thread what cannot be trained; labels are ordered as the base's channels", () =>
  inFolder(async (folder) => {
    const rim = { ...LESION, name: "rim", value: 2 };
    const spec = specFor("softmax", { labels: [LESION, rim] });
    const base = await publishGraph(folder, { graph: wholeNetwork({ channels: 3 }), spec });
    const asked = requestFor(folder, base, { changes: { labels: [{ ...rim, value: 9 }, LESION] } });
    const { task, modalities, labels, classes, recipe } = asked;
    const check = {
      request: { task, modalities, labels, classes, base },
      recipe,
      cases: 1,
      baseHasTemplates: false,
    };
    await checkFinetune(check);
    assert.deepEqual((await plan(asked)).spec.labels, [LESION, { ...rim, value: 9 }]);
    await assert.rejects(
      checkFinetune({ ...check, recipe: { ...recipe, keepHead: false } }),
      (error) =>
        error instanceof TrainingError && error.code === "invalid-recipe" &&
        /^Cannot train foreign: expected its manifest's .* to name feature maps, got nothing/.test(error.message),
    );
  }));
