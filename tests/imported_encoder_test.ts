/** Encoders that other software exported: packaged, fine-tuned whole, served, fine-tuned again; and refusals. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { type Graph, importModel, NoGradientError } from "../src/graph/mod.ts";
import { Random, toNumbers } from "../src/tensor/mod.ts";
import { opDef } from "../src/graph/ops/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { type OpDef, type OpName, unsupported } from "../src/graph/ir/ir.ts";
import { classify, loadGraph, type Modality, type ModelSpec, segment, windowRunner } from "../src/inference/mod.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type ManifestDraft, specOf as specOfManifest } from "../src/registry/mod.ts";
import { packageDirectory, readPackage, writePackage } from "../src/registry/package.ts";
import { readVolume } from "../src/volume/mod.ts";
import { finetune, type FinetuneRequest, type Recipe, TrainingError } from "../src/train/mod.ts";
import { trainable } from "../src/train/finetuning/network/trainable.ts";
import { resolveRecipe } from "../src/train/recipe/finetuning.ts";
import { type FixtureName, loadFixture } from "./fixtures/mod.ts";
import { LESION, requestOf, ROI, specOf } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

const FEATURES = ["coarse", "fine", "middle"];
const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;

/** A package made of a spec and a folder of files, read back from disk. */
async function publish(root: string, name: string, { spec, source }: { spec: ModelSpec; source: string }) {
  const draft: ManifestDraft = {
    ...spec as ManifestDraft,
    name,
    provenance: { recipe: {}, seed: null, software: {}, metrics: {}, createdAt: "2026-11-24T10:00:00.000Z", note: "" },
    licence: "Apache-2.0",
    intendedUse: "Tests.",
  };
  await writePackage(root, draft, { version: 1, source });
  const directory = packageDirectory(root, name, 1);
  return { name, version: 1, directory, spec: specOfManifest(await readPackage(directory)) };
}

/** A fixture as the package that a user would import. */
async function importedBase(
  folder: string,
  fixture: FixtureName,
  config: Record<string, unknown> = { features: FEATURES },
) {
  const source = join(folder, "source");
  await mkdir(source, { recursive: true });
  await writeFile(join(source, "network.onnx"), loadFixture(fixture).model);
  const spec = specOf({ architecture: { kind: "onnx", config }, modalities: MODALITIES });
  return await publish(join(folder, "models"), "foreign", { spec, source });
}

async function phantoms(folder: string, task: "segmentation" | "classification" = "segmentation") {
  const data = join(folder, "data");
  const count = task === "segmentation" ? 1 : 2;
  await writePhantomDataset(data, { seed: 3, count, sizeVox: [28, 32, 30], spacingMm: [1, 1, 1], lesions: 4, task });
  return await readDatasetFolder(data);
}

function requestFor(
  folder: string,
  { base, cases, recipe, changes }: {
    base: FinetuneRequest["base"];
    cases: FinetuneRequest["cases"];
    recipe?: Partial<Recipe>;
    changes?: Partial<FinetuneRequest>;
  },
): FinetuneRequest {
  // a given rate: the test of rates has tests of its own
  const given = { learningRate: 4e-3, ...recipe };
  return requestOf({ folder, engine, cases, recipe: given, changes: { modalities: MODALITIES, base, ...changes } });
}

const networkIn = async (directory: string) =>
  importModel(await Deno.readFile(join(directory, "network.onnx")), { inputShape: [1, 4, ...ROI] });

/** Float arrays with several elements but the head's ones and zeros: those that training may change. */
const weightsOf = ({ constants }: Graph) =>
  [...constants].filter(([key, t]) => t.dtype === "float32" && t.data.length > 1 && !key.startsWith("head/"));

