/** A fine-tune that continues from a trained network meets modalities, labels and classes by name. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { requestOf, TINY, writeBase } from "../../../../tests/testing/tiny_models.ts";
import type { Engine } from "../../../engine/mod.ts";
import { encodeModel, evaluate, type Graph, GraphBuilder } from "../../../graph/mod.ts";
import type { Architecture, Modality } from "../../../inference/mod.ts";
import { buildNetwork } from "../../../nets/mod.ts";
import { Random, type Tensor, tensor, toNumbers } from "../../../tensor/mod.ts";
import { ownPercentiles, resolveRecipe } from "../../recipe/finetuning.ts";
import { TrainingError } from "../../types.ts";
import { placesOf } from "./by_name.ts";
import { trainable } from "./trainable.ts";

const NO_ENGINE = {} as Engine;
const EDGE = 16;
const SIZE = [EDGE, EDGE, EDGE] as const;
const VOXELS = EDGE ** 3;

const BASE = { modalities: ["t1", "t1c", "flair"] as Modality[], outputs: ["core", "edema", "rim"] };

interface Case {
  readonly title: string;
  readonly architecture: Architecture;
  readonly task: "segmentation" | "classification";
}
const CASES: readonly Case[] = [
  {
    title: "UniUnet",
    task: "segmentation",
    architecture: { kind: "uniunet", config: { ...TINY, inChannels: 3, outChannels: 3, stemWidth: 8 } },
  },
  {
    title: "UNET3D",
    task: "segmentation",
    architecture: { kind: "unet3d", config: { width: 8, inChannels: 3, outChannels: 3 } },
  },
  {
    title: "a UniFormer classifier",
    task: "classification",
    architecture: { kind: "uniformer-classifier", config: { ...TINY, inChannels: 3, classes: 3 } },
  },
  {
    title: "a UNET3D classifier",
    task: "classification",
    architecture: { kind: "unet3d-classifier", config: { width: 8, inChannels: 3, classes: 3 } },
  },
];

const labelsOf = (names: readonly string[]) => names.map((name, i) => ({ name, value: i + 1, colour: "#000000" }));

/** The network that continues from a base of three modalities and outputs, for others. */
async function continued(
  folder: string,
  { architecture, task }: Case,
  { modalities, outputs, firstKernel = "fresh" }: {
    modalities: readonly Modality[];
    outputs: readonly string[];
    firstKernel?: "fresh" | "inflate";
  },
) {
  const named = (names: readonly string[]) =>
    task === "segmentation" ? { labels: labelsOf(names), classes: [] } : { labels: [], classes: names };
  const request = requestOf({
    folder,
    engine: NO_ENGINE,
    cases: [],
    changes: { task, modalities, ...named(outputs) },
    spec: { task, architecture, modalities: BASE.modalities, ...named(BASE.outputs) },
  });
  const known = await writeBase(request.base.directory, { architecture, channels: 3 });
  const recipe = resolveRecipe({ ...request.recipe, roi: SIZE }, {
    cases: 1,
    baseHasTemplates: false,
    task,
    network: architecture.kind,
    percentilesOver: ownPercentiles(request.base.spec),
  });
  const made = await trainable({
    request,
    recipe: { ...recipe, firstKernel, allStages: false, batch: "accumulated" },
  });
  return { known, made };
}

/** A channel of noise for each modality. */
function imageOf(modalities: readonly Modality[]): Tensor {
  const data = new Float32Array(modalities.length * VOXELS);
  modalities.forEach((modality, c) => {
    const random = new Random(7).fork(modality);
    for (let v = 0; v < VOXELS; v++) data[c * VOXELS + v] = random.normal();
  });
  return tensor("float32", [1, modalities.length, ...SIZE], data);
}

/** Logits by output name. */
function logitsOf(graph: Graph, { image, names }: { image: Tensor; names: readonly string[] }): Map<string, number[]> {
  const [out] = Object.values(evaluate(graph, { image }));
  const values = [...out.data], each = values.length / names.length;
  return new Map(names.map((name, c) => [name, values.slice(c * each, (c + 1) * each)]));
}

