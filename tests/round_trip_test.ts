/**
 * Export and import again is the identity: spec, manifest, network and templates of every package that ships, and of a package
 * of every kind of network; as a file of weights and as an archive of the package.
 */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { readDatasetFolder } from "../src/datasets/mod.ts";
import { type Engine, openEngine } from "../src/engine/mod.ts";
import { encodeModel } from "../src/graph/mod.ts";
import { checkNetwork, type ModelSpec, writeTemplate } from "../src/inference/mod.ts";
import { buildNetwork, initialWeights, kindOf, NETWORK_KINDS, type NetworkSpec } from "../src/nets/mod.ts";
import { Readers } from "../src/process/mod.ts";
import { exportPackage, importPackage } from "../src/registry/archive.ts";
import type { Manifest, ManifestDraft } from "../src/registry/mod.ts";
import { packageDirectory, readPackage, writePackage } from "../src/registry/package.ts";
import { draftOf } from "../src/registry/testing/packages.ts";
import { finetune, type FinetuneRequest } from "../src/train/mod.ts";
import { exportWeights, importRequestSchema } from "../src/weights/mod.ts";
import { importWeights } from "../src/weights/import_weights.ts";
import { loadFixture } from "./fixtures/mod.ts";
import { requestOf, ROI, TINY } from "./testing/tiny_models.ts";
import { inFolder } from "./testing/volumes.ts";

let engine: Engine;
Deno.test.beforeAll(async () => {
  engine = await openEngine("cpu");
});
Deno.test.afterAll(() => engine.close());

interface Package {
  readonly directory: string;
  readonly manifest: Manifest;
}

/** Everything of a manifest that a file of weights keeps: all but the version, the reports and the file that it came from. */
function kept({ version: _, files, provenance, ...manifest }: Manifest) {
  const { importedFrom: __, ...recipe } = provenance.recipe;
  const { job: ___, ...others } = provenance;
  const held = Object.entries(files).filter(([name]) => !name.startsWith("report."));
  return { ...manifest, files: Object.fromEntries(held), provenance: { ...others, recipe } };
}

async function published(root: string, draft: ManifestDraft, source: string, version = 1): Promise<Package> {
  await writePackage(root, draft, { version, source });
  const directory = packageDirectory(root, draft.name, version);
  return { directory, manifest: await readPackage(directory) };
}

/** Exports and imports a package both ways and compares. */
async function assertRoundTrip(folder: string, { directory, manifest }: Package): Promise<void> {
  const file = join(folder, "weights"), out = join(folder, "out");
  const { parts } = await exportWeights(directory, manifest);
  await Deno.writeFile(file, ReadableStream.from(parts));
  await mkdir(out);
  const { draft } = await importWeights({ path: file }, importRequestSchema.parse({ name: manifest.name }), out);
  const again = await published(join(folder, "again"), draft, out, manifest.version);
  assert.deepEqual(kept(again.manifest), kept(manifest));

  const zip = join(folder, "package.zip");
  await Deno.writeFile(zip, (await exportPackage(directory, manifest)).stream);
  const root = join(folder, "unpacked");
  await mkdir(root);
  const unpacked = await importPackage(zip, root, {
    checkNetwork,
    isTaken: () => Promise.resolve(false),
    readers: new Readers(),
  });
  assert.deepEqual(unpacked, manifest);
}

const SHIPPED = [...Deno.readDirSync("models")].filter((e) => e.isDirectory).flatMap(({ name }) =>
  [...Deno.readDirSync(`models/${name}`)].map((e) => `models/${name}/${e.name}`)
).sort();
for (const directory of SHIPPED) {
  Deno.test(`${directory} is the same after export and import`, () =>
    inFolder(async (folder) => assertRoundTrip(folder, { directory, manifest: await readPackage(directory) })));
}

