/** Fine-tunes whose folds answer together: the mean of their networks, their package, the base that it is, and refusals. */
import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { type Graph, importModel, membersOf } from "../src/graph/mod.ts";
import { checkNetwork, loadGraph, segment, windowRunner } from "../src/inference/mod.ts";
import { loadNetwork } from "../src/inference/windows/loaded_network.ts";
import { candidateDraft } from "../src/jobs/mod.ts";
import { buildNetwork } from "../src/nets/mod.ts";
import { Readers } from "../src/process/mod.ts";
import { exportPackage, importPackage } from "../src/registry/archive.ts";
import { type Manifest, specOf as specOfManifest } from "../src/registry/mod.ts";
import { packageDirectory, readPackage, writePackage } from "../src/registry/package.ts";
import { Random, type Tensor } from "../src/tensor/mod.ts";
import {
  checkFinetune,
  finetune,
  type FinetuneRequest,
  planFinetune,
  planWords,
  type Recipe,
} from "../src/train/mod.ts";
import { planned } from "../src/train/finetuning/check_finetune.ts";
import { readCheckpoint } from "../src/train/loop/checkpoint.ts";
import { exportWeights, importRequestSchema } from "../src/weights/mod.ts";
import { importWeights } from "../src/weights/import_weights.ts";
import type { ProcessOptions } from "./testing/finetune_process.ts";
import { runAndKill } from "./testing/kill.ts";
import { LESION, requestOf, ROI, specOf, TINY_ENCODER, writeBase } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";
import { EDGE, publishGraph, wholeNetwork } from "./testing/whole_networks.ts";

let engine: Engine, wasm: Engine;
Deno.test.beforeAll(async () => {
  [engine, wasm] = [await openEngine("cpu"), await openEngine("wasm")];
});
Deno.test.afterAll(async () => {
  await engine.close();
  await wasm.close();
});

/** Two folds of half of the final network's updates. */
const RECIPE = {
  preset: "paper",
  steps: 4,
  foldSteps: 2,
  checkpointEverySteps: 2,
  batchSize: 1,
  roi: ROI,
  validation: { folds: 2 },
  ensemble: "folds",
  seed: 7,
} as const satisfies Recipe;

type Task = "segmentation" | "classification";

async function setUp(folder: string, { task = "segmentation", count = 2 }: { task?: Task; count?: number } = {}) {
  const data = join(folder, "data");
  await writePhantomDataset(data, { seed: 1, count, sizeVox: [30, 36, 31], spacingMm: [1, 1, 1], lesions: 4, task });
  await writeBase(join(folder, "base"), { architecture: TINY_ENCODER });
  const { cases, classes } = await readDatasetFolder(data);
  const changes = task === "classification" ? { task, classes, labels: [] } : {};
  const recipe = task === "classification" ? { ...RECIPE, steps: 2, foldSteps: 1 } : RECIPE;
  return { cases, request: requestOf({ folder, engine, cases, recipe, changes }) };
}

/** The result as a package on disk, as the job makes it. */
async function packaged(request: FinetuneRequest, root: string) {
  const result = await finetune(request);
  const { base, cases } = request, licence = "Apache-2.0";
  const draft = candidateDraft(result, {
    job: "job",
    name: "together",
    datasetHash: "0".repeat(64),
    base: { ...base, manifest: { licence } as Manifest },
    caseCount: cases.length,
  });
  await writePackage(root, draft, { version: 1, source: request.outputDirectory });
  const directory = packageDirectory(root, "together", 1);
  const manifest = await readPackage(directory);
  return { directory, manifest, spec: specOfManifest(manifest) };
}

type Packaged = Awaited<ReturnType<typeof packaged>>;

/** The weights that a phase left in the work folder. */
async function weightsOf({ workDirectory }: FinetuneRequest, phase: string): Promise<ReadonlyMap<string, Tensor>> {
  return (await readCheckpoint(join(workDirectory, phase, "weights.safetensors")))!.tensors;
}

const PHASES = ["fold-1-of-2", "fold-2-of-2", "final"];

function imageOf(shape: readonly number[]): Float32Array {
  const random = new Random(8);
  return Float32Array.from({ length: shape.reduce((a, n) => a * n) }, () => random.normal());
}

/** The logits of one network for one image. */
async function logitsOf(graph: Graph, shape: readonly number[]): Promise<Float32Array> {
  const session = await loadGraph(engine, graph);
  try {
    return await windowRunner(session)(imageOf(shape), shape);
  } finally {
    await session.release();
  }
}

