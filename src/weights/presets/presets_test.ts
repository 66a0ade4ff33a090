import assert from "node:assert/strict";
import { presetKindOf, presetOf } from "./mod.ts";

const PLANS = {
  image_reader_writer: "SimpleITKIO",
  transpose_forward: [0, 1, 2],
  configurations: {
    "2d": { patch_size: [64, 64], spacing: [1, 1] },
    "3d_fullres": {
      patch_size: [32, 48, 64],
      spacing: [3, 1, 1],
      normalization_schemes: ["ZScoreNormalization", "ZScoreNormalization"],
      use_mask_for_norm: [true, true],
    },
    "3d_lowres": { inherits_from: "3d_fullres", spacing: [4, 2, 2] },
    "3d_cascade_fullres": { inherits_from: "3d_fullres", previous_stage: "3d_lowres" },
  },
};
const DATASET = {
  channel_names: { "0": "T1ce", "1": "FLAIR" },
  labels: { background: 0, edema: 1, core: 2 },
};
const filesOf = (files: Record<string, unknown>) =>
  new Map(Object.entries(files).map(([name, value]) => [name, JSON.stringify(value)]));
const nnunet = (dataset: object = {}, configuration?: string) =>
  presetOf("nnunet", filesOf({ "plans.json": PLANS, "dataset.json": { ...DATASET, ...dataset } }), { configuration });

Deno.test("presetOf() reads channels, labels and windows of nnU-Net's plans", () => {
  const { spec, preprocessing, inference } = nnunet();
  assert.deepEqual(spec.modalities, ["t1c", "flair"]);
  assert.deepEqual(spec.labels?.map(({ name, value }) => [name, value]), [["edema", 1], ["core", 2]]);
  assert.deepEqual([preprocessing.spacingMm, inference.roi], [[3, 1, 1], [32, 48, 64]]);
  assert.deepEqual(nnunet({}, "3d_lowres").preprocessing.spacingMm, [4, 2, 2]);
});

Deno.test("presetOf() reads nnU-Net's pre-processing: cropped, normalised there, resampled by the field of view", () => {
  const { preprocessing, inference, network } = nnunet();
  assert.deepEqual(preprocessing, {
    spacingMm: [3, 1, 1],
    orientation: "file",
    axes: "ZYX",
    normalisation: [{ kind: "z-score", over: "mask" }, { kind: "z-score", over: "mask" }],
    order: ["crop", "normalise", "resample"],
    interpolation: "cubic",
    separateAxis: { above: 3, interpolation: "nearest" },
    alignment: "extent",
    foreground: "nonzero",
    foregroundMargin: 0,
  });
  assert.deepEqual([inference.placing, inference.blending, inference.activation], [
    "even",
    "gaussian-nnunet",
    "softmax",
  ]);
  assert.match(JSON.stringify(network), /plans no architecture, which is not built here: export the network/);
});

