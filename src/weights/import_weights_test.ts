import { importWeightFile } from "./import_process.ts";
import assert from "node:assert/strict";
import { encodeSafetensors, type Tensor, tensor } from "../tensor/mod.ts";
import { initialWeights, type NetworkSpec, officialState } from "../nets/mod.ts";
import { global, pickleOf, reduce, text } from "./testing/pickle.ts";
import { databaseTests } from "../storage/testing/database.ts";
import { type ImportRequest, importRequestSchema } from "./request/import_request.ts";
import { type Imported, importWeights } from "./import_weights.ts";
import { rawZip } from "../storage/testing/zip.ts";
import { refusal } from "../storage/testing/refusal.ts";
import { Registry } from "../registry/store.ts";

const TINY = { widths: [8, 8, 16, 16], depths: [1, 1, 1, 1], headDim: 8, mlpRatio: 2 };
const PRETRAINING: NetworkSpec = { kind: "uniformer-pretraining", config: { ...TINY, inChannels: 1, stemWidth: 8 } };
const UNIUNET: NetworkSpec = {
  kind: "uniunet",
  config: { ...TINY, inChannels: 2, stemWidth: 8, outChannels: 2, multiScale: true },
};

/** A request as flags and query parameters give it. */
const asked = (fields: Record<string, string>): ImportRequest => importRequestSchema.parse({ name: "made", ...fields });

interface FileOptions {
  readonly template?: Tensor;
  readonly metadata?: Record<string, string>;
  /** Changes the state before it is written. */
  readonly change?: (state: Map<string, Tensor>) => void;
}

