/** brainmvp-edge: version 1 with fresh weights, later ones from a finished pre-training. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { encodeModel } from "../../src/graph/mod.ts";
import { BRAINMVP_PREPROCESSING, MODALITIES, type ModelSpec } from "../../src/inference/mod.ts";
import { buildNetwork, EDGE, initialWeights } from "../../src/nets/mod.ts";
import type { ManifestDraft } from "../../src/registry/mod.ts";
import { readPackage, verifyPackage } from "../../src/registry/package.ts";
import { DATA_NOTE, LICENCE, newFolder, NOT_MEDICAL, publish, SEED, SOFTWARE } from "./models.ts";

const NAME = "brainmvp-edge";

/** The edge encoder with fresh weights: single-channel, with the reconstruction decoder of pre-training. Version 1. */
export async function makeFreshEdge(models: string): Promise<void> {
  const { outChannels: _o, multiScale: _m, ...shared } = EDGE;
  const config = { ...shared, inChannels: 1 };
  const net = { kind: "uniformer-pretraining", config } as const;
  const roi = [64, 64, 64] as const;
  const weights = initialWeights(net, { seed: SEED });
  const source = await newFolder();
  const network = buildNetwork(net, { input: [1, 1, ...roi], weights, outputs: "training" });
  await Deno.writeFile(join(source, "network.onnx"), encodeModel(network));
  const spec: ModelSpec = {
    task: "encoder",
    architecture: net,
    modalities: MODALITIES,
    labels: [],
    classes: [],
    preprocessing: BRAINMVP_PREPROCESSING,
    inference: { roi, overlap: 0.25, blending: "gaussian", threshold: 0.5 },
  };
  const draft: ManifestDraft = {
    ...spec as ManifestDraft,
    name: NAME,
    provenance: {
      recipe: { initialisation: "docs/method A.1.1: kaiming normal, PyTorch defaults" },
      seed: SEED,
      software: SOFTWARE,
      metrics: {},
      createdAt: new Date().toISOString(),
      note: "Not pre-trained: fresh weights, no templates. A start for fine-tuning, nothing to run by itself.",
    },
    licence: "Apache-2.0",
    intendedUse: `Base of fine-tuned models. ${NOT_MEDICAL}`,
  };
  await publish(models, draft, { source, version: 1 });
  await rm(source, { recursive: true });
}

/**
 * The next version from the package that `sulcus pretrain` wrote (`<store>/models/<name>/<version>`): its files and
 * provenance, completed by name, licence and note.
 */
export async function adoptEdge(models: string, from: string, note?: string): Promise<void> {
  const manifest = await readPackage(from);
  await verifyPackage(from, manifest);
  const { formatVersion: _f, version: _v, files: _, provenance: { job: _j, ...provenance }, ...rest } = manifest;
  if (rest.task !== "encoder") {
    throw new TypeError(`Cannot make ${NAME}: expected a pre-trained encoder, got a model for ${rest.task}`);
  }
  await publish(models, {
    ...rest,
    name: NAME,
    provenance: { ...provenance, note: note ?? `Pre-trained without labels by this code. ${DATA_NOTE}` },
    licence: LICENCE,
    intendedUse: `${rest.intendedUse} ${NOT_MEDICAL}`,
  }, { source: from });
}