Deno.test("presetOf() reads the network of nnU-Net's old plans", () => {
  const old = {
    UNet_class_name: "PlainConvUNet",
    UNet_base_num_features: 8,
    unet_max_num_features: 20,
    n_conv_per_stage_encoder: [2, 2, 2],
    n_conv_per_stage_decoder: [2, 2],
    num_pool_per_axis: [1, 2, 2],
    pool_op_kernel_sizes: [[1, 1, 1], [1, 2, 2], [2, 2, 2]],
    conv_kernel_sizes: [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
  };
  const fullres = { ...PLANS.configurations["3d_fullres"], ...old };
  const plans = { ...PLANS, transpose_forward: [2, 0, 1], configurations: { "3d_fullres": fullres } };
  const { network, preprocessing } = presetOf("nnunet", filesOf({ "plans.json": plans, "dataset.json": DATASET }));
  assert.equal(preprocessing.axes, "XZY");
  assert.deepEqual(network, {
    built: {
      kind: "nnunet",
      config: {
        inChannels: 2,
        outChannels: 3,
        features: [8, 16, 20],
        kernels: [1, 3, 3, 3, 3, 3, 3, 3, 3],
        strides: [1, 1, 1, 1, 2, 2, 2, 2, 2],
        blocks: [2, 2, 2],
        decoderBlocks: [2, 2],
        residual: false,
        bias: true,
        deepSupervision: true,
      },
    },
  });
});

Deno.test("presetOf() reads nnU-Net's schemes of normalisation", () => {
  const intensity = { mean: 5, std: 2, percentile_00_5: -3, percentile_99_5: 9 };
  const plans = {
    ...PLANS,
    foreground_intensity_properties_per_channel: { "0": intensity },
    configurations: {
      "3d_fullres": {
        ...PLANS.configurations["3d_fullres"],
        normalization_schemes: ["CTNormalization", "RescaleTo01Normalization"],
        use_mask_for_norm: [false, false],
      },
    },
  };
  const { preprocessing } = presetOf("nnunet", filesOf({ "plans.json": plans, "dataset.json": DATASET }));
  assert.deepEqual(preprocessing.normalisation, [
    { kind: "fixed", mean: 5, deviation: 2, clip: [-3, 9] },
    { kind: "min-max", over: "volume", to: [0, 1] },
  ]);
});

Deno.test("presetOf() gives nnU-Net's regions the values of regions_class_order", () => {
  const { spec } = nnunet({
    labels: { background: 0, whole: [1, 2, 3], core: [2, 3], enhancing: 3 },
    regions_class_order: [1, 2, 3],
  });
  assert.deepEqual(spec.labels?.map(({ name, value, sourceValues }) => [name, value, sourceValues]), [
    ["whole", 1, [1, 2, 3]],
    ["core", 2, [2, 3]],
    ["enhancing", 3, [3]],
  ]);
});

const REFUSED: readonly [string, () => unknown, RegExp][] = [
  ["slices", () => nnunet({}, "2d"), /configuration 2d is a network of slices/],
  ["a cascade", () => nnunet({}, "3d_cascade_fullres"), /takes the labels of 3d_lowres as input/],
  ["an unknown configuration", () => nnunet({}, "3d"), /among 2d, 3d_fullres, 3d_lowres, 3d_cascade_fullres, got 3d/],
  ["labels with gaps", () => nnunet({ labels: { background: 0, a: 2 } }), /values 0, 1, 2, …, got 2/],
  ["regions without order", () => nnunet({ labels: { background: 0, a: [1, 2] } }), /expected regions_class_order/],
  ["no dataset.json", () => presetOf("nnunet", filesOf({ "plans.json": PLANS })), /expected dataset.json to be given/],
  ["damaged JSON", () => presetOf("bundle", new Map([["metadata.json", "{"]])), /metadata.json is no JSON/],
];

for (const [name, read, why] of REFUSED) {
  Deno.test(`presetOf() refuses ${name}`, () => void assert.throws(read, why));
}

Deno.test("presetOf() reads channels and labels of a MONAI bundle's metadata", () => {
  const pred = { num_channels: 3, format: "segmentation", channel_def: { "0": "background", "1": "a", "2": "b" } };
  const image = { num_channels: 1, channel_def: { "0": "T2" }, spatial_shape: ["8*n", "8*n", "8*n"] };
  const { spec } = presetOf(
    "bundle",
    filesOf({ "metadata.json": { network_data_format: { inputs: { image }, outputs: { pred } } } }),
  );
  assert.deepEqual(spec.modalities, ["t2"]);
  assert.deepEqual(spec.labels?.map(({ name, value }) => [name, value]), [["a", 1], ["b", 2]]);
});

Deno.test("presetKindOf() goes by the files' names", () => {
  assert.equal(presetKindOf(["metadata.json", "model.onnx"]), "bundle");
  assert.equal(presetKindOf(["plans.json", "dataset.json"]), "nnunet");
  assert.equal(presetKindOf(["network.onnx"]), null);
});
