import assert from "node:assert/strict";
import { sizeOf, tensor, toNumbers } from "../../tensor/mod.ts";
import { fromOfficialAxes, fromOfficialLayout, officialEntries, toOfficialAxes, toOfficialLayout } from "./layout.ts";

const counting = (shape: number[]) => tensor("float32", shape, Array.from({ length: sizeOf(shape) }, (_, i) => i));

Deno.test("toOfficialAxes() is PyTorch's permute(0, 1, 4, 2, 3)", () => {
  // element [0, 0, x, y, z] = 12x + 4y + z
  const t = toOfficialAxes(counting([1, 1, 2, 3, 4]));
  assert.deepEqual(t.shape, [1, 1, 4, 2, 3]);
  assert.deepEqual(toNumbers(t).slice(0, 8), [0, 4, 8, 12, 16, 20, 1, 5]);
});

Deno.test("fromOfficialAxes() undoes toOfficialAxes() on every block and dtype", () => {
  const t = counting([2, 3, 2, 3, 4]);
  assert.deepEqual(fromOfficialAxes(toOfficialAxes(t)), t);
  const integers = tensor("int64", [1, 2, 1, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
  assert.deepEqual(fromOfficialAxes(toOfficialAxes(integers)), integers);
  assert.throws(() => toOfficialAxes(counting([2, 3])), {
    name: "RangeError",
    message: "Cannot permute axes: expected [A, B, X, Y, Z], got [2,3]",
  });
});

Deno.test("fromOfficialLayout() transposes the kernels that see permuted volumes, and no others", () => {
  const kernel = counting([2, 1, 3, 3, 3]);
  const moved = [
    "encoder.patch_embed1.proj.weight",
    "encoder.uniformer.blocks1.0.attn.weight",
    "module.encoder.uniformer.blocks3.1.pos_embed.weight",
    "decoder.proj1.proj.weight",
  ];
  const kept = [
    "decoder.decoder5.transp_conv.conv.weight",
    "decoder.decoder2.conv_block.conv1.conv.weight",
    "conv1a.weight",
  ];
  const kind = "uniunet";
  for (const key of moved) {
    assert.deepEqual(fromOfficialLayout(kernel, { kind, key }), fromOfficialAxes(kernel), key);
    assert.deepEqual(toOfficialLayout(fromOfficialLayout(kernel, { kind, key }), { kind, key }), kernel, key);
  }
  for (const key of kept) assert.equal(fromOfficialLayout(kernel, { kind, key }), kernel, key);
  for (const key of [...kept, ...moved]) assert.equal(fromOfficialLayout(kernel, { kind: "unet3d", key }), kernel, key);
  const matrix = counting([6, 2]);
  assert.equal(fromOfficialLayout(matrix, { kind, key: "encoder.blocks3.0.attn.qkv.weight" }), matrix);
});

Deno.test("officialEntries() gives the 352 entries and 105,740,161 parameters of a pre-training checkpoint", () => {
  const entries = officialEntries({ kind: "uniformer-pretraining", config: {} }, { template: [8, 240, 240, 155] });
  assert.equal(entries.length, 352);
  const trainable = entries.filter((e) => !/running_|num_batches/.test(e.officialKey));
  const count = (part: typeof entries) => part.reduce((n, e) => n + sizeOf(e.shape), 0);
  assert.equal(count(trainable), 105_740_161);
  assert.equal(count(entries.filter((e) => e.idle)), 10_540_928);
  assert.equal(count(trainable.filter((e) => e.officialKey.startsWith("decoder."))), 12_277_697);
});

/** docs/method A.1.3, with braces expanded as a shell does. */
const PRETRAINING_KEYS = [
  "rep_template",
  "encoder.uniformer.patch_embed{1,2,3,4}.{proj,norm}.{weight,bias}",
  "encoder.uniformer.blocks1.{0,1,2}.{pos_embed,conv1,conv2,attn,mlp.fc1,mlp.fc2,norm1,norm2}.{weight,bias}",
  "encoder.uniformer.blocks2.{0,1,2,3}.{pos_embed,conv1,conv2,attn,mlp.fc1,mlp.fc2,norm1,norm2}.{weight,bias}",
  "encoder.uniformer.blocks1.{0,1,2}.norm{1,2}.{running_mean,running_var,num_batches_tracked}",
  "encoder.uniformer.blocks2.{0,1,2,3}.norm{1,2}.{running_mean,running_var,num_batches_tracked}",
  "encoder.uniformer.blocks3.{0,1,2,3,4,5,6,7}.{pos_embed,norm1,norm2,attn.qkv,attn.proj,mlp.fc1,mlp.fc2}.{weight,bias}",
  "encoder.uniformer.blocks4.{0,1,2}.{pos_embed,norm1,norm2,attn.qkv,attn.proj,mlp.fc1,mlp.fc2}.{weight,bias}",
  "encoder.uniformer.norm.{weight,bias,running_mean,running_var,num_batches_tracked}",
  "decoder.decoder{5,4,3,2}.transp_conv.conv.weight",
  "decoder.decoder{5,4,3,2}.conv_block.conv{1,2,3}.conv.weight",
  "decoder.proj1.{proj,norm}.{weight,bias}",
  "decoder.out_1.conv.conv.{weight,bias}",
];

/** docs/method A.2.2 besides the encoder. */
const UNIUNET_KEYS = [
  "decoder.decoder{5,4,3,2}.transp_conv.conv.weight",
  "decoder.decoder{5,4,3,2}.conv_block.conv{1,2,3}.conv.weight",
  "decoder.proj1.{proj,norm}.{weight,bias}",
  "decoder.out.conv.conv.{weight,bias}",
  "ms_out.{0,1}.{weight,bias}",
];

/** docs/method A.3 with deep supervision. */
const UNET3D_KEYS = [
  "{conv1a,ds1,ds2,ds3,up4conva,up3conva,up2conva,up1conv}.{weight,bias}",
  "{conv1b,conv2a,conv2b,conv3a,conv3b,conv4a,conv4b,conv4c,conv4d}.{gn1,conv1,gn2,conv2}.{weight,bias}",
  "{up4convb,up3convb,up2convb}.{gn1,conv1,gn2,conv2}.{weight,bias}",
  "ds_out.{0,1}.{weight,bias}",
];

function expand(pattern: string): string[] {
  const found = /^(.*?)\{(.*?)\}(.*)$/.exec(pattern);
  if (found === null) return [pattern];
  const [, before, options, after] = found;
  return options.split(",").flatMap((option) => expand(after).map((rest) => before + option + rest));
}

Deno.test("officialEntries() lists exactly the keys of docs/method, in ASCII order", () => {
  const keys = (...args: Parameters<typeof officialEntries>) => officialEntries(...args).map((e) => e.officialKey);
  const pretraining = PRETRAINING_KEYS.flatMap(expand);
  assert.deepEqual(
    keys({ kind: "uniformer-pretraining", config: {} }, { template: [2, 8, 8, 8] }),
    pretraining.toSorted(),
  );
  const encoder = pretraining.filter((k) => k.startsWith("encoder.")).map((k) => k.replace("uniformer.", ""));
  assert.deepEqual(keys({ kind: "uniunet", config: {} }), [...encoder, ...UNIUNET_KEYS.flatMap(expand)].toSorted());
  assert.deepEqual(keys({ kind: "unet3d", config: {} }), UNET3D_KEYS.flatMap(expand).toSorted());
});

Deno.test("officialEntries() maps official keys to those of nets, counters and templates to none", () => {
  const entries = officialEntries({ kind: "uniformer-pretraining", config: {} }, { template: [8, 240, 240, 155] });
  const find = (key: string) => entries.find((e) => e.officialKey === key);
  assert.deepEqual(find("encoder.uniformer.blocks1.0.attn.weight"), {
    officialKey: "encoder.uniformer.blocks1.0.attn.weight",
    key: "encoder.blocks1.0.attn.weight",
    dtype: "float32",
    shape: [64, 1, 5, 5, 5],
    idle: false,
  });
  assert.deepEqual(find("encoder.uniformer.norm.num_batches_tracked"), {
    officialKey: "encoder.uniformer.norm.num_batches_tracked",
    key: null,
    dtype: "int64",
    shape: [],
    idle: false,
  });
  assert.equal(find("rep_template")?.key, null);
  assert.equal(find("decoder.decoder5.conv_block.conv1.conv.weight")?.idle, true);
});
