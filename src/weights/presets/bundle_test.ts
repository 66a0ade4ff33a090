import assert from "node:assert/strict";
import { presetOf } from "./mod.ts";

const METADATA = {
  network_data_format: {
    inputs: {
      image: { num_channels: 2, channel_def: { "0": "T1c", "1": "FLAIR" }, spatial_shape: ["8*n", "8*n", "8*n"] },
    },
    outputs: {
      pred: { num_channels: 3, format: "segmentation", channel_def: { "0": "background", "1": "a", "2": "b" } },
    },
  },
};
const REGIONS = {
  network_data_format: {
    ...METADATA.network_data_format,
    outputs: {
      pred: { num_channels: 3, channel_def: { "0": "Tumor core", "1": "Whole tumor", "2": "Enhancing tumor" } },
    },
  },
};
const LOAD = [{ _target_: "LoadImaged", keys: "image" }, { _target_: "EnsureChannelFirstd", keys: "image" }];
const INFERER = { _target_: "SlidingWindowInferer", roi_size: [64, 48, 32], overlap: 0.5, mode: "gaussian" };
const SOFTMAX = [
  { _target_: "Activationsd", keys: "pred", softmax: true },
  { _target_: "Invertd", keys: "pred", transform: "@preprocessing" },
  { _target_: "AsDiscreted", keys: "pred", argmax: true },
];
const SIGMOID = [
  { _target_: "Activationsd", keys: "pred", sigmoid: true },
  { _target_: "AsDiscreted", keys: "pred", threshold: 0.4 },
];
type Parts = { before?: object[]; after?: object[]; inferer?: unknown; metadata?: object; others?: object };
function bundle({ before = [], after = SOFTMAX, inferer = INFERER, metadata = METADATA, others = {} }: Parts) {
  const inference = {
    ...others,
    preprocessing: { _target_: "Compose", transforms: [...LOAD, ...before] },
    inferer,
    postprocessing: { _target_: "Compose", transforms: after },
  };
  const files = { "metadata.json": metadata, "inference.json": inference };
  return presetOf("bundle", new Map(Object.entries(files).map(([name, value]) => [name, JSON.stringify(value)])));
}
const on = (name: string, more: object = {}) => ({ _target_: name, keys: "image", ...more });

Deno.test("presetOf() reads a bundle's transforms in their order", () => {
  const { preprocessing, inference, spec, notes } = bundle({
    before: [
      on("Orientationd", { axcodes: "LPS" }),
      on("monai.transforms.Spacingd", { pixdim: [1, 1, 1.5], mode: ["bilinear"] }),
      on("CropForegroundd", { source_key: "image", margin: 3 }),
      on("NormalizeIntensityd", { nonzero: true, channel_wise: true }),
      on("EnsureTyped", { device: "$torch.device('cpu')" }),
    ],
  });
  assert.deepEqual(preprocessing, {
    spacingMm: [1, 1, 1.5],
    normalisation: [{ kind: "z-score", over: "nonzero" }],
    order: ["resample", "crop", "normalise"],
    orientation: "LPS",
    interpolation: "linear",
    alignment: "origin",
    foreground: "positive",
    foregroundMargin: 3,
  });
  assert.deepEqual([inference.roi, inference.overlap, inference.blending], [[64, 48, 32], 0.5, "gaussian"]);
  assert.deepEqual([inference.activation, inference.restored], ["softmax", "probabilities"]);
  assert.deepEqual([spec.modalities, spec.labels?.map((l) => [l.name, l.value])], [["t1c", "flair"], [["a", 1], [
    "b",
    2,
  ]]]);
  assert.deepEqual(notes, []);
});

Deno.test("presetOf() leaves files as they are where a bundle has no Orientation, Spacing and crop", () => {
  const { preprocessing } = bundle({ before: [on("ScaleIntensityd", { channel_wise: true })] });
  assert.equal(preprocessing.spacingMm, null);
  assert.equal(preprocessing.orientation, "file");
  assert.deepEqual([preprocessing.foreground, preprocessing.foregroundMargin], ["whole", null]);
  assert.deepEqual(preprocessing.normalisation, [{ kind: "min-max", over: "volume", to: [0, 1] }]);
});

Deno.test("presetOf() paints a bundle's nested regions from the outer to the inner one", () => {
  const { spec, inference } = bundle({ metadata: REGIONS, after: SIGMOID });
  assert.deepEqual(spec.labels?.map((l) => [l.name, l.value]), [
    ["Tumor core", 1],
    ["Whole tumor", 2],
    ["Enhancing tumor", 3],
  ]);
  assert.deepEqual([inference.activation, inference.threshold, inference.paintOrder], ["sigmoid", 0.4, [2, 1, 3]]);
  const plain = bundle({ metadata: REGIONS, after: SIGMOID.slice(1) });
  assert.equal(plain.inference.activation, "probabilities", "a threshold alone compares the output itself");
});

