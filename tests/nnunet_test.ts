/**
 * Checkpoints that nnU-Net's own trainer saved (`scripts/fixtures/nnunet.py`), answers of their networks in float64, and masks
 * that nnU-Net's predictor made with them.
 */
import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { openEngine } from "../src/engine/mod.ts";
import { evaluate, gradientsOrNone, GraphBuilder } from "../src/graph/mod.ts";
import { buildNetwork, identifyNetwork, initialWeights, planLoading, weightsOf } from "../src/nets/mod.ts";
import { assertClose } from "../src/graph/testing/check.ts";
import { segment } from "../src/inference/mod.ts";
import { sizeOf, tensor } from "../src/tensor/mod.ts";
import { readFormat } from "../src/weights/formats/formats.ts";
import { readVolume } from "../src/volume/mod.ts";
import { importWeights } from "../src/weights/import_weights.ts";
import { diceOf } from "./testing/dice.ts";
import { inFolder } from "./testing/volumes.ts";
import values from "./fixtures/nnunet/values.json" with { type: "json" };

const FOLDER = `${import.meta.dirname}/fixtures/nnunet`;
const SHAPE = [1, 2, 8, 16, 16];
const IMAGE = tensor("float32", SHAPE, Array.from({ length: sizeOf(SHAPE) }, (_, i) => Math.sin(i)));
const SIZES = {
  inChannels: 2,
  features: [3, 4, 5],
  kernels: [1, 3, 3, 3, 3, 3, 3, 3, 3],
  bias: true,
  strides: [1, 1, 1, 1, 2, 2, 2, 2, 2],
  outChannels: 3,
  decoderBlocks: [2, 1],
  deepSupervision: true,
};
const NETWORKS = {
  plain: { ...SIZES, blocks: [2, 1, 2], residual: false },
  residual: { ...SIZES, blocks: [1, 2, 1], residual: true },
};

for (const [name, config] of Object.entries(NETWORKS) as [keyof typeof NETWORKS, object][]) {
  Deno.test(`a ${name} checkpoint of nnU-Net gives the network and the numbers of PyTorch`, async () => {
    const file = await readFormat(`${FOLDER}/${name}.pth`, "pytorch");
    assert.ok(file.holds === "tensors");
    const { tensors } = file, shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
    const { spec, assumed } = identifyNetwork(shapes);
    assert.deepEqual([spec, assumed], [{ kind: "nnunet", config }, []]);
    const plan = planLoading(shapes, { from: spec, to: spec });
    assert.deepEqual(plan.missing, []);
    assert.deepEqual([...new Set(plan.dropped.map(({ why }) => why))], ["is stored under another key too"]);
    const weights = weightsOf(tensors, { to: spec, plan, seed: 0 });
    const graph = buildNetwork(spec, { input: SHAPE, weights, outputs: "inference" });
    const { out } = evaluate(graph, { image: IMAGE });
    assert.deepEqual(out.shape, [1, 3, 8, 16, 16]);
    assertClose(Float32Array.from(out.data, Number).filter((_, i) => i % 61 === 0), values[name], {
      atol: 2e-6,
      what: name,
    });
    assert.equal(JSON.parse(file.metadata.init_args).configuration, "3d_fullres");
    assert.equal(file.metadata.inference_allowed_mirroring_axes, "[0,2]");
  });
}

for (const name of ["plain", "residual"] as const) {
  Deno.test(`a ${name} checkpoint of nnU-Net alone is imported and gives the mask of its predictor`, async () => {
    const engine = await openEngine("cpu");
    try {
      await inFolder(async (out) => {
        const { draft, report } = await importWeights({ path: `${FOLDER}/${name}.pth` }, { name: "mine" }, out);
        assert.deepEqual(report.assumed, []);
        assert.deepEqual(draft.modalities, ["t1", "flair"]);
        const images = { t1: `${FOLDER}/t1.nii.gz`, flair: `${FOLDER}/flair.nii.gz` };
        const outPath = `${out}/mask.nii.gz`;
        await segment({ directory: out, spec: draft, images, engine, output: "labels", outPath });
        const [ours, theirs] = [await readVolume(outPath), await readVolume(`${FOLDER}/${name}_mask.nii.gz`)];
        for (const dice of diceOf(ours.data, theirs.data, [1, 2])) assert.ok(dice > 0.99, `Dice ${dice}`);
      });
    } finally {
      await engine.close();
    }
  });
}