for (const fixture of ["pyramid_bn", "pyramid_folded"] as const) {
  Deno.test(`finetune() trains every weight of ${fixture} under a new decoder; the result is served`, () =>
    inFolder(async (folder) => {
      const [base, { cases }] = [await importedBase(folder, fixture), await phantoms(folder)];
      const losses: number[] = [];
      const request = requestFor(folder, {
        base,
        cases,
        recipe: { steps: 8 },
        changes: { onEvent: (e) => e.type === "progress" && losses.push(e.loss) },
      });
      const result = await finetune(request);
      assert.ok(Math.min(...losses.slice(-4)) < losses[0], `losses ${losses}`);
      const after = await networkIn(request.outputDirectory);
      const normalised = after.nodes.filter((n) => n.op === "BatchNormalization");
      const frozen = new Set(normalised.flatMap((n) => n.inputs.slice(3, 5)));
      for (const [key, before] of weightsOf(await networkIn(base.directory))) {
        const tuned = toNumbers(after.constants.get(key)!);
        if (frozen.has(key)) {
          assert.deepEqual(tuned, toNumbers(before), `${key} is frozen`);
          continue;
        }
        // a bias before BatchNormalization has no gradient, but there is none in these
        const changed = toNumbers(before).filter((v, i) => v !== tuned[i]).length;
        assert.ok(changed > 0.9 * tuned.length, `${key}: ${changed} of ${tuned.length} changed`);
      }
      assert.equal(normalised.length, fixture === "pyramid_bn" ? 4 : 0, "inference form");

      assert.deepEqual(result.spec.architecture, {
        kind: "onnx",
        config: { features: ["feature1", "feature2", "feature3"], head: "segmentation" },
      });
      const made = await publish(join(folder, "models"), "made", {
        spec: result.spec,
        source: request.outputDirectory,
      });
      const outPath = join(folder, "mask.nii.gz");
      const served = await segment({ ...made, images: cases[0].images, engine, output: "labels", outPath });
      const { data, sizeVox } = await readVolume(outPath);
      assert.deepEqual(sizeVox, [28, 32, 30]);
      assert.equal(served.labels[0].voxels, data.filter((v) => v === LESION.value).length);
    }));
}

Deno.test("finetune() continues from a network that it made on an imported encoder, for the same labels and for others", () =>
  inFolder(async (folder) => {
    const [base, { cases }] = [await importedBase(folder, "pyramid_bn"), await phantoms(folder)];
    const request = requestFor(folder, { base, cases, recipe: { steps: 1 } });
    const { spec } = await finetune(request);
    const made = await publish(join(folder, "models"), "made", { spec, source: request.outputDirectory });
    const contextOf = (again: FinetuneRequest) => ({
      request: again,
      recipe: resolveRecipe(again.recipe, {
        cases: 1,
        baseHasTemplates: false,
        task: again.task,
        network: "onnx",
        percentilesOver: null,
      }),
    });

    const again = requestFor(join(folder, "again"), { base: made, cases, recipe: { steps: 1 } });
    const same = await trainable(contextOf(again));
    assert.deepEqual([same.report.fresh, same.report.dropped], [[], []]);
    for (const [key, t] of weightsOf(await networkIn(made.directory))) {
      assert.deepEqual(same.network.constants.get(key)?.data, t.data, key);
    }
    const { spec: next } = await finetune(again);
    assert.deepEqual(next.architecture, spec.architecture);
    assert.deepEqual((await networkIn(again.outputDirectory)).outputs, ["out", "feature1", "feature2", "feature3"]);

    const two = [LESION, { ...LESION, name: "other", value: 2 }];
    const other = await trainable(contextOf({ ...again, labels: two }));
    assert.deepEqual([other.report.fresh, other.report.dropped], [[], []]);
    assert.deepEqual(other.report.outputs, { loaded: ["lesion"], averaged: [], fresh: ["other"], dropped: [] });
    const head = ["decoder.out.conv.conv.weight", "decoder.out.conv.conv.bias"];
    const renamed = await trainable(contextOf({ ...again, labels: [{ ...LESION, name: "unknown" }] }));
    assert.deepEqual([renamed.report.fresh, renamed.report.dropped], [head, head]);

    const classes = await trainable(contextOf({ ...again, task: "classification", classes: ["a", "b"] }));
    assert.deepEqual(classes.report.fresh, ["head_norm.weight", "head_norm.bias", "head.weight", "head.bias"]);
    assert.ok(classes.report.dropped.every((key) => key.startsWith("decoder.")));
    assert.deepEqual(classes.network.outputs.slice(0, 1), ["logits"]);
  }));

