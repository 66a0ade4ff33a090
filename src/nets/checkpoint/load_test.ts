import assert from "node:assert/strict";
import { sizeOf, type Tensor, tensorBytes } from "../../tensor/mod.ts";
import { downstream, type NetworkSpec } from "../families/families.ts";
import { type Shapes, TEMPLATE_KEY } from "../families/family.ts";
import { initialTensor } from "../layers/scope.ts";
import { initialWeights, parametersOf } from "../network.ts";
import { identifyNetwork, plainKey } from "./identify.ts";
import { officialEntries } from "./layout.ts";
import { batchesTracked, finiteFloats, officialState, planLoading, weightsOf, withPlainKeys } from "./load.ts";
import type { StoredTensor } from "../../tensor/stored.ts";

const TINY = { widths: [8, 16, 24, 40], depths: [1, 2, 3, 1], headDim: 8, mlpRatio: 2 };
const PRETRAINING: NetworkSpec = { kind: "uniformer-pretraining", config: { ...TINY, inChannels: 1, stemWidth: 6 } };

const NNUNET = {
  inChannels: 2,
  features: [4, 6],
  kernels: [1, 3, 3, 3, 3, 3],
  strides: [1, 1, 1, 1, 2, 2],
  blocks: [1, 2],
  residual: true,
  bias: false,
};

/** Plain keys and shapes of an official file of this network. */
function shapesOf(spec: NetworkSpec, template?: readonly number[]): Map<string, readonly number[]> {
  return new Map(officialEntries(spec, { template }).map((e) => [plainKey(e.officialKey), e.shape]));
}

Deno.test("plainKey() removes the wrappers of a network, and nothing else", () => {
  const cases = {
    "module.rep_template": "rep_template",
    "module.encoder.uniformer.blocks1.0.attn.weight": "encoder.blocks1.0.attn.weight",
    "_orig_mod.module.conv1a.weight": "conv1a.weight",
    "encoder.norm.weight": "encoder.norm.weight",
    "decoder.module.weight": "decoder.module.weight",
  };
  for (const [key, plain] of Object.entries(cases)) assert.equal(plainKey(key), plain);
});

const IDENTIFIED: readonly NetworkSpec[] = [
  PRETRAINING,
  { kind: "uniformer", config: { ...TINY, inChannels: 3 } },
  { kind: "uniunet", config: { ...TINY, inChannels: 4, stemWidth: 6, outChannels: 2, multiScale: true } },
  { kind: "uniunet", config: { ...TINY, inChannels: 2, stemWidth: 8, outChannels: 1, multiScale: false } },
  { kind: "uniformer-classifier", config: { ...TINY, inChannels: 2, classes: 3, allStages: false } },
  { kind: "uniformer-classifier", config: { ...TINY, inChannels: 2, classes: 3, allStages: true } },
  { kind: "unet3d", config: { inChannels: 4, width: 16, outChannels: 3, deepSupervision: true } },
  { kind: "unet3d", config: { inChannels: 1, width: 8, outChannels: 3, deepSupervision: false } },
  { kind: "unet3d-classifier", config: { inChannels: 2, width: 8, classes: 2 } },
  { kind: "unet3d-pretraining", config: { inChannels: 1, width: 8 } },
  { kind: "nnunet", config: { ...NNUNET, outChannels: 3, decoderBlocks: [2], deepSupervision: true } },
];
for (const spec of IDENTIFIED) {
  Deno.test(`identifyNetwork() finds ${spec.kind} ${JSON.stringify(spec.config)} in keys and shapes`, () => {
    assert.deepEqual(identifyNetwork(shapesOf(spec), { headDim: 8 }), { spec, assumed: [] });
  });
}

Deno.test("identifyNetwork() says when it takes the heads' width for granted, and asks where it cannot", () => {
  const official = identifyNetwork(shapesOf({ kind: "uniunet", config: {} }));
  assert.deepEqual([official.spec.config.headDim, official.assumed], [64, []]);
  const tiny = identifyNetwork(shapesOf(PRETRAINING));
  assert.equal(tiny.spec.config.headDim, 8);
  assert.match(tiny.assumed[0], /^attention heads of 8 channels, the width of stage 1 as in official networks/);
  const odd = { ...PRETRAINING, config: { ...PRETRAINING.config, widths: [6, 16, 24, 40] } };
  assert.throws(() => identifyNetwork(shapesOf(odd)), { message: /expected it to be given, a divisor of 24 and 40$/ });
});

Deno.test("identifyNetwork() says that a classifier of nnU-Net's encoder does not show its strides", () => {
  const shapes = shapesOf({ kind: "nnunet-classifier", config: { ...NNUNET, classes: 2 } });
  const { spec, assumed } = identifyNetwork(shapes);
  assert.deepEqual(spec.config, { ...NNUNET, strides: [1, 1, 1, 2, 2, 2], classes: 2 });
  assert.deepEqual(assumed, ["every stage halves its input; shapes do not show it"]);
});

