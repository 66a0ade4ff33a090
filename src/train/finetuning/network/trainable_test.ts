import assert from "node:assert/strict";
import { inFolder } from "../../../../tests/testing/volumes.ts";
import { requestOf, ROI, TINY, TINY_ENCODER, writeBase } from "../../../../tests/testing/tiny_models.ts";
import type { Engine } from "../../../engine/mod.ts";
import { type Tensor, toNumbers } from "../../../tensor/mod.ts";
import type { Architecture, Label, Modality, ModelSpec } from "../../../inference/mod.ts";
import { parametersOf } from "../../../nets/mod.ts";
import { resultSpec } from "./result_spec.ts";
import { type Trainable, trainable } from "./trainable.ts";
import { ownPercentiles, resolveRecipe } from "../../recipe/finetuning.ts";
import type { FinetuneRequest } from "../types.ts";

const NO_ENGINE = {} as Engine;

/** A base of this architecture, written and asked to be fine-tuned. */
async function baseAnd(
  folder: string,
  { architecture, channels, spec, changes }: {
    architecture: Architecture;
    channels?: number;
    spec?: Partial<ModelSpec>;
    changes?: Partial<FinetuneRequest>;
  },
) {
  const request = requestOf({ folder, engine: NO_ENGINE, cases: [], changes, spec: { architecture, ...spec } });
  const known = await writeBase(request.base.directory, { architecture, channels });
  const preset = resolveRecipe(request.recipe, {
    cases: 1,
    baseHasTemplates: false,
    task: request.task,
    network: architecture.kind,
    percentilesOver: ownPercentiles(request.base.spec),
  });
  return { known, request, recipe: { ...preset, firstKernel: "fresh" } as const };
}

/** Asserts which keys are fresh and dropped, and that all others hold the base's numbers. */
function assertLoaded(
  { network, report, architecture }: Trainable,
  { known, fresh, dropped }: {
    known: Awaited<ReturnType<typeof writeBase>>;
    fresh: RegExp;
    dropped: readonly string[];
  },
): void {
  const keys = parametersOf(architecture).filter((p) => !p.idle).map((p) => p.key);
  assert.deepEqual(report.fresh, keys.filter((k) => fresh.test(k)), "fresh");
  assert.deepEqual(report.dropped.toSorted(), dropped.toSorted(), "dropped");
  assert.equal(report.loaded, keys.length - report.fresh.length);
  for (const key of keys) {
    const loaded = network.constants.get(key)!.data, before = known.get(key)?.data;
    if (!report.fresh.includes(key)) assert.deepEqual(loaded, before, key);
    // zeros and ones are the same however they came about
    else if (
      loaded.length > 8 && before?.length === loaded.length && new Set(toNumbers(network.constants.get(key)!)).size > 1
    ) {
      assert.notDeepEqual(loaded, before, key);
    }
  }
}

/** The configuration around the encoder of `TINY`. */
const UNIUNET: Architecture = {
  kind: "uniunet",
  config: { ...TINY, inChannels: 2, stemWidth: 8, outChannels: 1, multiScale: true },
};
const SEGMENTATION = {
  task: "segmentation",
  modalities: ["t1", "flair"],
  labels: [{ name: "lesion", value: 1, colour: "#e5484d" }],
} as const;

Deno.test("trainable() loads into UniUnet what docs/method A.1.4 says, from the pre-training network", () =>
  inFolder(async (folder) => {
    const { known, ...options } = await baseAnd(folder, { architecture: TINY_ENCODER });
    const built = await trainable(options);
    assertLoaded(built, {
      known,
      fresh: /^encoder\.patch_embed1\.proj\.|^decoder\.proj1\.|\.conv_block\.|^decoder\.out\.|^ms_out\./,
      dropped: [
        "encoder.patch_embed1.proj.weight",
        "encoder.patch_embed1.proj.bias",
        "decoder.out_1.conv.conv.weight",
        "decoder.out_1.conv.conv.bias",
      ],
    });
    assert.deepEqual(built.architecture, {
      kind: "uniunet",
      config: { ...TINY, stemWidth: 8, inChannels: 2, outChannels: 1 },
    });
    assert.ok([...known.keys()].some((k) => k.endsWith("running_var") && !built.report.fresh.includes(k)));
    assert.deepEqual(built.heads, ["out", "out4", "out3"]);
    assert.ok(built.isTrainable("encoder.norm.weight") && !built.isTrainable("encoder.norm.running_mean"));
  }));