const UNIFORMER = { ...TINY, inChannels: 2, biasedStem: true };
const NNUNET = {
  inChannels: 2,
  features: [4, 8],
  kernels: [3, 3, 3, 3, 3, 3],
  strides: [1, 1, 1, 2, 2, 2],
  blocks: [1, 2],
  residual: false,
  bias: true,
};
const CONFIGS: Readonly<Record<Exclude<NetworkSpec["kind"], "onnx">, NetworkSpec["config"]>> = {
  uniformer: { ...UNIFORMER, inChannels: 1 },
  uniunet: { ...UNIFORMER, stemWidth: 4, outChannels: 2, multiScale: false },
  "uniformer-classifier": { ...UNIFORMER, classes: 2, allStages: true },
  "uniformer-pretraining": { ...UNIFORMER, inChannels: 1, stemWidth: 8 },
  unet3d: { inChannels: 2, width: 8, outChannels: 2, deepSupervision: false },
  "unet3d-classifier": { inChannels: 2, width: 8, classes: 2 },
  "unet3d-pretraining": { inChannels: 1, width: 8 },
  nnunet: { ...NNUNET, outChannels: 3, decoderBlocks: [1], deepSupervision: true },
  "nnunet-classifier": { ...NNUNET, strides: [1, 1, 1, 2, 2, 1], classes: 2 },
};

const PREPROCESSING: ModelSpec["preprocessing"] = {
  spacingMm: null,
  normalisation: [{ kind: "z-score", over: "nonzero" }, { kind: "fixed", mean: 4, deviation: 2, clip: [-1, 9] }],
  order: ["crop", "normalise", "resample"],
  orientation: "LPS",
  axes: "ZYX",
  interpolation: "cubic",
  alignment: "extent",
  separateAxis: { above: 3, interpolation: "nearest" },
  foregroundMargin: 0,
  foreground: "nonzero",
};

/** A draft that uses every field that a manifest may have for such a network. */
function fullDraft(architecture: NetworkSpec): ManifestDraft {
  const task = kindOf(architecture.kind).task!;
  const isExclusive = architecture.kind === "nnunet";
  const labels: ManifestDraft["labels"] = [
    { name: "core", value: 4, colour: "#00aa00", sourceValues: [1, 4], trainingMl: { min: 0.1, max: 30.5 } },
    { name: "edema", value: 2, colour: "#0000aa" },
  ];
  const segmentation: Partial<ManifestDraft["inference"]> = {
    activation: isExclusive ? "softmax" : "sigmoid",
    ...!isExclusive && { paintOrder: [2, 4] },
    placing: "even",
    mirrored: [0, 2],
    postprocessing: [{ kind: "smallest-size", ml: 0.05, labels: ["edema"] }, { kind: "fill-holes" }],
  };
  const { provenance } = draftOf();
  return draftOf({
    name: "trained",
    task,
    architecture: { ...architecture, config: { ...architecture.config } } as ManifestDraft["architecture"],
    modalities: ["t1", "flair"],
    labels: task === "segmentation" ? labels : [],
    classes: task === "classification" ? ["grade", "none"] : [],
    preprocessing: {
      ...PREPROCESSING,
      ...task === "classification" && { resize: [20, 24, 28], keepAspect: true },
    } as ManifestDraft["preprocessing"],
    inference: {
      roi: [16, 32, 48],
      overlap: [0.5, 0.25, 0.5],
      blending: "gaussian",
      threshold: 0.4,
      ...task === "segmentation" && segmentation,
      ...task === "classification" && { activation: "sigmoid" as const },
    } as ManifestDraft["inference"],
    provenance: {
      ...provenance,
      recipe: { ...provenance.recipe, batchesTracked: 7 },
      baseModel: "tumour",
      baseVersion: 3,
      datasetHash: "ab".repeat(32),
      metrics: { dice: 0.75, hd95Mm: null },
      note: "Fine-tuned.",
    },
    licence: "CC-BY-4.0",
    intendedUse: "Research.",
  });
}