/** Compares a package's answer on two providers with the mean of the networks that were trained, each run alone. */
async function assertMean(request: FinetuneRequest, { directory, spec }: Packaged): Promise<void> {
  const input = [1, request.modalities.length, ...spec.inference.roi];
  const all: Float32Array[] = [];
  for (const phase of PHASES) {
    const weights = await weightsOf(request, phase);
    all.push(await logitsOf(buildNetwork(spec.architecture, { input, weights, outputs: "inference" }), input));
  }
  const [first] = all, largest = Math.max(...first.map(Math.abs));
  const mean = Array.from(first, (_, i) => all.reduce((sum, logits) => sum + logits[i], 0) / all.length);
  const distance = (found: Float32Array) => Math.max(...found.map((v, i) => Math.abs(v - mean[i]))) / largest;
  assert.ok(all.every((logits) => distance(logits) > 1e-3), "the networks differ, and none is the mean");
  for (const device of [engine, wasm]) {
    const session = await loadNetwork(device, { directory, spec });
    const worst = distance(await windowRunner(session)(imageOf(input), input));
    assert.ok(worst < 1e-5, `${device.provider}: ${worst} of the largest logit`);
  }
}

/** The recipe, network and spec of a fine-tune from a package. */
async function onPackage(request: FinetuneRequest, { directory, spec }: Packaged, recipe: Partial<Recipe>) {
  const base = { name: "together", version: 1, directory, spec };
  const again = {
    ...request,
    base,
    recipe: { preset: "edge", steps: 2, roi: spec.inference.roi, ...recipe } as Recipe,
  };
  return await planned({ request: again, recipe: again.recipe, cases: 2, baseHasTemplates: false });
}

/** Exports and imports a package as an archive. */
async function assertSameArchive(folder: string, { directory, manifest }: Packaged): Promise<void> {
  const zip = join(folder, "package.zip"), root = join(folder, "unpacked");
  await Deno.writeFile(zip, (await exportPackage(directory, manifest)).stream);
  await mkdir(root);
  const isTaken = () => Promise.resolve(false);
  assert.deepEqual(await importPackage(zip, root, { checkNetwork, isTaken, readers: new Readers() }), manifest);
}

Deno.test("finetune() with ensemble folds makes one network that answers by their mean, killed on the way or not", () =>
  inFolder(async (folder) => {
    const { cases, request } = await setUp(folder);
    const killed = { folder, name: "killed", recipe: RECIPE } satisfies ProcessOptions;
    assert.ok(await runAndKill("finetune_process.ts", killed, 3), "killed in the final training");
    const resumed = { workDirectory: join(folder, "killed/work"), outputDirectory: join(folder, "killed/output") };
    await finetune({ ...request, ...resumed });

    const together = await packaged(request, join(folder, "models")), { directory, spec, manifest } = together;
    const bytes = await readFile(join(directory, "network.onnx"));
    assert.deepEqual(await readFile(join(resumed.outputDirectory, "network.onnx")), bytes);
    assert.equal(membersOf(importModel(bytes)), 3);
    await assertMean(request, together);

    const { t1, flair } = cases[0].images, images = { t1, flair };
    const outPath = join(folder, "mask.nii.gz");
    const { windows } = await segment({ engine, directory, spec, images, output: "labels", outPath });
    assert.ok(windows > 0);
    await assertSameArchive(folder, together);
    await assert.rejects(exportWeights(directory, manifest), {
      code: "wrong-task",
      message:
        "Cannot export the network: it answers by the mean of 3 networks, and a file of weights holds one; export " +
        "the package (sulcus models export), or fine-tune with ensemble final",
    });

    const { notes } = JSON.parse(await readFile(join(directory, "report.json"), "utf8"));
    for (
      const start of [
        "Ensemble: answers are by the mean logits of 3 networks, 2 of folds and the final one. Each answer takes 3 times",
        "The ensemble itself was not scored: each held-out patient was seen by its other networks.",
      ]
    ) assert.ok(notes.some((note: string) => note.startsWith(start)), start);
    assert.equal(manifest.provenance.recipe.ensemble, "folds");

    // a further fine-tune starts from the final network alone, with the same head or a fresh one
    const final = await weightsOf(request, "final");
    for (const keepHead of [false, true]) {
      const again = await onPackage(request, together, { keepHead, validation: "none" });
      const { constants } = again.network.network, { report } = again.network;
      assert.deepEqual([report.baseMembers, report.dropped, report.outputs.fresh], [3, [], []]);
      // heads that only training uses are in no package
      assert.ok(report.fresh.every((name) => name.startsWith("ms_out.")), `${report.fresh}`);
      assert.deepEqual([...constants.keys()].filter((name) => name.startsWith("ensemble/")), []);
      const taken = [...final].filter(([name]) => !report.fresh.includes(name));
      assert.ok(taken.length > 50, `${taken.length}`);
      for (const [name, { data }] of taken) assert.deepEqual(constants.get(name)!.data, data, name);
    }
    const { request: again } = await onPackage(request, together, { validation: "none" });
    const further = join(folder, "further");
    const recipe = { preset: "edge", steps: 2, roi: ROI, validation: "none" } as const;
    await finetune({
      ...again,
      recipe,
      workDirectory: join(further, "work"),
      outputDirectory: join(further, "output"),
    });
    assert.equal(membersOf(importModel(await readFile(join(further, "output/network.onnx")))), 1);
  }));

