/** The product's own tasks, from a tiny untrained encoder to a mask: queue, worker, device process, package. */
import assert from "node:assert/strict";
import { encodeModel } from "../../graph/mod.ts";
import { buildNetwork, initialWeights } from "../../nets/mod.ts";
import { openDatabase } from "../../storage/mod.ts";
import { Registry } from "../../registry/mod.ts";
import { draftOf } from "../../registry/testing/packages.ts";
import { readVolume } from "../../volume/mod.ts";
import { Datasets } from "../../datasets/store/datasets.ts";
import { Jobs } from "../jobs.ts";
import { streamOf, tinyNifti, type TinyVolume } from "../../datasets/testing/cases.ts";

const SIZE = 32;
const ENCODER = {
  kind: "uniformer" as const,
  config: { inChannels: 2, widths: [4, 8, 8, 8], depths: [1, 1, 1, 1], headDim: 4, mlpRatio: 2 },
};

/** An untrained encoder as a package's files. */
async function writeEncoder(folder: string): Promise<void> {
  const weights = initialWeights(ENCODER, { seed: 1 });
  const graph = buildNetwork(ENCODER, { input: [1, 2, SIZE, SIZE, SIZE], weights, outputs: "inference" });
  await Deno.mkdir(folder);
  await Deno.writeFile(`${folder}/network.onnx`, encodeModel(graph));
}

Deno.test("a real encoder is fine-tuned in a worker, approved, and segments", async () => {
  const dataDirectory = await Deno.makeTempDir();
  const database = await openDatabase({ dataDirectory });
  const registry = await Registry.open({ database, dataDirectory });
  const datasets = await Datasets.open({ database, dataDirectory });
  const jobs = await Jobs.open({ database, registry, datasets, dataDirectory, provider: "cpu" });
  try {
    const source = `${dataDirectory}/encoder`;
    await writeEncoder(source);
    const inference = { ...draftOf().inference, roi: [SIZE, SIZE, SIZE] as [number, number, number] };
    const draft = draftOf({
      name: "tiny",
      task: "encoder",
      labels: [],
      architecture: ENCODER,
      inference,
    });
    const base = await registry.addCandidate(draft, source);
    await registry.approve("tiny", base.version, { approvedBy: "test" });

    const { id: dataset } = await datasets.create({
      name: "one case",
      task: "segmentation",
      modalities: ["t1", "flair"],
      labels: [{ name: "lesion", values: [1] }],
    });
    const volume: TinyVolume = { sizeVox: [SIZE, SIZE, SIZE] };
    const files = {
      t1: await tinyNifti({ ...volume, values: [10, 20, 30] }),
      flair: await tinyNifti({ ...volume, values: [5, 7, 50, 80] }),
      label: await tinyNifti({ ...volume, values: [0, 0, 0, 1] }),
    };
    for (const role of ["t1", "flair", "label"] as const) {
      await datasets.putFile(dataset, "case", role, streamOf(files[role]));
    }
    const recipe = { preset: "edge", steps: 2, roi: [SIZE, SIZE, SIZE], seed: 3 } as const;
    const { id } = await jobs.submit("finetune", { dataset, base: { model: "tiny" }, name: "lesions", recipe });
    const events = await Array.fromAsync(jobs.events(id, { signal: AbortSignal.timeout(120_000) }));
    const record = await jobs.get(id);
    assert.equal(record.state, "succeeded", JSON.stringify(record.error));
    assert.equal(events.findLast((e) => e.type === "progress")?.data.step, 2);
    assert.match(await Deno.readTextFile(await jobs.reportFile(id, "html")), /<html/);
    const { manifest } = await registry.approve("lesions", 1, { approvedBy: "test" });
    assert.deepEqual([manifest.architecture.kind, manifest.provenance.seed], ["uniunet", 3]);

    const images = { t1: `${dataDirectory}/t1.nii.gz`, flair: `${dataDirectory}/flair.nii.gz` };
    for (const modality of ["t1", "flair"] as const) await Deno.writeFile(images[modality], files[modality]);
    {
      await using answer = await jobs.perform("segment", { model: "lesions", images });
      const mask = await readVolume(answer.mask);
      assert.deepEqual([answer.version, answer.output.provider, mask.sizeVox], [1, "cpu", [SIZE, SIZE, SIZE]]);
      assert.equal(answer.output.labels[0].voxels, mask.data.filter((v) => v === 1).length);
    }
    await Deno.writeFile(images.t1, files.t1);
    await assert.rejects(jobs.perform("segment", { model: "lesions", images: { t1: images.t1 } }), {
      code: "missing-modality",
    });
  } finally {
    await jobs.stop();
    await database.close();
    await Deno.remove(dataDirectory, { recursive: true });
  }
});
