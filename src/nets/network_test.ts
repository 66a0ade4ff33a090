import assert from "node:assert/strict";
import type { NetworkSpec } from "./families/families.ts";
import { EDGE } from "./families/uni_unet.ts";
import { buildNetwork, initialWeights, parametersOf } from "./network.ts";
import { isBuffer } from "./layers/scope.ts";
import { assertClose } from "../graph/testing/check.ts";
import { loweringOf, PROVIDERS } from "../engine/mod.ts";
import { evaluate, lower } from "../graph/mod.ts";
import { Random, sizeOf, tensor, toNumbers } from "../tensor/mod.ts";

type Kind = NetworkSpec["kind"];

/** docs/method A.1 to A.6. */
const COUNTS: readonly [kind: Kind, config: NetworkSpec["config"], count: number][] = [
  ["uniformer", {}, 22_038_464],
  ["uniformer", { inChannels: 4 }, 22_040_000],
  ["uniformer-pretraining", {}, 22_038_464 + 1_736_769],
  ["uniunet", {}, 34_323_593],
  ["uniunet", { inChannels: 1, outChannels: 1 }, 34_316_355],
  ["uniunet", { inChannels: 1, outChannels: 3 }, 34_316_873],
  ["uniunet", { inChannels: 1, outChannels: 4 }, 34_317_132],
  ["uniunet", { inChannels: 3, outChannels: 1 }, 34_320_835],
  ["uniunet", { inChannels: 3, outChannels: 3 }, 34_321_353],
  ["uniunet", { inChannels: 3, outChannels: 4 }, 34_321_612],
  ["uniunet", { inChannels: 4, outChannels: 1 }, 34_323_075],
  ["uniunet", { inChannels: 4, outChannels: 4 }, 34_323_852],
  ["uniunet", { multiScale: false }, 34_323_593 - 387 - 195],
  ["unet3d-pretraining", {}, 18_799_937],
  ["unet3d", {}, 18_803_177],
  ["unet3d", { deepSupervision: false }, 18_802_595],
  ["unet3d", { inChannels: 1 }, 18_800_585],
  ["unet3d", { inChannels: 1, deepSupervision: false }, 18_800_003],
  ["unet3d", { width: 16 }, 4_704_505],
  ["unet3d", { width: 16, deepSupervision: false }, 4_704_211],
  ["uniformer-classifier", {}, 22_038_464 + 1_026],
  // A.3's contracting half: conv1a, conv1b, ds1, conv2, ds2, conv3, ds3, conv4
  [
    "unet3d-classifier",
    { inChannels: 4 },
    3_488 + 55_488 + 55_360 + 2 * 221_568 + 221_312 + 2 * 885_504 + 884_992 + 4 * 3_540_480 + 514,
  ],
  ["uniunet", { ...EDGE }, 1_601_257],
];

for (const [kind, config, count] of COUNTS) {
  Deno.test(`parametersOf() of ${kind} ${JSON.stringify(config)} lists ${count} trained numbers`, () => {
    const trained = parametersOf({ kind, config }).filter((p) => !p.buffer && !p.idle);
    assert.equal(trained.reduce((n, p) => n + sizeOf(p.shape), 0), count);
  });
}

/** docs/method A.1 to A.3, the official networks: parameters by the beginning of their keys. */
const PARTS: readonly [kind: Kind, part: string, count: number][] = [
  ["uniunet", "encoder.patch_embed1", 2_240],
  ["uniunet", "encoder.blocks1.0", 10 * 64 ** 2 + 165 * 64],
  ["uniunet", "encoder.blocks1", 154_560],
  ["uniunet", "encoder.patch_embed2", 65_920],
  ["uniunet", "encoder.blocks2.3", 10 * 128 ** 2 + 165 * 128],
  ["uniunet", "encoder.blocks2", 739_840],
  ["uniunet", "encoder.patch_embed3", 328_640],
  ["uniunet", "encoder.blocks3.7", 12 * 320 ** 2 + 41 * 320],
  ["uniunet", "encoder.blocks3", 9_935_360],
  ["uniunet", "encoder.patch_embed4", 1_312_256],
  ["uniunet", "encoder.blocks4.2", 12 * 512 ** 2 + 41 * 512],
  ["uniunet", "encoder.blocks4", 9_500_160],
  ["uniunet", "encoder.norm", 1_024],
  ["uniunet", "decoder.decoder5", 8 * 512 * 320 + 83 * 320 ** 2],
  ["uniunet", "decoder.decoder4", 1_687_552],
  ["uniunet", "decoder.decoder3", 405_504],
  ["uniunet", "decoder.decoder2", 372_736],
  ["uniunet", "decoder.proj1", 7_104],
  ["uniunet", "decoder.out", 195],
  ["uniunet", "ms_out.0", 387],
  ["uniunet", "ms_out.1", 195],
  ["unet3d", "conv1a", 3_488],
  ["unet3d", "conv1b", 55_488],
  ["unet3d", "ds1", 55_360],
  ["unet3d", "conv4d", 3_540_480],
  ["unet3d", "up4conva", 32_896],
  ["unet3d", "up4convb", 885_504],
  ["unet3d", "up2conva", 2_080],
  ["unet3d", "up1conv", 99],
  ["unet3d", "ds_out.0", 387],
  ["unet3d", "ds_out.1", 195],
];

