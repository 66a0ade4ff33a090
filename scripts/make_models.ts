/**
 * Makes the shipped model packages under `models/`: `edge` writes brainmvp-edge, `ms-lesion` fine-tunes it on the two
 * shared patients. `deno run -A scripts/make_models.ts edge|ms-lesion [--data ../shared/data/ms] [--work DIR]`.
 * A version that exists is never written again.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import project from "../deno.json" with { type: "json" };
import { openEngine } from "../src/engine/mod.ts";
import { encodeModel } from "../src/graph/mod.ts";
import { BRAINMVP_PREPROCESSING, type ModelSpec } from "../src/inference/mod.ts";
import { buildNetwork, EDGE, initialWeights } from "../src/nets/mod.ts";
import { type ManifestDraft, specOf } from "../src/registry/mod.ts";
import { readPackage, writePackage } from "../src/registry/package.ts";
import { finetune, type TrainingCase } from "../src/train/mod.ts";

const MODELS = "models";
const SEED = 0;
const SOFTWARE = {
  sulcus: project.version,
  deno: Deno.version.deno,
  onnxruntime: project.imports["onnxruntime-node"].split("@").at(-1)!,
};
const NOT_MEDICAL = "Research only. Not a medical device; not for diagnosis or treatment.";

/** The edge encoder with fresh weights: single-channel, with the reconstruction decoder of pre-training. */
async function makeEdge(): Promise<void> {
  const { outChannels: _o, multiScale: _m, ...shared } = EDGE;
  const config = { ...shared, inChannels: 1 };
  const net = { kind: "uniformer-pretraining", config } as const;
  const roi = [64, 64, 64] as const;
  const weights = initialWeights(net, { seed: SEED });
  const folder = await mkdtemp(join(tmpdir(), "sulcus-model-"));
  const network = buildNetwork(net, { input: [1, 1, ...roi], weights, outputs: "training" });
  await Deno.writeFile(join(folder, "network.onnx"), encodeModel(network));
  const spec: ModelSpec = {
    task: "encoder",
    architecture: net,
    modalities: ["t1", "t1c", "t2", "flair", "pd", "mra", "dwi", "adc"],
    labels: [],
    classes: [],
    preprocessing: BRAINMVP_PREPROCESSING,
    inference: { roi, overlap: 0.25, blending: "gaussian", threshold: 0.5 },
  };
  const draft = {
    ...spec,
    name: "brainmvp-edge",
    provenance: {
      recipe: { initialisation: "METHODS A.1.1: kaiming normal, PyTorch defaults" },
      seed: SEED,
      software: SOFTWARE,
      metrics: {},
      createdAt: new Date().toISOString(),
      note: "Not pre-trained: fresh weights, no templates. A start for fine-tuning, nothing to run by itself.",
    },
    licence: "Apache-2.0",
    intendedUse: `Base of fine-tuned models. ${NOT_MEDICAL}`,
  };
  await publish(draft as unknown as ManifestDraft, folder);
}

/** A segmentation of MS lesions, fine-tuned from the edge encoder on the two shared patients. */
async function makeMsLesion(data: string, work: string): Promise<void> {
  const directory = join(MODELS, "brainmvp-edge", "1");
  const manifest = await readPackage(directory);
  const cases = ["patient07", "patient19"].map((id): TrainingCase => ({
    id,
    patient: id,
    images: Object.fromEntries(["t1", "t1c", "t2", "flair"].map((m) => [m, join(data, id, `${m}.nii.gz`)])),
    label: join(data, id, "lesion.nii.gz"),
  }));
  const output = await mkdtemp(join(tmpdir(), "sulcus-model-"));
  await Deno.mkdir(work, { recursive: true });
  const engine = await openEngine("cpu");
  const start = performance.now();
  try {
    const result = await finetune({
      task: "segmentation",
      cases,
      modalities: ["t1", "t1c", "t2", "flair"],
      labels: [{ name: "lesion", value: 1, colour: "#e5484d" }],
      classes: [],
      base: { name: "brainmvp-edge", version: 1, directory, spec: specOf(manifest) },
      recipe: { preset: "edge", seed: SEED },
      workDirectory: work,
      outputDirectory: output,
      engine,
      onEvent: (event) => {
        if (event.type !== "progress" || event.step % 25 === 0) console.log(JSON.stringify(event));
      },
    });
    const seconds = Math.round((performance.now() - start) / 1000);
    console.log(JSON.stringify({ validation: result.validation, training: result.training, seconds }));
    const draft = {
      ...result.spec,
      name: "ms-lesion",
      provenance: {
        baseModel: "brainmvp-edge",
        baseVersion: 1,
        recipe: result.resolvedRecipe,
        seed: SEED,
        software: { ...SOFTWARE, provider: result.provider },
        metrics: { ...result.validation },
        createdAt: new Date().toISOString(),
        note: `A demonstration trained on two patients in ${seconds} s (validation included). Data: Lesjak et al., ` +
          "Neuroinformatics 2018, CC BY, as processed in the public repository muschellij2/open_ms_data.",
      },
      licence: "Apache-2.0; trained on data under CC BY (Lesjak et al. 2018)",
      intendedUse: `Demonstration of multiple-sclerosis lesion segmentation. ${NOT_MEDICAL}`,
    };
    await publish(draft as unknown as ManifestDraft, output);
  } finally {
    await engine.close();
  }
}

async function publish(draft: ManifestDraft, source: string): Promise<void> {
  const { name, version } = await writePackage(MODELS, draft, { version: 1, source });
  await rm(source, { recursive: true });
  console.log(`wrote ${MODELS}/${name}/${version}`);
}

const { values, positionals: [what] } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string", default: "../shared/data/ms" },
    work: { type: "string", default: join(tmpdir(), "sulcus-ms-lesion") },
  },
});
if (what === "edge") await makeEdge();
else if (what === "ms-lesion") await makeMsLesion(values.data, values.work);
else {
  console.error(`Cannot make a model: expected edge or ms-lesion, got ${what}`);
  Deno.exit(2);
}