Deno.test("finetune() leaves the sizes open that an imported network leaves open", () =>
  inFolder(async (folder) => {
    const { cases } = await phantoms(folder);
    for (const fixture of ["pyramid_bn", "pyramid_folded"] as const) {
      const base = await importedBase(join(folder, fixture), fixture);
      const request = requestFor(join(folder, fixture), { base, cases, recipe: { steps: 1 } });
      const { spec } = await finetune(request);
      const report = JSON.parse(await Deno.readTextFile(join(request.outputDirectory, "report.json")));
      assert.equal(report.weights.sizes, "open");
      const bytes = await Deno.readFile(join(request.outputDirectory, "network.onnx"));
      const made = await publish(join(folder, fixture, "models"), "made", { spec, source: request.outputDirectory });
      const recipe = { ...request.recipe, steps: 1, roi: [48, 32, 16] as const };
      const again = requestFor(join(folder, fixture, "again"), { base: made, cases, recipe });
      const context = { cases: 1, baseHasTemplates: false, task: again.task, network: "onnx" } as const;
      const { network, inference, encoded, report: { sizes, fresh } } = await trainable({
        request: again,
        recipe: resolveRecipe(again.recipe, { ...context, percentilesOver: null }),
      });
      assert.deepEqual([network.types.get("image")!.shape, sizes, fresh], [[1, 4, 48, 32, 16], "open", []]);
      // the file of the first fine-tune, that of the second and the graph of the second are one function
      const shape = [1, 4, 48, 32, 16];
      const graphs = [
        importModel(bytes, { inputShape: shape }),
        importModel(encoded(network.constants), { inputShape: shape }),
        inference(network.constants),
      ];
      const random = new Random(4), data = Float32Array.from({ length: 4 * 48 * 32 * 16 }, () => random.normal());
      const logits: Float32Array[] = [];
      for (const graph of graphs) {
        const session = await loadGraph(engine, graph);
        logits.push(await windowRunner(session)(data, shape));
        await session.release();
      }
      assertClose(logits[0], logits[2], { atol: 1e-5, what: "the first file" });
      assertClose(logits[1], logits[2], { atol: 1e-5, what: "the second file" });
      const direct = await engine.load(bytes);
      assert.deepEqual(Object.values(direct.outputs).map(({ shape }) => shape.length), [5, 5, 5, 5]);
      await direct.release();
    }
  }));

Deno.test("trainable() meets the modalities of an imported network by name: its logits are the base's before the first update", () =>
  inFolder(async (folder) => {
    const [base, { cases }] = [await importedBase(folder, "pyramid_bn"), await phantoms(folder)];
    const request = requestFor(folder, { base, cases, recipe: { steps: 1 } });
    const { spec } = await finetune(request);
    const made = await publish(join(folder, "models"), "made", { spec, source: request.outputDirectory });
    const startOf = async (modalities: readonly Modality[]) => {
      const again = requestFor(folder, { base: made, cases, changes: { modalities } });
      const context = { cases: 1, baseHasTemplates: false, task: again.task, network: "onnx" } as const;
      const recipe = resolveRecipe(again.recipe, { ...context, percentilesOver: null });
      const { network, report, inference } = await trainable({ request: again, recipe });
      return { report, graph: inference(network.constants) };
    };
    const logits = async (graph: Graph, modalities: readonly Modality[]) => {
      const voxels = ROI[0] * ROI[1] * ROI[2], data = new Float32Array(modalities.length * voxels);
      modalities.forEach((modality, c) => {
        const random = new Random(1).fork(modality);
        for (let v = 0; v < voxels; v++) data[c * voxels + v] = random.normal();
      });
      const session = await loadGraph(engine, graph);
      try {
        return [...await windowRunner(session)(data, [1, modalities.length, ...ROI])];
      } finally {
        await session.release();
      }
    };
    const expected = await logits(await networkIn(made.directory), MODALITIES);
    const order = MODALITIES.toReversed();
    const { report, graph } = await startOf(order);
    const found = await logits(graph, order);
    const largest = Math.max(...expected.map(Math.abs));
    // float32 adds the channels in another order
    const worst = Math.max(...found.map((v, i) => Math.abs(v - expected[i]))) / largest;
    assert.ok(worst < 1e-5, `logits differ by up to ${worst} of the largest, ${largest}`);
    assert.deepEqual([report.modalities.loaded, report.fresh, report.dropped], [order, [], []]);

    // a file does not say how a channel starts: a new modality gets the mean of the others
    const other = await startOf(["adc", "flair", "t2", "t1"]);
    assert.deepEqual(other.report.modalities, {
      loaded: ["flair", "t2", "t1"],
      averaged: ["adc"],
      fresh: [],
      dropped: ["t1c"],
    });
  }));

Deno.test("finetune() puts a classification head on an imported encoder; the result classifies", () =>
  inFolder(async (folder) => {
    const [base, { cases, classes }] = [
      await importedBase(folder, "pyramid_bn"),
      await phantoms(folder, "classification"),
    ];
    const request = requestFor(folder, {
      base,
      cases,
      recipe: { steps: 3 },
      changes: { task: "classification", classes, labels: [] },
    });
    const { spec, training } = await finetune(request);
    assert.ok(training.accuracy! >= 0);
    const made = await publish(join(folder, "models"), "made", { spec, source: request.outputDirectory });
    const served = await classify({ ...made, images: cases[0].images, engine });
    assert.deepEqual(served.classes.map((c) => c.label), ["clear", "lesions"]);
    const report = JSON.parse(await Deno.readTextFile(join(request.outputDirectory, "report.json")));
    const [scored] = report.phases[0].cases;
    served.classes.forEach(({ probability }, i) => {
      assert.ok(Math.abs(probability - scored.probabilities[i]) < 1e-5, "as the report says");
    });
  }));