Deno.test("trainable() starts the bias of fresh heads where the recipe says, and leaves loaded heads alone", () =>
  inFolder(async (folder) => {
    const heads = ["decoder.out.conv.conv.bias", "ms_out.0.bias", "ms_out.1.bias"];
    const biases = ({ network }: Trainable) => heads.map((key) => toNumbers(network.constants.get(key)!));
    const { known: _, ...encoder } = await baseAnd(folder, { architecture: TINY_ENCODER, changes: SEGMENTATION });
    const { recipe } = encoder;
    assert.equal(recipe.headBias, -4);
    assert.deepEqual(biases(await trainable(encoder)), [[-4], [-4], [-4]]);
    const official = await trainable({ ...encoder, recipe: { ...recipe, headBias: null } });
    assert.deepEqual(biases(official)[0], [0]);
    const { known, ...whole } = await baseAnd(folder, { architecture: UNIUNET, channels: 2, spec: SEGMENTATION });
    assert.deepEqual(biases(await trainable(whole)), heads.map((key) => toNumbers(known.get(key)!)));
  }));

Deno.test("trainable() drops the encoder's first kernel although the number of channels agrees", () =>
  inFolder(async (folder) => {
    const { known: _, ...one } = await baseAnd(folder, { architecture: TINY_ENCODER, changes: { modalities: ["t1"] } });
    const { report } = await trainable(one);
    assert.ok(report.fresh.includes("encoder.patch_embed1.proj.weight"));
    assert.ok(report.dropped.includes("encoder.patch_embed1.proj.bias"));
  }));

Deno.test("trainable() repeats the encoder's first kernel for every modality where the recipe says", () =>
  inFolder(async (folder) => {
    const { known, ...options } = await baseAnd(folder, { architecture: TINY_ENCODER });
    const { network, report } = await trainable({ ...options, recipe: { ...options.recipe, firstKernel: "inflate" } });
    const kernel = "encoder.patch_embed1.proj.weight", bias = "encoder.patch_embed1.proj.bias";
    const taps = 8, from = known.get(kernel)!, to = network.constants.get(kernel)!;
    assert.deepEqual([from.shape, to.shape], [[8, 1, 2, 2, 2], [8, 2, 2, 2, 2]]);
    for (let i = 0; i < to.data.length; i++) {
      assert.equal(to.data[i], Number(from.data[Math.floor(i / (2 * taps)) * taps + i % taps]) / 2);
    }
    assert.deepEqual(network.constants.get(bias), known.get(bias));
    assert.ok(![...report.fresh, ...report.dropped].some((key) => key === kernel || key === bias));
    const scratch = await trainable({ ...options, scratch: true });
    assert.ok(scratch.report.fresh.includes(kernel));
  }));

Deno.test("trainable() loads a whole segmentation network for the same labels", () =>
  inFolder(async (folder) => {
    const { known, ...options } = await baseAnd(folder, { architecture: UNIUNET, channels: 2, spec: SEGMENTATION });
    assertLoaded(await trainable(options), { known, fresh: /(?!)/, dropped: [] });
  }));

Deno.test("trainable() begins only heads anew for other labels, and only first kernels for other modalities", () =>
  inFolder(async (folder) => {
    const base = { architecture: UNIUNET, channels: 2, spec: SEGMENTATION };
    const first = /^(encoder\.patch_embed1|decoder\.proj1)\.proj\./;
    const { known, ...others } = await baseAnd(folder, { ...base, changes: { modalities: ["t2", "dwi", "adc"] } });
    assertLoaded(await trainable(others), {
      known,
      fresh: first,
      dropped: [...known.keys()].filter((k) => first.test(k)),
    });

    const heads = /^decoder\.out\.|^ms_out\./;
    const labels = [1, 2].map((value) => ({ name: `label ${value}`, value, colour: "#000000" }));
    const { known: again, ...other } = await baseAnd(folder, { ...base, changes: { labels } });
    assertLoaded(await trainable(other), {
      known: again,
      fresh: heads,
      dropped: [...again.keys()].filter((k) => heads.test(k)),
    });
  }));

Deno.test("trainable() classifies with UniFormer's encoder and a fresh head", () =>
  inFolder(async (folder) => {
    const changes = { task: "classification", classes: ["a", "b", "c"], labels: [] } as const;
    const { known, ...options } = await baseAnd(folder, { architecture: TINY_ENCODER, changes });
    const recipe = { ...options.recipe, batch: "accumulated", allStages: false } as const;
    const built = await trainable({ ...options, recipe });
    assertLoaded(built, {
      known,
      fresh: /^encoder\.patch_embed1\.proj\.|^head\./,
      dropped: [...known.keys()].filter((k) => /^decoder\.|^encoder\.patch_embed1\.proj\./.test(k)),
    });
    assert.deepEqual(built.architecture, {
      kind: "uniformer-classifier",
      config: { ...TINY, inChannels: 2, classes: 3 },
    });
    assert.deepEqual(built.heads, ["logits"]);
    assert.deepEqual(built.network.types.get("logits")!.shape, [1, 3]);
  }));

