/**
 * A network of others on real patients: fine-tuned over HTTP, approved, and served by CPU, WASM and WebGPU.
 *
 *   deno run -A scripts/networks/patients.ts --model FILE.onnx [--data ../shared/data/ms] [--steps 200] [--edge 64]
 *                                            [--providers cpu,wasm,webgpu] --out FOLDER
 *
 * The file holds its own weights and takes T1 and FLAIR at any size, as `exports/main.py --only monai-segresnet` writes it.
 * The last patient is not trained on; its mask is drawn for each provider beside the reference.
 */
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { importModel } from "../../src/graph/mod.ts";
import { featureMaps } from "../../src/nets/mod.ts";
import { encodePng, overlay, readVolume, sideBySide, sliceOf } from "../../src/volume/mod.ts";
import { type LabelledCase, type Mask, runService } from "./service_run.ts";
import { flagsOf, numberOf } from "../flags.ts";

const MODALITIES = ["t1", "flair"];

function casesIn(folder: string, names: readonly string[]): LabelledCase[] {
  return names.map((name) => ({
    name,
    images: Object.fromEntries(MODALITIES.map((m) => [m, join(folder, name, `${m}.nii.gz`)])),
    label: join(folder, name, "lesion.nii.gz"),
  }));
}

/** The axial slice with the most lesion: FLAIR, with the reference, and with each provider's mask. */
async function picture({ images, label }: LabelledCase, masks: readonly Mask[]): Promise<Uint8Array> {
  const flair = await readVolume(images.flair), truth = await readVolume(label);
  const { sizeVox } = flair;
  const areas = Array.from(
    { length: sizeVox[2] },
    (_, index) => sliceOf(truth.data, sizeVox, { axis: 2, index }).data.reduce((sum, v) => sum + v, 0),
  );
  const at = { axis: 2, index: areas.indexOf(Math.max(...areas)) } as const;
  const image = sliceOf(flair.data, sizeVox, at);
  const drawn = [overlay(image), overlay(image, sliceOf(truth.data, sizeVox, at))];
  for (const { path } of masks) drawn.push(overlay(image, sliceOf((await readVolume(path)).data, sizeVox, at)));
  return encodePng(sideBySide(drawn));
}

const { values } = flagsOf({
  options: {
    model: { type: "string" },
    data: { type: "string", default: "../shared/data/ms" },
    steps: { type: "string", default: "200" },
    edge: { type: "string", default: "64" },
    providers: { type: "string", default: "cpu,wasm,webgpu" },
    out: { type: "string" },
  },
});
const { model, out } = values;
if (model === undefined || out === undefined) {
  console.error("Cannot run: expected --model FILE.onnx and --out FOLDER");
  Deno.exit(2);
}
await mkdir(out, { recursive: true });
const edge = numberOf("--edge", values.edge, { from: 16 }), steps = numberOf("--steps", values.steps, { from: 1 });
const graph = importModel(await readFile(model), { inputShape: [1, MODALITIES.length, edge, edge, edge] });
const cases = casesIn(values.data, (await readdir(values.data)).toSorted());
const unseen = cases.at(-1)!;
const { trainingSeconds, masks } = await runService({
  model,
  features: featureMaps(graph).filter(({ stage }) => stage).map(({ name }) => name),
  modalities: MODALITIES,
  cases: cases.slice(0, -1),
  unseen,
  recipe: { preset: "edge", steps, roi: [edge, edge, edge], validation: "none" },
  providers: values.providers.split(","),
  folder: out,
});
await writeFile(join(out, "masks.png"), await picture(unseen, masks));
console.log(JSON.stringify({ steps, edge, trainingSeconds, masks }, null, 1));