Deno.test("parametersOf() gives every part of the official networks its number of parameters", () => {
  const listed = {
    uniunet: parametersOf({ kind: "uniunet", config: {} }),
    unet3d: parametersOf({ kind: "unet3d", config: {} }),
  };
  for (const [kind, part, count] of PARTS) {
    const own = listed[kind as keyof typeof listed].filter((p) => p.key.startsWith(`${part}.`) && !p.buffer);
    assert.equal(own.reduce((n, p) => n + sizeOf(p.shape), 0), count, `${kind} ${part}`);
  }
});

Deno.test("parametersOf() lists each key once and 15 BatchNorms' statistics in UniFormer", () => {
  const keys = parametersOf({ kind: "uniunet", config: {} });
  assert.equal(new Set(keys.map((p) => p.key)).size, keys.length);
  assert.equal(keys.filter((p) => p.buffer).length, 30);
});

const TINY = { inChannels: 2, widths: [8, 16, 32, 48], depths: [1, 1, 1, 1], headDim: 16, mlpRatio: 2 };

/** Kind, config, input size, output shapes in inference and those that training adds. */
const SHAPES: readonly [Kind, NetworkSpec["config"], Record<string, number[]>, Record<string, number[]>][] = [
  ["uniformer", TINY, { x1: [2, 8, 16, 24, 8], x2: [2, 16, 8, 12, 4], x3: [2, 32, 4, 6, 2], x4: [2, 48, 2, 3, 1] }, {}],
  ["uniunet", { ...TINY, outChannels: 3, stemWidth: 4 }, { out: [2, 3, 32, 48, 16] }, {
    out3: [2, 3, 32, 48, 16],
    out4: [2, 3, 32, 48, 16],
    x4: [2, 48, 2, 3, 1],
  }],
  ["uniunet", { ...TINY, outChannels: 1, multiScale: false }, { out: [2, 1, 32, 48, 16] }, { x4: [2, 48, 2, 3, 1] }],
  ["uniformer-classifier", { ...TINY, classes: 5 }, { logits: [2, 5] }, { x4: [2, 48, 2, 3, 1] }],
  ["uniformer-classifier", { ...TINY, classes: 5, allStages: true }, { logits: [2, 5] }, { x4: [2, 48, 2, 3, 1] }],
  ["uniformer-pretraining", { ...TINY, stemWidth: 4 }, { out: [2, 1, 32, 48, 16] }, {
    x1: [2, 8, 16, 24, 8],
    x2: [2, 16, 8, 12, 4],
    x3: [2, 32, 4, 6, 2],
    x4: [2, 48, 2, 3, 1],
  }],
  ["unet3d", { inChannels: 2, outChannels: 3, width: 8 }, { out: [2, 3, 32, 48, 16] }, {
    out3: [2, 3, 32, 48, 16],
    out4: [2, 3, 32, 48, 16],
    x4: [2, 64, 4, 6, 2],
  }],
  ["unet3d-classifier", { inChannels: 2, width: 8, classes: 2 }, { logits: [2, 2] }, { x4: [2, 64, 4, 6, 2] }],
  ["unet3d-pretraining", { inChannels: 2, width: 8 }, { out: [2, 1, 32, 48, 16] }, {
    x1: [2, 16, 16, 24, 8],
    x2: [2, 32, 8, 12, 4],
    x3: [2, 64, 4, 6, 2],
    x4: [2, 64, 4, 6, 2],
  }],
];

for (const [kind, config, inference, added] of SHAPES) {
  Deno.test(`buildNetwork() gives ${kind} its outputs and weights by key`, () => {
    const spec = { kind, config };
    const weights = initialWeights(spec, { seed: 1 });
    const build = (outputs: "inference" | "training") =>
      buildNetwork(spec, { input: [2, 2, 32, 48, 16], weights, outputs });
    const shapes = (outputs: "inference" | "training") => {
      const graph = build(outputs);
      assert.deepEqual(graph.inputs, ["image"]);
      return Object.fromEntries(graph.outputs.map((name) => [name, graph.types.get(name)!.shape]));
    };
    assert.deepEqual(shapes("inference"), inference);
    assert.deepEqual(shapes("training"), { ...inference, ...added });
    const constants = build("training").constants;
    for (const [key, value] of weights) {
      assert.equal(constants.get(key), value, key);
    }
  });
}