Deno.test("trainable() classifies from the means of all stages, with as many crops in a pass as the recipe says", () =>
  inFolder(async (folder) => {
    const changes = { task: "classification", classes: ["a", "b", "c"], labels: [] } as const;
    const { request, recipe } = await baseAnd(folder, { architecture: TINY_ENCODER, changes });
    const built = await trainable({ request, recipe: { ...recipe, batchSize: 3, batch: "joint", allStages: true } });
    assert.equal(built.architecture.config.allStages, true);
    const width = TINY.widths.reduce<number>((a, b) => a + b, 0);
    const { types, constants } = built.network;
    assert.deepEqual([types.get("image")!.shape, types.get("logits")!.shape], [[3, 2, ...ROI], [3, 3]]);
    assert.deepEqual([constants.get("head.weight")!.shape, constants.get("head_norm.weight")!.shape], [[3, width], [
      width,
    ]]);
    assert.ok(built.report.fresh.includes("head_norm.weight"));
    assert.deepEqual(built.inference(constants).types.get("image")!.shape, [1, 2, ...ROI]);
  }));

const UNET: Architecture = { kind: "unet3d-pretraining", config: { inChannels: 1, width: 8 } };

Deno.test("trainable() takes UNET3D without its first kernel and its reconstruction head, even where the shapes agree", () =>
  inFolder(async (folder) => {
    const changes: { modalities: Modality[] } = { modalities: ["flair"] };
    const { known, ...options } = await baseAnd(folder, { architecture: UNET, changes });
    const built = await trainable(options);
    assertLoaded(built, {
      known,
      fresh: /^(conv1a|up1conv|ds_out\.\d)\./,
      dropped: [...known.keys()].filter((k) => /^(conv1a|up1conv)\./.test(k)),
    });
    assert.equal(built.architecture.kind, "unet3d");
  }));

Deno.test("trainable() classifies with UNET3D's contracting half", () =>
  inFolder(async (folder) => {
    const changes = { task: "classification", classes: ["a", "b"], labels: [] } as const;
    const { known, ...options } = await baseAnd(folder, { architecture: UNET, changes });
    const built = await trainable(options);
    assertLoaded(built, {
      known,
      fresh: /^(conv1a|head)\./,
      dropped: [...known.keys()].filter((k) => /^(conv1a|up\d)/.test(k)),
    });
    assert.deepEqual(built.architecture, {
      kind: "unet3d-classifier",
      config: { width: 8, inChannels: 2, classes: 2 },
    });
  }));

Deno.test("trainable() ignores the base's weights for the twin from scratch and draws by the seed", () =>
  inFolder(async (folder) => {
    const { known, ...options } = await baseAnd(folder, { architecture: UNIUNET, channels: 2, spec: SEGMENTATION });
    const { report, network } = await trainable({ ...options, scratch: true });
    assert.equal(report.loaded, 0);
    assert.equal(report.fresh.length, known.size);
    const key = "encoder.patch_embed2.proj.weight";
    assert.notDeepEqual(network.constants.get(key), known.get(key));
    const reseeded = await trainable({ ...options, recipe: { ...options.recipe, seed: 5 }, scratch: true });
    assert.notDeepEqual(network.constants.get(key), reseeded.network.constants.get(key));
  }));

Deno.test("trainable() by norm instance takes a base's weights without its running statistics, and says which", () =>
  inFolder(async (folder) => {
    const base = { architecture: UNIUNET, channels: 2, spec: SEGMENTATION };
    const { known, request, recipe } = await baseAnd(folder, base);
    const statistics = [...known.keys()].filter((key) => key.includes(".running_"));
    assert.equal(statistics.length, 10);
    for (const keepHead of [false, true]) {
      const built = await trainable({ request, recipe: { ...recipe, norm: "instance", keepHead } });
      assertLoaded(built, { known, fresh: /(?!)/, dropped: statistics });
      assert.deepEqual(built.architecture, { ...UNIUNET, config: { ...UNIUNET.config, instanceNorm: true } });
      // and such a base stays so
      const again = {
        ...request,
        base: { ...request.base, spec: { ...request.base.spec, architecture: built.architecture } },
      };
      await Deno.writeFile(`${request.base.directory}/network.onnx`, built.encoded(built.network.constants));
      const next = await trainable({ request: again, recipe: { ...recipe, keepHead } });
      assert.deepEqual([next.architecture, next.report.dropped], [built.architecture, []]);
      await writeBase(request.base.directory, base);
    }
    await assert.rejects(trainable({ request, recipe: { ...recipe, norm: "instance", roi: [16, 16, 16] } }), {
      code: "invalid-recipe",
      message:
        "Cannot train tiny on crops [1,2,16,16,16]: its features have a single voxel, which normalised by itself " +
        "is the same for every image; expected a larger roi or norm batch",
    });
    await trainable({ request, recipe: { ...recipe, norm: "instance", roi: [16, 16, 32] } });
  }));