Deno.test("finetune() with ensemble folds classifies by the mean of the logits", () =>
  inFolder(async (folder) => {
    const { request } = await setUp(folder, { task: "classification", count: 4 });
    await assertMean(request, await packaged(request, join(folder, "models")));
  }));

Deno.test("finetune() with ensemble folds of a network from a file is the same after export, and a base by its final one", () =>
  inFolder(async (folder) => {
    const { request: own } = await setUp(folder);
    const modalities = ["t1", "t1c", "t2", "flair"] as const, roi = [EDGE, EDGE, EDGE] as const;
    const base = await publishGraph(folder, {
      graph: wholeNetwork({ channels: 1, end: "Sigmoid" }),
      spec: specOf({
        task: "segmentation",
        architecture: { kind: "onnx", config: { output: "result" } },
        modalities,
        labels: [LESION],
        inference: { ...specOf().inference, roi, activation: "probabilities" },
      }),
    });
    const { roi: _, ...recipe } = RECIPE;
    const kept = { ...recipe, keepHead: true, learningRate: 4e-3, warmupSteps: 0 };
    const request = { ...own, modalities, base, recipe: kept };
    const together = await packaged(request, join(folder, "made")), { directory, manifest } = together;
    assert.deepEqual([manifest.inference.activation, manifest.architecture.config], ["sigmoid", {
      head: "segmentation",
    }]);

    const file = join(folder, "network.onnx"), out = join(folder, "out");
    await Deno.writeFile(file, ReadableStream.from((await exportWeights(directory, manifest)).parts));
    await mkdir(out);
    const { draft } = await importWeights({ path: file }, importRequestSchema.parse({ name: "together" }), out);
    assert.deepEqual(draft.inference, manifest.inference);
    const bytes = await readFile(join(directory, "network.onnx"));
    const input = [1, 4, ...roi], graph = importModel(bytes), answer = await logitsOf(graph, input);
    assert.deepEqual(await logitsOf(importModel(await readFile(join(out, "network.onnx"))), input), answer);

    const { network } = await onPackage(request, together, { keepHead: true, validation: "none", roi: undefined });
    const [alone, ofBase] = [
      network.inference(network.network.constants),
      await planned({
        request,
        recipe: kept,
        cases: 2,
        baseHasTemplates: false,
      }),
    ];
    const final = ofBase.network.inference(await weightsOf(request, "final"));
    assert.deepEqual(await logitsOf(alone, input), await logitsOf(final, input), "the logits of the final network");
    assert.notDeepEqual(await logitsOf(alone, input), answer);
    assert.deepEqual(network.report.constants, ofBase.network.report.constants);
  }));

Deno.test("ensemble folds is refused where no fold is trained, before a job; a plan states its cost", () =>
  inFolder(async (folder) => {
    const { request, cases } = await setUp(folder);
    const check = { request, recipe: RECIPE, cases: 2, baseHasTemplates: false };
    const refused = (why: RegExp) => ({ code: "invalid-recipe", message: why });
    await checkFinetune(check);
    await assert.rejects(
      checkFinetune({ ...check, patients: 1 }),
      refused(
        /^Cannot fine-tune: expected recipe.ensemble to be final, because the cases are of one patient, whom no /,
      ),
    );
    await assert.rejects(
      checkFinetune({ ...check, recipe: { ...RECIPE, validation: "none" } }),
      refused(/validation none/),
    );

    const options = { request, cases, baseHasTemplates: false, provider: "cpu" } as const;
    const shown = await planFinetune({ ...options, recipe: RECIPE });
    assert.match(planWords(shown).join("\n"), /by the mean logits of 3 networks, .* the package 3 times [\d.]+ KiB\./);
    const short: Recipe = { preset: "auto", ensemble: "folds", budgetMinutes: 0.3 };
    await assert.rejects(
      planFinetune({ ...options, recipe: short }),
      refused(
        /to be final, because a fold would take most of 0.3 minutes; give more time \(budgetMinutes\), got "folds"/,
      ),
    );
  }));