Deno.test("identifyNetwork() takes a UNET3D with one channel for that of pre-training unless told otherwise", () => {
  const shapes = shapesOf({
    kind: "unet3d",
    config: { inChannels: 1, width: 8, outChannels: 1, deepSupervision: false },
  });
  assert.equal(identifyNetwork(shapes).spec.kind, "unet3d-pretraining");
  assert.equal(identifyNetwork(shapes, { segmentation: true }).spec.kind, "unet3d");
  shapes.set(TEMPLATE_KEY, [8, 3, 3, 3]);
  assert.equal(identifyNetwork(shapes, { segmentation: true }).spec.kind, "unet3d-pretraining");
});

Deno.test("identifyNetwork() refuses the keys of other networks, and names the missing key", () => {
  assert.throws(() => identifyNetwork(new Map([["layer1.0.weight", [3]]])), { message: /got "layer1\.0\.weight"$/ });
  assert.throws(() => identifyNetwork(new Map()), { message: /got none$/ });
  const without = (key: string): Shapes => new Map([...shapesOf(PRETRAINING)].filter(([k]) => k !== key));
  for (const key of ["encoder.patch_embed3.proj.weight", "encoder.blocks1.0.mlp.fc1.weight"]) {
    assert.throws(() => identifyNetwork(without(key)), { message: new RegExp(`expected a tensor ${key}, got none`) });
  }
});

const OFFICIAL: NetworkSpec = { kind: "uniformer-pretraining", config: {} };
const DOWNSTREAM = downstream(OFFICIAL, { task: "segmentation", inputs: 4, outputs: 3 }).spec;
/** docs/method A.1.4: dropped by rule, and keys without a counterpart downstream. */
const DROPPED = [
  "decoder.out_1.conv.conv.bias",
  "decoder.out_1.conv.conv.weight",
  "decoder.proj1.proj.bias",
  "decoder.proj1.proj.weight",
  "encoder.patch_embed1.proj.bias",
  "encoder.patch_embed1.proj.weight",
];
/** docs/method A.1.4: fresh downstream. */
const FRESH = [
  "decoder.out.conv.conv.bias",
  "decoder.out.conv.conv.weight",
  "decoder.proj1.proj.bias",
  "decoder.proj1.proj.weight",
  "encoder.patch_embed1.proj.bias",
  "encoder.patch_embed1.proj.weight",
  "ms_out.0.bias",
  "ms_out.0.weight",
  "ms_out.1.bias",
  "ms_out.1.weight",
];

Deno.test("planLoading() of an official file into UniUnet keeps, drops and misses exactly the keys of docs/method A.1.4", () => {
  const shapes = shapesOf(OFFICIAL, [8, 240, 240, 155]);
  assert.equal(shapes.size, 352);
  const { loaded, dropped, missing } = planLoading(shapes, { from: OFFICIAL, to: DOWNSTREAM });
  assert.deepEqual(dropped.map((d) => d.key).sort(), DROPPED);
  assert.deepEqual(missing, FRESH);
  const kept = [...shapes.keys()].filter((key) => key !== TEMPLATE_KEY && !DROPPED.includes(key));
  assert.deepEqual(loaded, kept);
  for (
    const key of [
      "encoder.patch_embed1.norm.weight",
      "decoder.proj1.norm.bias",
      "encoder.norm.running_var",
      "encoder.norm.num_batches_tracked",
      "decoder.decoder2.transp_conv.conv.weight",
      "decoder.decoder5.conv_block.conv3.conv.weight", // initial values, but the official loader takes them
    ]
  ) assert.ok(loaded.includes(key), key);
});

Deno.test("planLoading() of a file without the untrained entries misses these too", () => {
  const idle = new Set(officialEntries(OFFICIAL).filter((e) => e.idle).map((e) => plainKey(e.officialKey)));
  const shapes = new Map([...shapesOf(OFFICIAL)].filter(([key]) => !idle.has(key)));
  const { missing } = planLoading(shapes, { from: OFFICIAL, to: DOWNSTREAM });
  assert.deepEqual(missing, [...new Set([...FRESH, ...idle])].sort());
});

Deno.test("planLoading() of an official file into its own network drops only untrained entries", () => {
  const shapes = shapesOf(OFFICIAL, [8, 240, 240, 155]);
  const { loaded, dropped, missing } = planLoading(shapes, { from: OFFICIAL, to: OFFICIAL });
  assert.deepEqual([loaded.length, missing], [335, []]);
  assert.deepEqual([dropped.length, new Set(dropped.map((d) => d.why))], [16, new Set(["was never trained"])]);
});