for (const tried of CASES) {
  Deno.test(`trainable() answers as its base before the first update, for modalities and outputs in any order: ${tried.title}`, () =>
    inFolder(async (folder) => {
      const modalities = ["flair", "t1", "t1c"] as const, outputs = ["rim", "core", "edema"];
      const { known, made } = await continued(folder, tried, { modalities, outputs });
      const before = buildNetwork(tried.architecture, { input: [1, 3, ...SIZE], weights: known, outputs: "inference" });
      const expected = logitsOf(before, { image: imageOf(BASE.modalities), names: BASE.outputs });
      const after = made.inference(made.network.constants);
      const found = logitsOf(after, { image: imageOf(modalities), names: outputs });
      let worst = 0;
      for (const name of outputs) {
        found.get(name)!.forEach((v, i) => worst = Math.max(worst, Math.abs(v - expected.get(name)![i])));
      }
      assert.ok(worst < 1e-6, `logits differ by up to ${worst}`);
      const moved = logitsOf(after, { image: imageOf(BASE.modalities), names: BASE.outputs });
      assert.ok(
        moved.get("core")!.some((v, i) => Math.abs(v - expected.get("core")![i]) > 1e-3),
        "by place they differ",
      );
      assert.deepEqual(made.report, {
        loaded: known.size,
        dropped: [],
        fresh: [],
        modalities: { loaded: [...modalities], averaged: [], fresh: [], dropped: [] },
        outputs: { loaded: outputs, averaged: [], fresh: [], dropped: [] },
      });
    }));

  Deno.test(`trainable() lists which channels and outputs are new, and which the base had: ${tried.title}`, () =>
    inFolder(async (folder) => {
      const subset = await continued(join(folder, "subset"), tried, { modalities: ["flair"], outputs: ["rim"] });
      assert.deepEqual([subset.made.report.modalities, subset.made.report.outputs], [
        { loaded: ["flair"], averaged: [], fresh: [], dropped: ["t1", "t1c"] },
        { loaded: ["rim"], averaged: [], fresh: [], dropped: ["core", "edema"] },
      ]);
      const others = {
        modalities: ["dwi", "flair", "t1", "t1c"],
        outputs: ["oedema", "rim", "core", "vessel"],
      } as const;
      const more = await continued(join(folder, "more"), tried, others);
      assert.deepEqual([more.made.report.modalities, more.made.report.outputs], [
        { loaded: ["flair", "t1", "t1c"], averaged: [], fresh: ["dwi"], dropped: [] },
        { loaded: ["rim", "core"], averaged: [], fresh: ["oedema", "vessel"], dropped: ["edema"] },
      ]);
      assert.deepEqual([more.made.report.fresh, more.made.report.dropped], [[], []]);
      const mean = await continued(join(folder, "mean"), tried, { ...others, firstKernel: "inflate" });
      assert.deepEqual(mean.made.report.modalities, {
        loaded: ["flair", "t1", "t1c"],
        averaged: ["dwi"],
        fresh: [],
        dropped: [],
      });
      const nothing = await continued(join(folder, "nothing"), tried, { modalities: ["t2"], outputs: ["a", "b"] });
      assert.deepEqual([nothing.made.report.modalities, nothing.made.report.outputs], [
        { loaded: [], averaged: [], fresh: ["t2"], dropped: ["t1", "t1c", "flair"] },
        { loaded: [], averaged: [], fresh: ["a", "b"], dropped: ["core", "edema", "rim"] },
      ]);
    }));
}

Deno.test("trainable() starts a new modality's channel from the mean of the others where the recipe inflates", () =>
  inFolder(async (folder) => {
    const wished = { modalities: ["t2", "t1"], outputs: BASE.outputs } as const;
    const { known, made } = await continued(folder, CASES[1], { ...wished, firstKernel: "inflate" });
    const from = toNumbers(known.get("conv1a.weight")!), to = toNumbers(made.network.constants.get("conv1a.weight")!);
    for (let out = 0; out < 8; out++) {
      for (let k = 0; k < 27; k++) {
        const own = [0, 1, 2].map((c) => from[(out * 3 + c) * 27 + k]);
        const [t2, t1] = [0, 1].map((c) => to[(out * 2 + c) * 27 + k]);
        assert.ok(Math.abs(t2 - (own[0] + own[1] + own[2]) / 3) < 1e-7);
        assert.equal(t1, own[0]);
      }
    }
  }));