/** Imports an official safetensors file of a fresh network. */
async function importFresh(
  spec: NetworkSpec,
  request: Record<string, string>,
  { template, metadata, change }: FileOptions = {},
): Promise<Imported & { files: string[] }> {
  const state = officialState(spec, initialWeights(spec, { seed: 1 }), { template, batchesTracked: 9 });
  change?.(state);
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(
      `${folder}/x.safetensors`,
      new Blob(encodeSafetensors(state, metadata) as BlobPart[]).stream(),
    );
    await Deno.mkdir(`${folder}/out`);
    const imported = await importWeights(
      { path: `${folder}/x.safetensors` },
      asked({ roi: "16", ...request }),
      `${folder}/out`,
    );
    const files = ["", "templates/"].flatMap((sub) => {
      try {
        return [...Deno.readDirSync(`${folder}/out/${sub}`)].filter((e) => e.isFile).map((e) => sub + e.name);
      } catch {
        return [];
      }
    });
    return { ...imported, files: files.sort() };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const stack = (count: number) => tensor("float32", [count, 2, 3, 4], Array.from({ length: count * 24 }, (_, i) => i));

Deno.test("importWeights() makes an encoder with templates in the official order, or in the one that is given", async () => {
  const eight = await importFresh(PRETRAINING, {}, { template: stack(8) });
  const order = ["flair", "t1", "t1c", "t2", "mra", "pd", "dwi", "adc"];
  assert.deepEqual([eight.draft.task, eight.draft.modalities, eight.report.templates], ["encoder", order, order]);
  assert.deepEqual(eight.draft.architecture, PRETRAINING);
  assert.deepEqual(eight.draft.provenance.recipe.batchesTracked, 9);
  assert.match(eight.report.source.sha256, /^[0-9a-f]{64}$/);
  const two = await importFresh(PRETRAINING, { modalities: "t2,pd" }, { template: stack(2) });
  assert.deepEqual(two.files, ["network.onnx", "report.json", "templates/pd.nii.gz", "templates/t2.nii.gz"]);
  const none = await importFresh(PRETRAINING, { modalities: "t1" });
  assert.deepEqual([none.draft.modalities, none.report.templates], [["t1"], []]);
});

Deno.test("importWeights() makes a downstream network around an encoder when labels or classes are given", async () => {
  const { draft, report } = await importFresh(PRETRAINING, { labels: "edema=2,core=1", modalities: "t1,flair" }, {
    template: stack(8),
  });
  assert.equal(draft.task, "segmentation");
  assert.deepEqual(draft.labels.map(({ name, value }) => [name, value]), [["edema", 2], ["core", 1]]);
  assert.deepEqual(draft.architecture, {
    kind: "uniunet",
    config: { ...TINY, inChannels: 2, stemWidth: 8, outChannels: 2 },
  });
  assert.deepEqual(report.templates, ["flair", "t1"]);
  assert.match(draft.provenance.note, / \d+ of its tensors are fresh: fine-tune it before it is used\.$/);
  const classifier = await importFresh(PRETRAINING, { classes: "hgg,lgg", modalities: "t1" });
  assert.deepEqual([classifier.draft.architecture.kind, classifier.draft.classes], [
    "uniformer-classifier",
    ["hgg", "lgg"],
  ]);
});

Deno.test("importWeights() makes a model of a trained network, whose heads of training are left out", async () => {
  const { draft, report } = await importFresh(UNIUNET, { labels: "wm=1,gm=2", modalities: "t1,flair" });
  assert.deepEqual([draft.task, draft.architecture], ["segmentation", UNIUNET]);
  const dropped = report.dropped.map(({ key, why }) => `${key} ${why}`);
  assert.deepEqual(dropped, [
    "ms_out.0.bias is used in training only",
    "ms_out.0.weight is used in training only",
    "ms_out.1.bias is used in training only",
    "ms_out.1.weight is used in training only",
  ]);
  assert.deepEqual([report.missing, draft.provenance.seed], [[], null]);
  const unet: NetworkSpec = {
    kind: "unet3d",
    config: { inChannels: 1, width: 8, outChannels: 1, deepSupervision: false },
  };
  const small = await importFresh(unet, { labels: "lesion=1", modalities: "flair" });
  assert.deepEqual([small.draft.architecture, small.draft.inference.roi], [unet, [16, 16, 16]]);
});

Deno.test("importWeights() converts other floats and says so", async () => {
  const { report } = await importFresh(UNIUNET, { labels: "wm=1,gm=2", modalities: "t1,flair" }, {
    change: (state) => state.set("encoder.norm.bias", tensor("float64", [16], Array(16).fill(0.1))),
  });
  assert.deepEqual(report.converted, [{ key: "encoder.norm.bias", from: "float64" }]);
});

const described = (spec: unknown, templates: unknown = null) => ({ sulcus: JSON.stringify({ spec, templates }) });
const REFUSED: Readonly<Record<string, readonly [NetworkSpec, Record<string, string>, FileOptions, RegExp]>> = {
  "a number of labels that the network does not have": [
    UNIUNET,
    { labels: "a=1", modalities: "t1,t2" },
    {},
    /expected 2 labels, got 1/,
  ],
  "a number of modalities that the network does not have": [
    UNIUNET,
    { labels: "a=1,b=2", modalities: "t1" },
    {},
    /expected 2 modalities, got 1/,
  ],
  "a segmentation without labels": [UNIUNET, { modalities: "t1,t2" }, {}, /expected labels for the 2 outputs/],
  "a segmentation as classification": [
    UNIUNET,
    { classes: "a,b", modalities: "t1,t2" },
    {},
    /expected a network for a classification, got one for a segmentation/,
  ],
  "labels and classes": [PRETRAINING, { labels: "a=1", classes: "a,b", modalities: "t1" }, {}, /got both/],
  "templates of unknown modalities": [
    PRETRAINING,
    {},
    { template: stack(3) },
    /to be given \(the file has 3 templates\)/,
  ],
  "a wrong number of modalities for templates": [
    PRETRAINING,
    { modalities: "t1,t2" },
    { template: stack(3) },
    /a modality for each of its 3 templates, got 2/,
  ],
  "an incomplete network": [
    PRETRAINING,
    { modalities: "t1" },
    { change: (state) => state.delete("encoder.uniformer.norm.bias") },
    /expected encoder\.norm\.bias, got none/,
  ],
  "weights that are not finite": [
    PRETRAINING,
    { modalities: "t1" },
    { change: (state) => state.set("encoder.uniformer.norm.bias", tensor("float32", [16], Array(16).fill(NaN))) },
    /Cannot load encoder\.norm\.bias: expected finite numbers/,
  ],
  "metadata that are no description": [
    PRETRAINING,
    { modalities: "t1" },
    { metadata: { sulcus: "{}" } },
    /expected the entry "sulcus" of its metadata to describe a model/,
  ],
};
for (const [name, [spec, request, options, message]] of Object.entries(REFUSED)) {
  Deno.test(`importWeights() refuses ${name}`, async () => {
    await assert.rejects(importFresh(spec, request, options), { message });
  });
}

Deno.test("importWeights() does not believe metadata that its tensors contradict", async () => {
  const { draft } = await importFresh(PRETRAINING, { modalities: "t1" });
  const { task, architecture, modalities, labels, classes, preprocessing, inference } = draft;
  const spec = { task, architecture, modalities, labels, classes, preprocessing, inference };
  const again = await importFresh(PRETRAINING, {}, { metadata: described(spec) });
  assert.deepEqual(again.draft.architecture, architecture);
  for (
    const lie of [
      {
        ...spec,
        architecture: { kind: "uniformer-pretraining", config: { ...architecture.config, depths: [1e9, 1, 1, 1] } },
      },
      { ...spec, architecture: { kind: "onnx", config: {} } },
    ]
  ) {
    await assert.rejects(importFresh(PRETRAINING, {}, { metadata: described(lie) }), {
      message:
        /its metadata describes another network \((onnx|uniformer-pretraining), (kind|depths)\) than its tensors/,
    });
  }
});

Deno.test("importRequestSchema reads lists and names the wrong field", () => {
  const request = asked({ labels: "a=1, b=65535", modalities: "t1, flair", headDim: "16" });
  assert.deepEqual(request.labels?.labels.map((l) => [l.name, l.value]), [["a", 1], ["b", 65_535]]);
  assert.deepEqual([request.modalities, request.headDim], [["t1", "flair"], 16]);
  const wrong: Record<string, [Record<string, string>, RegExp]> = {
    labels: [{ labels: "a=65536" }, /expected name=value with commas between, values from 1 to 65535/],
    modalities: [{ modalities: "t1,ct" }, /expected modalities of t1, t1c/],
    classes: [{ classes: "a,a" }, /a name is there twice/],
    roi: [{ roi: "16,16" }, /expected an edge from 1 to 1024 voxels, or three/],
    spacing: [{ spacing: "1,0,1" }, /expected a voxel size in mm, three for the network's axes, or own/],
    orientation: [{ orientation: "RAR" }, /expected directions such as RAS or LPS, or file/],
    axes: [{ axes: "XYX" }, /expected an order of the letters X, Y and Z/],
    normalisation: [{ normalisation: "z-score:tissue" }, /expected z-score\[:OVER\], percentiles/],
    postprocessing: [{ postprocessing: "smallest-size:5" }, /expected largest-component, smallest-size/],
    activation: [{ activation: "relu" }, /expected sigmoid, softmax/],
    mirrored: [{ mirrored: "0,3" }, /expected axes of 0, 1 and 2, or none/],
    headDim: [{ headDim: "x" }, /expected a whole number from 1 to 4096/],
    name: [{ name: "A/B" }, /expected 1 to 64 of a-z/],
  };
  for (const [field, [fields, message]] of Object.entries(wrong)) {
    const { error } = importRequestSchema.safeParse({ name: "made", ...fields });
    assert.deepEqual(error?.issues[0].path, [field]);
    assert.match(error!.issues[0].message, message);
  }
});

const test = databaseTests();

test("importWeightFile() makes a candidate whole or not at all, and writes who did it", async (database) => {
  await database.script("TRUNCATE sulcus.model_versions, sulcus.audit");
  const dataDirectory = await Deno.makeTempDir();
  try {
    const registry = await Registry.open({ database, dataDirectory });
    const made = await importWeightFile(registry, {
      source: { path: "tests/fixtures/checkpoints/pretraining.pt" },
      request: asked({ roi: "16" }),
      bringer: { actor: "me" },
    });
    assert.deepEqual([made.version.name, made.version.version, made.version.state], ["made", 1, "candidate"]);
    assert.deepEqual(Object.keys(made.version.manifest.files).length, 10, "network, report, eight templates");
    assert.deepEqual(JSON.parse(await Deno.readTextFile(`${made.version.directory}/report.json`)), {
      identities: "none",
      ...made.report,
    });
    assert.deepEqual((await registry.audit("made")).map((a) => [a.actor, a.action]), [["me", "import"]]);

    const evil = pickleOf(reduce(global("os", "system"), text(`touch ${dataDirectory}/evil`)));
    await Deno.writeFile(`${dataDirectory}/evil.pt`, rawZip([{ name: "x/data.pkl", content: evil }]));
    const refused = importWeightFile(registry, { source: { path: `${dataDirectory}/evil.pt` }, request: asked({}) });
    await assert.rejects(refused, refusal("invalid-weights", /^Cannot read the pickle: it asks for "os\.system"/));
    await Deno.writeFile(`${dataDirectory}/noise.pt`, new TextEncoder().encode("PK no zip"));
    const noise = importWeightFile(registry, { source: { path: `${dataDirectory}/noise.pt` }, request: asked({}) });
    await assert.rejects(noise, refusal("invalid-archive", /no end record/));
    const left = [...Deno.readDirSync(dataDirectory), ...Deno.readDirSync(`${dataDirectory}/models`)].map((e) =>
      e.name
    );
    assert.deepEqual(left.sort(), ["evil.pt", "made", "models", "noise.pt"]);
    assert.deepEqual((await registry.list()).map((m) => m.versions.length), [1]);
  } finally {
    await Deno.remove(dataDirectory, { recursive: true });
  }
});

Deno.test("importRequestSchema reads settings into the manifest's terms", () => {
  const { name: _, ...settings } = asked({
    labels: "background=0,csf=1,gm=2",
    roi: "96,96,64",
    spacing: "own",
    orientation: "LPS",
    axes: "ZYX",
    normalisation:
      "z-score:nonzero; percentiles:0.5,99.5:foreground:clip; fixed:100,20:-50,300; range:0,1000,0,1:clip; none",
    margin: "none",
    overlap: "0.5,0.5,0.25",
    mirrored: "0,2",
    paintOrder: "2,1",
    postprocessing: "largest-component:csf+gm:together; smallest-size:0.5ml; smallest-size:20voxels:gm; fill-holes",
    keepAspect: "true",
    unit: "years,mL",
  });
  const { labels, ...others } = settings;
  assert.deepEqual([labels?.background, labels?.labels.map((l) => [l.name, l.value])], [true, [["csf", 1], ["gm", 2]]]);
  assert.deepEqual(others, {
    roi: [96, 96, 64],
    spacing: null,
    orientation: "LPS",
    axes: "ZYX",
    normalisation: [
      { kind: "z-score", over: "nonzero" },
      { kind: "percentiles", over: "foreground", lower: 0.5, upper: 99.5, clip: true },
      { kind: "fixed", mean: 100, deviation: 20, clip: [-50, 300] },
      { kind: "range", from: [0, 1000], to: [0, 1], clip: true },
      { kind: "none" },
    ],
    margin: null,
    overlap: [0.5, 0.5, 0.25],
    mirrored: [0, 2],
    paintOrder: [2, 1],
    postprocessing: [
      { kind: "largest-component", labels: ["csf", "gm"], together: true },
      { kind: "smallest-size", ml: 0.5 },
      { kind: "smallest-size", voxels: 20, labels: ["gm"] },
      { kind: "fill-holes" },
    ],
    keepAspect: true,
    unit: ["years", "mL"],
  });
});