const EVERY_KIND = NETWORK_KINDS.filter((kind) => kind !== "onnx").map((kind) => ({ kind, config: CONFIGS[kind] }));
const BY_IMAGE = EVERY_KIND.filter(({ kind }) => kind.startsWith("uni")).map(({ kind, config }) => ({
  kind,
  config: { ...config, instanceNorm: true },
}));

for (const architecture of [...EVERY_KIND, ...BY_IMAGE]) {
  const { kind, config } = architecture, by = "instanceNorm" in config ? ", normalised by image," : "";
  Deno.test(`a package of ${kind}${by} is the same after export and import`, () =>
    inFolder(async (folder) => {
      const draft = fullDraft(architecture), source = join(folder, "source");
      await mkdir(source);
      const input = [1, kindOf(kind).net(architecture.config).example[1], ...draft.inference.roi];
      const outputs = draft.task === "encoder" ? "training" : "inference";
      const graph = buildNetwork(architecture, { input, weights: initialWeights(architecture, { seed: 5 }), outputs });
      await Deno.writeFile(join(source, "network.onnx"), encodeModel(graph));
      if (draft.task === "encoder") {
        for (const modality of draft.modalities) {
          const data = Float32Array.from({ length: 24 }, (_, i) => i / 7);
          const place = {
            sizeVox: [2, 3, 4] as const,
            spacingMm: [1, 2, 1.5] as const,
            middleMm: [0.5, -3, 18] as const,
          };
          await writeTemplate(source, modality, { data, ...place });
        }
      }
      await assertRoundTrip(folder, await published(join(folder, "models"), draft, source));
    }));
}

/** A folder with a graph of others as a package, imported as a user would. */
async function importedGraph(folder: string, fields: Record<string, string>): Promise<Package> {
  const file = join(folder, "graph.onnx"), out = join(folder, "imported");
  await Deno.writeFile(file, loadFixture("pyramid_bn").model);
  await mkdir(out);
  const request = importRequestSchema.parse({ name: "foreign", modalities: "t1,t1c,t2,flair", roi: "32", ...fields });
  const { draft } = await importWeights({ path: file }, request, out);
  return await published(join(folder, "models"), draft, out);
}

Deno.test("an imported graph is the same after export and import", () =>
  inFolder(async (folder) => {
    const fields = { features: "auto", normalisation: "z-score:nonzero", orientation: "LPS", foreground: "whole" };
    await assertRoundTrip(folder, await importedGraph(folder, fields));
  }));

for (const task of ["segmentation", "classification"] as const) {
  Deno.test(`a ${task} that was fine-tuned on an imported graph is the same after export and import`, () =>
    inFolder(async (folder) => {
      const { directory, manifest } = await importedGraph(folder, { features: "auto" });
      const data = join(folder, "data");
      await writePhantomDataset(data, {
        seed: 3,
        count: 2,
        sizeVox: [28, 32, 30],
        spacingMm: [1, 1, 1],
        lesions: 4,
        task,
      });
      const { cases, classes } = await readDatasetFolder(data);
      const base: FinetuneRequest["base"] = { name: "foreign", version: 1, directory, spec: manifest };
      const changes: Partial<FinetuneRequest> = {
        modalities: ["t1", "t1c", "t2", "flair"],
        base,
        ...task === "classification" && { task, labels: [], classes },
      };
      const recipe = { steps: 1, learningRate: 1e-3, roi: ROI };
      const request = requestOf({ folder, engine, cases, recipe, changes });
      const { spec } = await finetune(request);
      const { preprocessing, inference, architecture, modalities, labels } = spec;
      const draft = draftOf({ name: "tuned", task, classes: [...spec.classes] });
      const made = { ...draft, preprocessing, inference, architecture, modalities, labels } as ManifestDraft;
      await assertRoundTrip(folder, await published(join(folder, "tuned"), made, request.outputDirectory));
    }));
}
