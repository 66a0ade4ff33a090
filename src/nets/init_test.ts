import assert from "node:assert/strict";
import { toNumbers } from "../tensor/mod.ts";
import type { NetworkSpec } from "./families/families.ts";
import { initialWeights } from "./network.ts";
import { UNIUNET } from "./families/uni_unet.ts";

const SMALL: NetworkSpec = {
  kind: "uniunet",
  config: { ...UNIUNET, widths: [16, 32, 64, 64], depths: [1, 1, 1, 1], headDim: 32, stemWidth: 16 },
};

const statistics = (values: number[]) => {
  const mean = values.reduce((s, v) => s + v, 0) / values.length;
  return {
    mean,
    std: Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / values.length),
    max: values.reduce((m, v) => Math.max(m, Math.abs(v)), 0),
  };
};

Deno.test("initialWeights() is reproducible, and another with another seed", () => {
  const key = "encoder.blocks1.0.conv1.weight";
  const [a, b, c] = [1, 1, 2].map((seed) => toNumbers(initialWeights(SMALL, { seed }).get(key)!));
  assert.deepEqual(a, b);
  assert.notDeepEqual(a, c);
});

Deno.test("initialWeights() draws a key's weights independently of the rest of the network", () => {
  const key = "encoder.blocks1.0.conv1.weight";
  const deeper = { ...SMALL, config: { ...SMALL.config, depths: [2, 1, 1, 1] } };
  assert.deepEqual(initialWeights(deeper, { seed: 1 }).get(key), initialWeights(SMALL, { seed: 1 }).get(key));
});

/** Key → standard deviation of docs/method A.0, A.1.1 and A.2.2. */
const NORMAL: Readonly<Record<string, number>> = {
  "encoder.patch_embed3.proj.weight": Math.sqrt(2 / (64 * 8)),
  "encoder.blocks2.0.attn.weight": Math.sqrt(2 / (32 * 125)),
  "encoder.blocks2.0.mlp.fc1.weight": Math.sqrt(2 / 128),
  "encoder.blocks3.0.pos_embed.weight": Math.sqrt(2 / (64 * 27)),
  "decoder.decoder5.conv_block.conv1.conv.weight": Math.sqrt(2 / (64 * 27)),
  "decoder.proj1.proj.weight": Math.sqrt(2 / (16 * 27)),
};

/** Key → bound. */
const UNIFORM: Readonly<Record<string, number>> = {
  "encoder.blocks3.0.attn.qkv.weight": 1 / Math.sqrt(64),
  "encoder.blocks3.0.attn.qkv.bias": 1 / Math.sqrt(64),
  "encoder.blocks3.0.mlp.fc2.bias": 1 / Math.sqrt(256),
  // PyTorch takes the output channels for the fan of a transposed convolution
  "decoder.decoder4.transp_conv.conv.weight": 1 / Math.sqrt(32 * 8),
  "ms_out.0.weight": 1 / Math.sqrt(32),
};

Deno.test("initialWeights() draws convolutions from N(0, 2/fan_out) with zero bias", () => {
  const weights = initialWeights(SMALL, { seed: 3 });
  for (const [key, std] of Object.entries(NORMAL)) {
    const values = toNumbers(weights.get(key)!);
    const actual = statistics(values);
    const tolerance = 5 * std / Math.sqrt(values.length); // five standard errors of the mean, seven of the deviation
    assert.ok(Math.abs(actual.std - std) < tolerance, `${key}: std ${actual.std}, expected ${std} ± ${tolerance}`);
    assert.ok(Math.abs(actual.mean) < tolerance, `${key}: mean ${actual.mean}, expected 0 ± ${tolerance}`);
    assert.ok(actual.max > 2 * std, `${key}: no tail beyond two standard deviations`);
    const bias = weights.get(key.replace(/weight$/, "bias"));
    if (bias !== undefined) assert.ok(toNumbers(bias).every((v) => v === 0), key);
  }
});

Deno.test("initialWeights() draws linear layers, transposed convolutions and extra heads from U(±1/√fan_in)", () => {
  const weights = initialWeights(SMALL, { seed: 3 });
  for (const [key, bound] of Object.entries(UNIFORM)) {
    const { max, std } = statistics(toNumbers(weights.get(key)!));
    assert.ok(max <= bound && max > 0.9 * bound, `${key}: largest ${max}, expected just below ${bound}`);
    assert.ok(Math.abs(std / bound - 1 / Math.sqrt(3)) < 0.12, `${key}: std ${std} is not uniform on ±${bound}`);
  }
});

Deno.test("initialWeights() starts norms at 1 and 0 and statistics at 0 and 1", () => {
  const weights = initialWeights(SMALL, { seed: 3 });
  for (const norm of ["encoder.norm", "encoder.blocks1.0.norm1", "encoder.blocks3.0.norm2", "decoder.proj1.norm"]) {
    assert.ok(toNumbers(weights.get(`${norm}.weight`)!).every((v) => v === 1), norm);
    assert.ok(toNumbers(weights.get(`${norm}.bias`)!).every((v) => v === 0), norm);
  }
  assert.ok(toNumbers(weights.get("encoder.norm.running_mean")!).every((v) => v === 0));
  assert.ok(toNumbers(weights.get("encoder.norm.running_var")!).every((v) => v === 1));
});

Deno.test("initialWeights() of UNET3D follows PyTorch's defaults and leaves idle parameters out", () => {
  const weights = initialWeights({ kind: "unet3d", config: { width: 16 } }, { seed: 3 });
  const { max } = statistics(toNumbers(weights.get("conv4d.conv2.weight")!));
  const bound = 1 / Math.sqrt(128 * 27);
  assert.ok(max <= bound && max > 0.99 * bound, `largest ${max}, expected just below ${bound}`);
  const { max: bias } = statistics(toNumbers(weights.get("conv4d.conv2.bias")!));
  assert.ok(bias <= bound && bias > 0.9 * bound, `largest bias ${bias}, expected just below ${bound}`);
  const config = { ...SMALL.config };
  for (const field of ["outChannels", "multiScale"]) delete (config as Record<string, unknown>)[field];
  const pretraining = initialWeights({ kind: "uniformer-pretraining", config }, { seed: 3 });
  assert.ok(pretraining.has("decoder.decoder5.transp_conv.conv.weight"));
  assert.ok(!pretraining.has("decoder.decoder5.conv_block.conv1.conv.weight"));
});
