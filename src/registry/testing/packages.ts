/** Drafts and package folders for tests. */
import type { ManifestDraft } from "../manifest.ts";
import type { Registry } from "../mod.ts";

/** A draft that the schema accepts. */
export function draftOf(changes: Partial<ManifestDraft> = {}): ManifestDraft {
  return {
    name: "tumour",
    task: "segmentation",
    architecture: { kind: "unet3d", config: { width: 8 } },
    modalities: ["t1", "flair"],
    labels: [{ name: "lesion", value: 1, colour: "#ff0000" }],
    classes: [],
    preprocessing: {
      spacingMm: [1, 1, 1],
      percentiles: { lower: 5, upper: 95, clip: true },
      foregroundMargin: 0,
      percentilesOver: "volume",
    },
    inference: { roi: [32, 32, 32], overlap: 0.5, blending: "constant", threshold: 0.5 },
    provenance: {
      recipe: { preset: "edge" },
      seed: 7,
      software: { sulcus: "0.1.0" },
      metrics: { dice: 0.8 },
      createdAt: "2026-11-24T10:00:00.000Z",
      note: "",
    },
    licence: "Apache-2.0",
    intendedUse: "Tests.",
    ...changes,
  };
}

/** A folder with a package's files, of which the network is `network` (any bytes do). */
export async function makeSource(network = "network bytes"): Promise<string> {
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(`${folder}/network.onnx`, network);
  await Deno.writeTextFile(`${folder}/report.json`, "{}");
  await Deno.mkdir(`${folder}/templates`);
  await Deno.writeTextFile(`${folder}/templates/t1.nii.gz`, "template");
  await Deno.writeTextFile(`${folder}/checkpoint.bin`, "no part of a package");
  return folder;
}

/** Serves the shipped encoder's network as the model `real`, and returns that name. */
export async function realEncoder(registry: Registry): Promise<string> {
  const shipped = "models/brainmvp-edge/2";
  const { architecture, modalities } = JSON.parse(await Deno.readTextFile(`${shipped}/manifest.json`));
  const source = await makeSource();
  try {
    await Deno.copyFile(`${shipped}/network.onnx`, `${source}/network.onnx`);
    const draft = draftOf({ name: "real", task: "encoder", labels: [], architecture, modalities });
    const { version } = await registry.addCandidate(draft, source);
    await registry.approve("real", version, { approvedBy: "Dr Grey" });
    return "real";
  } finally {
    await Deno.remove(source, { recursive: true });
  }
}