Deno.test("trainable() meets an encoder's kernel for several modalities by name, and inflates it for others", () =>
  inFolder(async (folder) => {
    const architecture: Architecture = { kind: "uniformer", config: { ...TINY, inChannels: 3 } };
    const wished = { modalities: ["flair", "dwi", "t1"] } as const;
    const request = requestOf({
      folder,
      engine: NO_ENGINE,
      cases: [],
      changes: wished,
      spec: { architecture, modalities: BASE.modalities },
    });
    const known = await writeBase(request.base.directory, { architecture, channels: 3 });
    const context = { cases: 1, baseHasTemplates: false, task: request.task, network: "uniformer" } as const;
    const recipe = resolveRecipe({ ...request.recipe, roi: SIZE }, { ...context, percentilesOver: null });
    const { network, report } = await trainable({ request, recipe: { ...recipe, firstKernel: "inflate" } });
    const key = "encoder.patch_embed1.proj.weight";
    const from = toNumbers(known.get(key)!), to = toNumbers(network.constants.get(key)!);
    for (let out = 0; out < 8; out++) {
      for (let tap = 0; tap < 8; tap++) {
        const [t1, t1c, flair] = [0, 1, 2].map((c) => from[(out * 3 + c) * 8 + tap]);
        const own = [0, 1, 2].map((c) => to[(out * 3 + c) * 8 + tap]);
        assert.deepEqual([own[0], own[2]], [flair, t1]);
        assert.ok(Math.abs(own[1] - (t1 + t1c + flair) / 3) < 1e-7);
      }
    }
    assert.deepEqual(report.modalities, { loaded: ["flair", "t1"], averaged: ["dwi"], fresh: [], dropped: ["t1c"] });
    const plain = (await trainable({ request, recipe: { ...recipe, firstKernel: "fresh" } })).report.modalities;
    assert.deepEqual(plain, { loaded: ["flair", "t1"], averaged: [], fresh: ["dwi"], dropped: ["t1c"] });
  }));

Deno.test("placesOf() lets a network of any one modality continue on one, and the other way round", () => {
  assert.deepEqual([placesOf(["t1"], ["any"]), placesOf(["any"], ["t1"]), placesOf(["any"], ["any"])], [[0], [0], [0]]);
  assert.deepEqual([placesOf(["t1"], ["t2"]), placesOf(["t1", "t2"], ["any"])], [[null], [null, null]]);
});

Deno.test("trainable() starts only a new label's bias where the recipe says", () =>
  inFolder(async (folder) => {
    const wished = { modalities: BASE.modalities, outputs: ["new", "edema"] };
    const { known, made } = await continued(folder, CASES[0], wished);
    const key = "decoder.out.conv.conv.bias";
    assert.deepEqual(toNumbers(made.network.constants.get(key)!), [-4, toNumbers(known.get(key)!)[1]]);
  }));

Deno.test("trainable() refuses other orders of modalities where the base's graph hides its channels", () =>
  inFolder(async (folder) => {
    const b = new GraphBuilder();
    const image = b.input("image", { dtype: "float32", shape: [1, 2, ...SIZE] });
    const kernel = b.constant(tensor("float32", [4, 4, 2, 2, 2], new Float32Array(128).fill(0.1)), "first.weight");
    const map = b.op.Conv(b.op.Concat(image, image, { axis: 1 }), kernel, null, { strides: [2, 2, 2] });
    await mkdir(join(folder, "base"));
    await writeFile(join(folder, "base", "network.onnx"), encodeModel(b.build("foreign", { map })));
    const attempt = (modalities: Modality[]) => {
      const architecture: Architecture = { kind: "onnx", config: { features: ["map"] } };
      const spec = { architecture, modalities: ["t1", "flair"] as Modality[] };
      const request = requestOf({ folder, engine: NO_ENGINE, cases: [], changes: { modalities }, spec });
      const context = {
        cases: 1,
        baseHasTemplates: false,
        task: request.task,
        network: "onnx",
        percentilesOver: null,
      } as const;
      return trainable({ request, recipe: resolveRecipe({ ...request.recipe, roi: SIZE }, context) });
    };
    const { report } = await attempt(["t1", "flair"]);
    assert.ok(!report.fresh.includes("first.weight"));
    await assert.rejects(
      attempt(["flair", "t1"]),
      (error) =>
        error instanceof TrainingError && error.code === "invalid-recipe" &&
        error.message ===
          "Cannot train tiny: expected the modalities t1, flair in this order, got flair, t1, and its " +
            "first layer (Concat) does not show which weights belong to which; make the data set with the modalities in " +
            "that order, or choose another base",
    );
  }));
