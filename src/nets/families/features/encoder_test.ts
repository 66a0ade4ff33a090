import assert from "node:assert/strict";
import { encodeModel, evaluate, GraphBuilder, importModel } from "../../../graph/mod.ts";
import { Random, tensor } from "../../../tensor/mod.ts";
import { sizeOf } from "../../../tensor/tensor.ts";
import { encoderOf } from "./encoder.ts";
import { storedMaps } from "./weights.ts";

const random = new Random(5);
const drawn = (shape: readonly number[]) =>
  tensor("float32", shape, Array.from({ length: sizeOf(shape) }, () => random.normal()));
const filled = (shape: readonly number[], value: number) => tensor("float32", shape, Array(sizeOf(shape)).fill(value));

Deno.test("encoderOf() trains what the source trained and says why the rest stays", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const given = (name: string, t: ReturnType<typeof drawn>) => b.constant(t, name);
  const image = b.input("image", { dtype: "float32", shape: [1, 2, 4, 4, 4] });
  const scaled = op.Div(op.Sub(image, given("mean", drawn([2, 1, 1, 1]))), given("input.std", drawn([2, 1, 1, 1])));
  const conv = op.Conv(scaled, given("onnx::Conv_12", drawn([4, 2, 1, 1, 1])), given("onnx::Conv_13", drawn([4])), {});
  const plain = op.InstanceNormalization(conv, given("val_1", filled([4], 1)), given("val_2", filled([4], 0)), {});
  const affine = op.Add(op.Mul(plain, given("val_3", filled([4, 1, 1, 1], 1))), given("n.bias", drawn([4, 1, 1, 1])));
  const bn = op.BatchNormalization(
    affine,
    given("bn.weight", drawn([4])),
    given("bn.bias", drawn([4])),
    given("bn.running_mean", filled([4], 0)),
    given("bn.running_var", filled([4], 1)),
    {},
  );
  const act = op.PRelu(bn, given("val_4", filled([1, 1, 1, 1], 0.25)));
  const tokens = op.Transpose(op.Reshape(act, [1, 4, 64]), { perm: [0, 2, 1] });
  const sines = Array.from({ length: 256 }, (_, i) => i % 4 < 2 ? Math.sin(i >> 1 << 1) : Math.cos((i >> 1 << 1) - 2));
  const placed = op.Add(
    op.Add(tokens, given("pos_embed", drawn([1, 64, 4]))),
    given("embed.position_embeddings", tensor("float32", [1, 64, 4], sines)),
  );
  const table = op.Reshape(
    op.Gather(
      given("attn.relative_position_bias_table", drawn([9, 1])),
      tensor(
        "int64",
        [64 * 64],
        Array.from({ length: 64 * 64 }, (_, i) => i % 9),
      ),
      {},
    ),
    [1, 64, 64],
  );
  const hidden = op.Relu(
    op.MatMul(given("attn.relative_coords_table", drawn([64, 3])), given("cpb.weight", drawn([3, 64]))),
  );
  const scores = op.Mul(
    op.MatMul(placed, op.Transpose(placed, { perm: [0, 2, 1] })),
    given("attn.logit_scale", filled([], 3)),
  );
  const mask = Array.from({ length: 64 * 64 }, (_, i) => (i % 5 === 0 ? -100 : 0));
  const masked = op.Add(
    op.Add(op.Add(op.Div(scores, 2), table), hidden),
    given("val_5", tensor("float32", [1, 64, 64], mask)),
  );
  const mixed = op.MatMul(op.Softmax(masked, { axis: -1 }), placed);
  const fixed = op.Add(mixed, given("Constant_7", drawn([1, 64, 4])));
  const graph = b.build("net", { out: op.Mul(fixed, given("gamma", drawn([4]))) });
  const { constants } = encoderOf({ graph, features: ["out"] });
  assert.deepEqual(constants.trained.toSorted(), [
    "attn.logit_scale",
    "attn.relative_position_bias_table",
    "bn.bias",
    "bn.weight",
    "cpb.weight",
    "gamma",
    "n.bias",
    "onnx::Conv_12",
    "onnx::Conv_13",
    "pos_embed",
    "val_3",
    "val_4",
  ]);
  assert.deepEqual(constants.statistics, ["bn.running_mean", "bn.running_var"]);
  const { "a number of the graph": numbers, ...kept } = constants.kept;
  assert.equal(numbers.length, 1, "the divisor");
  assert.deepEqual(kept, {
    "it normalises the image": ["mean"],
    "a buffer by its name": ["input.std", "attn.relative_coords_table"],
    "ones and zeros of a normalisation without weights": ["val_1", "val_2"],
    "a grid of sines and cosines": ["embed.position_embeddings"],
    "an attention mask": ["val_5"],
    "a constant without a name of its own": ["Constant_7"],
  });
  assert.deepEqual([constants.untied, constants.tied], [{}, []]);
});