Deno.test("presetOf() resolves references and plain expressions, and runs nothing", () => {
  const { inference } = bundle({
    others: { edge: "$(80, 64, 48)", size: "@edge", net: { roi: "$@size" } },
    inferer: { ...INFERER, roi_size: "@net::roi", sw_device: "$__import__('os').getcwd()" },
  });
  assert.deepEqual(inference.roi, [80, 64, 48]);
});

const INTENSITIES: readonly [string, object[], object][] = [
  ["NormalizeIntensityd over all channels", [on("NormalizeIntensityd", { nonzero: true })], {
    kind: "z-score",
    over: "nonzero",
    joint: true,
  }],
  ["fixed numbers", [on("NormalizeIntensityd", { subtrahend: 10, divisor: [2] })], {
    kind: "fixed",
    mean: 10,
    deviation: 2,
  }],
  ["a range", [on("ScaleIntensityRanged", { a_min: -57, a_max: 164, b_min: 0, b_max: 1, clip: true })], {
    kind: "range",
    from: [-57, 164],
    to: [0, 1],
    clip: true,
  }],
  ["percentiles", [
    on("ScaleIntensityRangePercentilesd", { lower: 1, upper: 99, b_min: -1, b_max: 1, channel_wise: true }),
  ], { kind: "percentiles", over: "volume", lower: 1, upper: 99, to: [-1, 1], clip: false }],
  ["a straight map before a z-score", [
    on("ScaleIntensityd", { channel_wise: true }),
    on("NormalizeIntensityd", { channel_wise: true }),
  ], { kind: "z-score", over: "volume" }],
  ["clipped percentiles before a z-score", [
    on("ClipIntensityPercentilesd", { lower: 0.5, upper: 99.5, channel_wise: true }),
    on("NormalizeIntensityd", { channel_wise: true }),
  ], { kind: "z-score", over: "volume", clipPercentiles: [0.5, 99.5] }],
];
for (const [name, before, expected] of INTENSITIES) {
  Deno.test(`presetOf() reads ${name} of a bundle`, () => {
    assert.deepEqual(bundle({ before }).preprocessing.normalisation, [expected]);
  });
}

const STEPS: readonly [string, object, object][] = [
  ["KeepLargestConnectedComponentd", { applied_labels: [2] }, { kind: "largest-component", labels: ["b"] }],
  ["FillHolesd", {}, { kind: "fill-holes" }],
  ["RemoveSmallObjectsd", { min_size: 20, connectivity: 3 }, { kind: "smallest-size", voxels: 20 }],
];
for (const [name, more, expected] of STEPS) {
  Deno.test(`presetOf() reads ${name} of a bundle`, () => {
    const { inference } = bundle({ after: [...SOFTMAX, { _target_: name, keys: "pred", ...more }] });
    assert.deepEqual(inference.postprocessing, [expected]);
  });
}

const REFUSED: readonly [string, Parts, RegExp][] = [
  [
    "a transform that it does not know",
    { before: [on("scripts.custom.Warpd")] },
    /Warp: expected a transform that is done here/,
  ],
  [
    "an expression",
    { before: [on("Spacingd", { pixdim: "$[1.0] * 3" })] },
    /pixdim to be a number .*"\$\[1\.0\] \* 3", which is not run/,
  ],
  [
    "a step that an expression may switch off",
    { before: [on("Resized", { _disabled_: "$not @fast" })] },
    /expected _disabled_ to be true or false, got the expression/,
  ],
  ["a reference to nothing", { inferer: { ...INFERER, roi_size: "@nowhere" } }, /"@nowhere" to name an entry/],
  [
    "references in a circle",
    { others: { a: "@b", b: "@a" }, inferer: { ...INFERER, roi_size: "@a" } },
    /at most 32 steps/,
  ],
  ["two maps that do not replace each other", {
    before: [on("NormalizeIntensityd", { channel_wise: true }), on("ScaleIntensityRanged", { a_min: 0, a_max: 1 })],
  }, /a second one after it/],
  [
    "a resize before a segmentation",
    { before: [on("Resized", { spatial_size: [64, 64, 64] })] },
    /Resize: expected no change/,
  ],
  [
    "padding beyond the window",
    { before: [on("SpatialPadd", { spatial_size: [96, 96, 96] })] },
    /SpatialPad: expected/,
  ],
  ["a threshold beside a background", { after: SIGMOID }, /expected argmax, as the first output channel/],
  ["another inferer", { inferer: { _target_: "SliceInferer" } }, /got SliceInferer/],
];
for (const [name, parts, why] of REFUSED) {
  Deno.test(`presetOf() refuses ${name} in a bundle`, () => void assert.throws(() => bundle(parts), why));
}

Deno.test("presetOf() says what it cannot take from a bundle without inference.json", () => {
  const { notes, inference } = presetOf("bundle", new Map([["metadata.json", JSON.stringify(METADATA)]]));
  assert.equal(inference.activation, "softmax");
  assert.match(notes[0], /no inference\.json stands beside metadata\.json \(YAML is not read\)/);
});