for (const provider of PROVIDERS) {
  Deno.test(`UniUnet's BatchNorms fold into the convolutions after them for inference on ${provider}, but for the last`, () => {
    const spec: NetworkSpec = {
      kind: "uniunet",
      config: { ...TINY, depths: [3, 4, 1, 1], outChannels: 3, stemWidth: 4 },
    };
    const random = new Random(provider);
    const seen = [...initialWeights(spec, { seed: 1 })].map(([key, t]) => {
      const values = toNumbers(t).map((v) => isBuffer(key) ? v + random.uniform() : v);
      return [key, tensor("float32", t.shape, values)] as const;
    });
    const graph = buildNetwork(spec, { input: [1, 2, 16, 16, 16], weights: new Map(seen), outputs: "inference" });
    const passes = loweringOf(provider, "float32").passes.filter((p) => p.name.startsWith("norm-"));
    const { graph: folded, reports } = lower(graph, { passes });
    const fired = Object.fromEntries(reports.map((r) => [r.pass, r.fired]));
    assert.deepEqual([fired["norm-after-conv"], fired["norm-before-conv"]], [0, 14]);
    const [left, ...others] = folded.nodes.filter((n) => n.op === "BatchNormalization");
    assert.deepEqual(others, []);
    assert.deepEqual(folded.nodes.filter((n) => n.inputs.includes(left.output)).map((n) => n.op), ["ConvTranspose"]);
    const image = tensor("float32", [1, 2, 16, 16, 16], Array.from({ length: 2 * 16 ** 3 }, () => random.normal()));
    const [expected, found] = [graph, folded].map((g) => evaluate(g, { image }).out.data);
    assertClose(found, expected, { atol: 1e-6 * Math.max(...expected.map(Math.abs)), what: "logits" });
  });
}

Deno.test("buildNetwork() without deep supervision needs no weights of its heads", () => {
  const spec: NetworkSpec = { kind: "uniunet", config: { ...TINY, outChannels: 3 } };
  const weights = initialWeights(spec, { seed: 1 });
  for (const key of [...weights.keys()]) if (key.startsWith("ms_out.")) weights.delete(key);
  const input = [1, 2, 16, 16, 16];
  assert.deepEqual(buildNetwork(spec, { input, weights, outputs: "inference" }).outputs, ["out"]);
  assert.throws(() => buildNetwork(spec, { input, weights, outputs: "training" }), {
    name: "RangeError",
    message: "Cannot build uniunet: expected a weight ms_out.0.weight, got none",
  });
});

Deno.test("buildNetwork() refuses an input, a weight and a config that do not fit", () => {
  const spec: NetworkSpec = { kind: "uniunet", config: { ...TINY, outChannels: 3 } };
  const weights = initialWeights(spec, { seed: 1 });
  const build = (input: number[], change: Partial<NetworkSpec> = {}) => () =>
    buildNetwork({ ...spec, ...change }, { input, weights, outputs: "inference" });
  assert.throws(build([1, 2, 16, 16, 24]), {
    name: "RangeError",
    message:
      "Cannot build uniunet: expected input [N, 2, X, Y, Z] with sizes that are multiples of 16, got [1,2,16,16,24]",
  });
  assert.throws(build([1, 3, 16, 16, 16]), /expected input \[N, 2, X, Y, Z\]/);
  assert.throws(build([1, 2, 16, 16, 16], { config: { ...TINY, outChannels: 3, mlpRatio: 4 } }), {
    name: "RangeError",
    message: "Cannot build uniunet: expected weight encoder.blocks1.0.mlp.fc1.weight float32[32,8,1,1,1], " +
      "got float32[16,8,1,1,1]",
  });
  assert.throws(build([1, 2, 16, 16, 16], { config: { headDim: 48 } }), {
    name: "TypeError",
    message: "Cannot configure uniunet: expected headDim to divide the widths of stages 3 and 4, got 48 for 320, 512",
  });
  assert.throws(build([1, 2, 16, 16, 16], { config: { width: 8 } }), {
    name: "TypeError",
    message:
      "Cannot configure uniunet: expected fields among inChannels, widths, depths, headDim, mlpRatio, biasedStem, " +
      "outChannels, multiScale, stemWidth, instanceNorm, got width",
  });
  assert.throws(build([1, 2, 16, 16, 16], { config: { widths: [8, 16] } }), {
    name: "TypeError",
    message: "Cannot configure uniunet: expected widths to be 4 whole numbers ≥ 1, got [8,16]",
  });
  assert.throws(
    build([1, 2, 16, 16, 16], { config: { multiScale: 1 } }),
    /expected multiScale to be true or false, got 1/,
  );
  assert.throws(
    build([1, 2, 16, 16, 16], { config: { outChannels: 0 } }),
    /expected outChannels to be a whole number ≥ 1/,
  );
  assert.throws(build([1, 2, 16, 16, 16], { kind: "onnx", config: {} }), {
    name: "TypeError",
    message: "Cannot build an imported network: its graph comes from its file only",
  });
  assert.throws(() => parametersOf({ kind: "unet3d", config: { width: 12 } }), {
    name: "TypeError",
    message: "Cannot configure unet3d: expected width to be a multiple of 8 (group normalisation), got 12",
  });
});