Deno.test("encoderOf() parts equal numbers that exporters merge and leaves learnt ties", () => {
  const b = new GraphBuilder();
  const { op } = b;
  let x = b.input("image", { dtype: "float32", shape: [1, 2, 3, 3, 3] });
  const image = x;
  const ones = b.constant(filled([2], 1), "a.norm.weight"), zeros = b.constant(filled([2], 0), "a.norm.bias");
  const slope = b.constant(filled([1], 0.25), "act.weight"), learnt = b.constant(filled([1], 0.3), "shared.weight");
  const tied = b.constant(drawn([2, 2, 1, 1, 1]), "conv.weight");
  const moved = op.Reshape(slope, [1, 1, 1, 1]);
  for (let i = 0; i < 2; i++) {
    x = op.InstanceNormalization(op.Conv(x, tied, null, {}), ones, zeros, {});
    x = op.PRelu(op.PRelu(x, moved), op.Reshape(learnt, [1, 1, 1, 1]));
  }
  const graph = b.build("net", { out: x });
  const { graph: apart, constants } = encoderOf({ graph, features: ["out"] });
  assert.deepEqual(constants.untied, { "a.norm.weight": 2, "a.norm.bias": 2, "act.weight": 2 });
  assert.deepEqual(constants.tied, ["shared.weight", "conv.weight"]);
  assert.deepEqual(constants.trained.filter((name) => name.includes("#")), [
    "a.norm.weight#2",
    "a.norm.bias#2",
    "act.weight#2",
  ]);
  const feeds = { image: drawn(image.shape) };
  assert.deepEqual(evaluate(apart, feeds).out, evaluate(graph, feeds).out);
  const normalised = apart.nodes.filter((n) => n.op === "InstanceNormalization").map((n) => n.inputs[1]);
  assert.deepEqual(normalised, ["a.norm.weight", "a.norm.weight#2"]);
});

Deno.test("encoderOf() keeps weights that no gradient reaches, which an optimizer would only shrink", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const image = b.input("image", { dtype: "float32", shape: [1, 2, 3, 3, 3] });
  const stopped = op.Round(op.Conv(image, b.constant(drawn([2, 2, 1, 1, 1]), "first.weight"), null, {}));
  const out = op.Conv(stopped, b.constant(drawn([2, 2, 1, 1, 1]), "second.weight"), null, {});
  const { constants } = encoderOf({ graph: b.build("net", { out }), features: ["out"] });
  assert.deepEqual(constants.trained, ["second.weight"]);
  assert.deepEqual(constants.kept, { "no gradient reaches it": ["first.weight"] });
});

Deno.test("encoderOf() trains a learnt temperature behind an exponential, as files hold it", () => {
  const b = new GraphBuilder();
  const image = b.input("image", { dtype: "float32", shape: [1, 2, 3, 3, 3] });
  const temperature = b.op.Exp(b.constant(filled([], 1.5), "attn.logit_scale"));
  const bytes = encodeModel(b.build("net", { out: b.op.Mul(image, temperature) }));
  const { constants } = encoderOf({ graph: importModel(bytes), features: ["out"] });
  assert.deepEqual(constants.trained, ["attn.logit_scale"]);
});

Deno.test("storedMaps() names constants that may be values of the exporter's image, and no weights", () => {
  const b = new GraphBuilder();
  const { op } = b;
  const given = (name: string, shape: readonly number[]) => b.constant(drawn(shape), name);
  const image = b.input("image", { dtype: "float32", shape: [1, 2, 4, 4, 4] });
  const conv = op.Conv(image, given("onnx::Conv_1", [4, 2, 3, 3, 3]), given("onnx::Conv_2", [4]), {
    pads: Array(6).fill(1),
  });
  const placed = op.Add(conv, given("net.pos_embed", [1, 4, 4, 4, 4]));
  const joined = op.Concat(placed, given("/layer/Constant_output_0", [1, 4, 4, 4, 4]), { axis: 1 });
  const graph = importModel(encodeModel(b.build("traced", { y: joined })));
  assert.deepEqual(storedMaps(graph), ["/layer/Constant_output_0"]);
});
