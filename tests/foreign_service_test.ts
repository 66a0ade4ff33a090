/** A network that PyTorch exported, through the whole service: imported, fine-tuned, approved, one mask on every provider. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runService } from "../scripts/networks/service_run.ts";
import { writePhantomDataset } from "../scripts/phantoms/files.ts";
import { Devices } from "../src/engine/mod.ts";
import { importModel } from "../src/graph/mod.ts";
import { featureMaps } from "../src/nets/mod.ts";
import { loadForeign } from "./fixtures/foreign.ts";
import { inFolder } from "./testing/volumes.ts";

const EDGE = 32;

Deno.test("a network of others is fine-tuned over HTTP, approved, and served with one answer by every provider", () =>
  inFolder(async (folder) => {
    const { model } = loadForeign("dynamic-axes");
    const file = join(folder, "export.onnx"), phantoms = join(folder, "phantoms");
    await writeFile(file, model);
    const names = await writePhantomDataset(phantoms, {
      count: 2,
      seed: 5,
      sizeVox: [36, 40, 34],
      spacingMm: [1, 1, 1],
      lesions: 12,
    });
    const cases = names.map((name) => ({
      name,
      images: { t1: join(phantoms, "cases", name, "t1.nii.gz"), flair: join(phantoms, "cases", name, "flair.nii.gz") },
      label: join(phantoms, "cases", name, "label.nii.gz"),
    }));
    const graph = importModel(model, { inputShape: [1, 2, EDGE, EDGE, EDGE] });
    const { masks } = await runService({
      model: file,
      features: featureMaps(graph).filter(({ stage }) => stage).map(({ name }) => name),
      modalities: ["t1", "flair"],
      cases: cases.slice(0, 1),
      unseen: cases[1],
      recipe: { preset: "edge", steps: 40, learningRate: 0.003, roi: [EDGE, EDGE, EDGE], validation: "none" },
      providers: await ready(),
      folder: join(folder, "service"),
    });
    assert.ok(masks[0].dice > 0.3, `Dice ${masks[0].dice} on an unseen phantom`);
    for (const { provider, agreement, differing } of masks) {
      assert.ok(agreement >= 0.999, `${provider} differs from cpu in ${differing} voxels: Dice ${agreement}`);
    }
  }));

/** The CPU, and the other providers that this machine has. */
async function ready(): Promise<string[]> {
  const devices = await new Devices().probe();
  const others = devices.filter(({ provider, state }) => state === "ready" && ["wasm", "webgpu"].includes(provider));
  return ["cpu", ...others.map(({ provider }) => provider)];
}