/** Runs `work` with an operator's gradient rule taken away. */
async function without<K extends OpName>(op: K, work: () => Promise<void>): Promise<void> {
  const record = opDef(op) as { vjp: OpDef<K>["vjp"] };
  const rule = record.vjp;
  record.vjp = unsupported("nobody wrote it");
  try {
    await work();
  } finally {
    record.vjp = rule;
  }
}

/** Refused before any case is prepared: the case's files do not exist. */
async function refused(
  folder: string,
  base: FinetuneRequest["base"],
  { message, recipe, changes }: {
    message: string | RegExp;
    recipe?: Partial<Recipe>;
    changes?: Partial<FinetuneRequest>;
  },
): Promise<TrainingError> {
  const cases = [{ id: "a", patient: "a", images: { t1: "/nowhere" }, label: "/nowhere" }];
  let caught: unknown;
  await finetune(requestFor(folder, { base, cases, recipe, changes })).catch((error) => caught = error);
  assert.ok(caught instanceof TrainingError && caught.code === "invalid-recipe", String(caught));
  if (typeof message === "string") assert.equal(caught.message, message);
  else assert.match(caught.message, message);
  return caught;
}

Deno.test("finetune() names node and operator where a trainable path has no gradient", () =>
  inFolder(async (folder) => {
    const base = await importedBase(folder, "pyramid_bn");
    const crops = "Cannot train foreign on crops [1,4,32,32,32]";
    for (const changes of [{}, { task: "classification", classes: ["a", "b"] }] as Partial<FinetuneRequest>[]) {
      await without("Relu", async () => {
        const message = `${crops}: Relu (node coarse) has no gradient: nobody wrote it`;
        const error = await refused(folder, base, { message, changes });
        assert.ok((error.cause as Error).cause instanceof NoGradientError);
      });
    }
    await without("Conv", async () => {
      const message = `${crops}: Conv (node /conv4/Conv_output_0) has no gradient: nobody wrote it`;
      await refused(folder, base, { message });
    });
  }));

Deno.test("finetune() refuses an encoder of one size on crops of another, with both sizes", () =>
  inFolder(async (folder) => {
    const base = await importedBase(folder, "conv_folded", { features: ["fine", "coarse"] });
    await refused(folder, base, {
      message: /^Cannot train foreign on crops \[1,4,32,32,32\]: Cannot import input "image" .*: expected size .* got/,
    });
  }));

Deno.test("finetune() refuses names of outputs that are no feature maps", async () => {
  const crops = "Cannot train foreign on crops [1,4,32,32,32]: Cannot build featureDecoder: expected";
  const missing =
    "Cannot train foreign: expected its manifest's architecture.config.features to name feature maps, got";
  const remedy = "; name some (sulcus models features), or continue the network as a whole (keepHead)";
  const cases: [Record<string, unknown>, string | RegExp][] = [
    [{ features: ["fine", "finest"] }, /a value finest in main_graph, got none; its feature maps are [a-z]/],
    [{ features: ["bn1.weight"] }, /expected bn1\.weight to be a feature map .* of the image \[32,32,32\], got \[8\]$/],
    [{ features: [] }, `${crops} the name of at least one feature map, got none`],
    [{}, `${missing} nothing${remedy}`],
    [{ features: "fine" }, `${missing} "fine"${remedy}`],
    [{ features: [1] }, `${missing} [1]${remedy}`],
  ];
  for (const [config, message] of cases) {
    await inFolder(async (folder) => {
      await refused(folder, await importedBase(folder, "pyramid_bn", config), { message });
    });
  }
});

Deno.test("finetune() refuses another number of modalities than the encoder's, and a twin from scratch", () =>
  inFolder(async (folder) => {
    const base = await importedBase(folder, "pyramid_folded");
    await refused(folder, base, {
      message: "Cannot train foreign: its network comes from a file for 4 modalities (t1, t1c, t2, flair), got 2 " +
        "modalities (t1, flair); make a data set with as many, or choose another base",
      changes: { modalities: ["t1", "flair"] },
    });
    await refused(folder, base, {
      message: /^Cannot fine-tune: expected recipe\.compareFromScratch to be false, because nothing says how to/,
      recipe: { compareFromScratch: true },
    });
  }));