Deno.test("planLoading() of a UNET3D follows the rule of docs/method A.3, and refuses other shapes", () => {
  const from: NetworkSpec = { kind: "unet3d-pretraining", config: { inChannels: 1, width: 8 } };
  const to = downstream(from, { task: "segmentation", inputs: 4, outputs: 3 }).spec;
  const { dropped, missing } = planLoading(shapesOf(from, [8, 4, 4, 4]), { from, to });
  const rule = ["conv1a.bias", "conv1a.weight", "up1conv.bias", "up1conv.weight"];
  assert.deepEqual(dropped.map((d) => d.key), rule);
  const heads = ["ds_out.0.bias", "ds_out.0.weight", "ds_out.1.bias", "ds_out.1.weight"];
  assert.deepEqual(missing, [...rule.slice(0, 2), ...heads, ...rule.slice(2)]);
  const shapes = shapesOf(from).set("ds1.bias", [17]);
  assert.throws(() => planLoading(shapes, { from, to: from }), {
    message: "Cannot load unet3d-pretraining: expected ds1.bias of shape [16], got [17]",
  });
});

const asStored = (state: ReadonlyMap<string, Tensor>): Map<string, StoredTensor> =>
  new Map([...state].map(([key, t]) => [key, { dtype: t.dtype, shape: t.shape, bytes: tensorBytes(t) }]));

for (const spec of IDENTIFIED) {
  Deno.test(`weightsOf() undoes officialState() for ${spec.kind} ${JSON.stringify(spec.config)}`, () => {
    const weights = initialWeights(spec, { seed: 3 });
    const state = officialState(spec, weights, { batchesTracked: 12 });
    const tensors = withPlainKeys(asStored(new Map([...state].map(([key, t]) => [`module.${key}`, t]))));
    const shapes: Shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
    const plan = planLoading(shapes, { from: spec, to: spec });
    assert.deepEqual([plan.dropped, plan.missing], [[], []]);
    assert.deepEqual(weightsOf(tensors, { to: spec, plan, seed: 0 }), weights);
    const hasCounters = [...state.keys()].some((key) => key.endsWith(".num_batches_tracked"));
    assert.equal(batchesTracked(tensors), hasCounters ? 12 : null);
  });
}

Deno.test("weightsOf() draws missing weights from the seed, as a fresh network does", () => {
  const to = downstream(PRETRAINING, { task: "segmentation", inputs: 2, outputs: 1 }).spec;
  const source = asStored(officialState(PRETRAINING, initialWeights(PRETRAINING, { seed: 1 })));
  const tensors = withPlainKeys(source);
  const shapes: Shapes = new Map([...tensors].map(([key, { shape }]) => [key, shape]));
  const plan = planLoading(shapes, { from: PRETRAINING, to });
  const weights = weightsOf(tensors, { to, plan, seed: 5 });
  for (const parameter of parametersOf(to)) {
    const isMissing = plan.missing.includes(parameter.key);
    const expected = isMissing
      ? initialTensor(parameter, 5)
      : initialWeights(PRETRAINING, { seed: 1 }).get(parameter.key);
    assert.deepEqual(weights.get(parameter.key), expected, parameter.key);
  }
});

Deno.test("finiteFloats() refuses integers and numbers beyond float32, naming the key", () => {
  const stored = (dtype: "float64" | "int64", data: Float64Array | BigInt64Array): StoredTensor => ({
    dtype,
    shape: [data.length],
    bytes: new Uint8Array(data.buffer),
  });
  assert.equal(sizeOf(finiteFloats("a", stored("float64", Float64Array.of(1, 2))).shape), 2);
  for (const value of [NaN, Infinity, 1e300]) {
    assert.throws(() => finiteFloats("head.bias", stored("float64", Float64Array.of(value))), {
      message: "Cannot load head.bias: expected finite numbers in the range of float32",
    });
  }
  assert.throws(() => finiteFloats("head.bias", stored("int64", BigInt64Array.of(1n))), {
    message: "Cannot load head.bias: expected floats, got int64",
  });
});

Deno.test("withPlainKeys() refuses two keys for one tensor; batchesTracked() counters that differ", () => {
  const stored: StoredTensor = { dtype: "int64", shape: [], bytes: new Uint8Array(8) };
  assert.throws(() => withPlainKeys(new Map([["module.a", stored], ["a", stored]])), { message: /two keys mean "a"/ });
  const other = { ...stored, bytes: new Uint8Array(8).fill(1) };
  const counters = new Map([["a.num_batches_tracked", stored], ["b.num_batches_tracked", other]]);
  assert.equal(batchesTracked(counters), null);
  assert.equal(batchesTracked(new Map([["a.num_batches_tracked", stored]])), 0);
});