Deno.test("nnU-Net's export of several folds as a zip: the first fold is imported, which the report says", async () => {
  const checkpoint = await Deno.readFile(`${FOLDER}/plain.pth`);
  const trained = "Dataset001_Tiny/nnUNetTrainer__nnUNetPlans__3d_fullres";
  await inFolder(async (out) => {
    const path = `${out}/export.zip`;
    const folds = [1, 0].map((fold) => [`${trained}/fold_${fold}/checkpoint_final.pth`, checkpoint]);
    await Deno.writeFile(path, zipSync(Object.fromEntries(folds), { level: 0 }));
    const { report } = await importWeights({ path }, { name: "mine" }, out);
    assert.match(report.assumed[0], /^of 2 checkpoints ".*fold_0.*" is imported, and no mean .*passed over: ".*fold_1/);
  });
});

Deno.test("a checkpoint of nnU-Net whose plans name another network is refused, with the remedy", async () => {
  const file = await readFormat(`${FOLDER}/plain.pth`, "pytorch");
  const { plans, dataset_json } = JSON.parse(file.metadata.init_args);
  const { architecture } = plans.configurations["3d_fullres"];
  const write = (folder: string, name: string, value: unknown) =>
    Deno.writeTextFile(`${folder}/${name}`, JSON.stringify(value));
  const imported = async (folder: string) => {
    await write(folder, "plans.json", plans);
    await write(folder, "dataset.json", dataset_json);
    const files = { "plans.json": `${folder}/plans.json`, "dataset.json": `${folder}/dataset.json` };
    return await importWeights({ path: `${FOLDER}/plain.pth`, files }, { name: "mine" }, folder);
  };
  await inFolder(async (folder) => {
    architecture.arch_kwargs.nonlin = "torch.nn.ReLU";
    await assert.rejects(imported(folder), {
      message: /plans the activation "ReLU", which is not built here: export the network/,
    });
    architecture.arch_kwargs.nonlin = "torch.nn.LeakyReLU";
    architecture.arch_kwargs.features_per_stage = [3, 4, 6];
    await assert.rejects(imported(folder), {
      message: /describes another network \(nnunet, features\) than its tensors/,
    });
  });
});

for (const [name, config] of Object.entries(NETWORKS)) {
  Deno.test(`a ${name} network of nnU-Net is trained whole, its coarser heads too`, () => {
    const spec = { kind: "nnunet", config } as const, weights = initialWeights(spec, { seed: 4 });
    const graph = buildNetwork(spec, { input: SHAPE, weights, outputs: "training" });
    assert.deepEqual(graph.outputs, ["out", "x4", "deep1"]);
    const b = new GraphBuilder(), wanted = new Map<string, ReturnType<typeof b.input>>();
    const values = b.inline(graph, (key, type, constant) => {
      const value = weights.has(key) || constant === undefined ? b.input(key, type) : undefined;
      if (value !== undefined && weights.has(key)) wanted.set(key, value);
      return value;
    });
    const meanOf = (output: string) => {
      const y = values.get(output)!;
      return b.op.ReduceMean(b.op.Mul(y, y), null, { keepdims: 0 });
    };
    const loss = b.op.Add(meanOf("out"), meanOf("deep1"));
    const found = gradientsOrNone(b, loss, [...wanted.values()]);
    assert.deepEqual([...wanted.keys()].filter((_, i) => found[i] === null), [], "a weight without a gradient");
    const key = "decoder.transpconvs.0.weight", at = [...wanted.keys()].indexOf(key);
    const step = b.build("step", { loss, gradient: found[at]! });
    const run = (change: number) => {
      const feeds = Object.fromEntries([...weights, ["image", IMAGE] as const]);
      const moved = Float32Array.from(feeds[key].data, Number);
      moved[3] += change;
      return evaluate(step, { ...feeds, [key]: tensor("float32", feeds[key].shape, moved) });
    };
    const h = 1e-3, slope = (Number(run(h).loss.data[0]) - Number(run(-h).loss.data[0])) / (2 * h);
    const gradient = Number(run(0).gradient.data[3]);
    assert.ok(Math.abs(gradient - slope) <= 1e-3 * Math.abs(slope) + 1e-7, `${gradient}, by differences ${slope}`);
  });
}