Deno.test("trainable() without deep supervision has one head, and no weights for others", () =>
  inFolder(async (folder) => {
    const { request, recipe } = await baseAnd(folder, { architecture: TINY_ENCODER, changes: SEGMENTATION });
    const { heads, network, architecture } = await trainable({
      request,
      recipe: { ...recipe, deepSupervision: false },
    });
    assert.deepEqual(heads, ["out"]);
    assert.deepEqual([architecture.config.multiScale, network.outputs], [false, ["out", "x4"]]);
    assert.ok(![...network.constants.keys()].some((key) => key.startsWith("ms_out.")));
  }));

const TWO = [1, 2].map((value) => ({ name: `label ${value}`, value, colour: "#000000" }));

Deno.test("trainable() of labels that exclude each other has a background channel, whose bias starts at 0", () =>
  inFolder(async (folder) => {
    const { request, recipe } = await baseAnd(folder, { architecture: TINY_ENCODER, changes: { labels: TWO } });
    const built = await trainable({ request, recipe: { ...recipe, exclusive: true } });
    assert.deepEqual([built.architecture.config.outChannels, built.criterion, built.kept], [3, "labels", null]);
    for (const key of ["decoder.out.conv.conv.bias", "ms_out.0.bias", "ms_out.1.bias"]) {
      assert.deepEqual(toNumbers(built.network.constants.get(key)!), [0, -4, -4], key);
    }
    assert.deepEqual(built.report.outputs, { loaded: [], averaged: [], fresh: ["label 1", "label 2"], dropped: [] });
    const { inference } = resultSpec(request, { ...recipe, exclusive: true }, built);
    assert.equal(inference.activation, "softmax");
    assert.equal(resultSpec(request, recipe, await trainable({ request, recipe })).inference.activation, undefined);
  }));

Deno.test("trainable() takes an exclusive head by the names of its labels, and only for labels that exclude each other", () =>
  inFolder(async (folder) => {
    const architecture: Architecture = { ...UNIUNET, config: { ...UNIUNET.config, outChannels: 3 } };
    const inference = { roi: ROI, overlap: 0, blending: "constant", threshold: 0.5, activation: "softmax" } as const;
    const spec: Partial<ModelSpec> = { ...SEGMENTATION, labels: TWO, inference };
    const of = async (labels: readonly Label[], exclusive: boolean) => {
      const options = await baseAnd(folder, { architecture, channels: 2, spec, changes: { labels } });
      const { known, request, recipe } = options;
      const built = await trainable({ request, recipe: { ...recipe, exclusive } });
      const rows = (from: ReadonlyMap<string, Tensor>) => toNumbers(from.get("decoder.out.conv.conv.bias")!);
      return { report: built.report, before: rows(known), after: rows(built.network.constants) };
    };
    const same = await of(TWO, true);
    assert.deepEqual([same.report.fresh, same.after], [[], same.before]);
    const [one, two] = TWO, other = { ...two, name: "other" };
    const moved = await of([two, one], true);
    assert.deepEqual(moved.after, [0, 2, 1].map((i) => moved.before[i]));
    const partly = await of([other, one], true);
    assert.deepEqual(partly.after, [partly.before[0], -4, partly.before[1]]);
    assert.deepEqual(partly.report.outputs, {
      loaded: ["label 1"],
      averaged: [],
      fresh: ["other"],
      dropped: ["label 2"],
    });
    const unknown = await of([other, { ...one, name: "another" }], true);
    assert.deepEqual(unknown.after, [0, -4, -4]);
    const apart = await of(TWO, false);
    assert.deepEqual([apart.after, apart.report.outputs.fresh], [[-4, -4], TWO.map(({ name }) => name)]);
  }));

Deno.test("trainable() starts the decoder afresh where the recipe does not keep that of the pre-training", () =>
  inFolder(async (folder) => {
    const { known, request, recipe } = await baseAnd(folder, { architecture: TINY_ENCODER });
    const kept = await trainable({ request, recipe });
    const without = await trainable({ request, recipe: { ...recipe, keepDecoder: false } });
    const decoder = [...known.keys()].filter((key) => key.includes("transp_conv"));
    assert.equal(decoder.length, 4);
    for (const key of decoder) {
      assert.deepEqual([kept.isFromBase(key), without.isFromBase(key)], [true, false], key);
      assert.ok(without.report.fresh.includes(key) && without.report.dropped.includes(key), key);
    }
    assert.ok(without.isFromBase("encoder.norm.weight") && !kept.isFromBase("decoder.out.conv.conv.weight"));
  }));
