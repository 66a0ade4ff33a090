import assert from "node:assert/strict";
import { GraphBuilder } from "../graph/mod.ts";
import { tensor } from "../tensor/mod.ts";
import { kindOf, type NetworkSpec } from "./families/families.ts";
import type { Net } from "./families/family.ts";
import { featureDecoder } from "./families/feature_decoder.ts";
import { imageAxes, outputAxes } from "./named_axes.ts";
import { parametersOf } from "./network.ts";

const TINY = { widths: [8, 8, 16, 16], depths: [1, 1, 1, 1], headDim: 8, mlpRatio: 2 };

/** Networks whose configuration names both counts, and that of their outputs. */
const NETWORKS: readonly (NetworkSpec & { readonly outputs?: string })[] = [
  { kind: "uniformer", config: TINY },
  { kind: "uniformer-pretraining", config: TINY },
  { kind: "uniunet", config: TINY, outputs: "outChannels" },
  { kind: "uniformer-classifier", config: { ...TINY, allStages: false }, outputs: "classes" },
  { kind: "uniformer-classifier", config: { ...TINY, allStages: true }, outputs: "classes" },
  { kind: "unet3d", config: { width: 8 }, outputs: "outChannels" },
  { kind: "unet3d-classifier", config: { width: 8 }, outputs: "classes" },
  { kind: "unet3d-pretraining", config: { width: 8 } },
  { kind: "nnunet", config: { features: [4, 8, 8] }, outputs: "outChannels" },
  { kind: "nnunet", config: { features: [4, 8, 8], residual: true }, outputs: "outChannels" },
  { kind: "nnunet-classifier", config: { features: [4, 8] }, outputs: "classes" },
];

/** The axes along which a network's parameters in use grow with a field of its configuration. */
function growing({ kind, config }: NetworkSpec, field: string): [string, number][] {
  const of = (n: number) => parametersOf(kindOf(kind).net({ ...config, [field]: n })).filter((p) => !p.idle);
  const more = new Map(of(6).map((p) => [p.key, p.shape]));
  return of(5).flatMap(({ key, shape }) =>
    shape.flatMap((d, axis): [string, number][] => d === more.get(key)![axis] ? [] : [[key, axis]])
  );
}

for (const { kind, config, outputs } of NETWORKS) {
  Deno.test(`imageAxes() and outputAxes() find every axis of ${kind} ${JSON.stringify(config)} that a count changes`, () => {
    const net = (fields: Record<string, number>) => kindOf(kind).net({ ...config, ...fields });
    const { axes, opaque } = imageAxes(net({ inChannels: 5 }));
    assert.deepEqual([[...axes], opaque], [growing({ kind, config }, "inChannels"), null]);
    assert.ok(axes.size > 0);
    if (outputs === undefined) return;
    const found = outputAxes(net({ [outputs]: 5 }), net({ [outputs]: 6 }));
    assert.deepEqual([...found], growing({ kind, config }, outputs));
    assert.ok(found.size >= 2, "weight and bias");
  });
}

/** A foreign encoder [1, 2, 8, 8, 8] → [1, 4, 4, 4, 4] that does something to the image first. */
function foreign(
  before: (b: GraphBuilder, image: ReturnType<GraphBuilder["input"]>) => ReturnType<GraphBuilder["input"]>,
): Net {
  const b = new GraphBuilder();
  const image = before(b, b.input("image", { dtype: "float32", shape: [1, 2, 8, 8, 8] }));
  const shape = [4, image.shape[1], 2, 2, 2];
  const kernel = b.constant(tensor("float32", shape, new Float32Array(shape.reduce((a, d) => a * d))), "first.weight");
  const graph = b.build("foreign", { map: b.op.Conv(image, kernel, null, { strides: [2, 2, 2] }) });
  return featureDecoder({ graph, features: ["map"] }, { outChannels: 1, stemWidth: 2, maxWidth: 4 });
}

Deno.test("imageAxes() follows a foreign network's image through scales and its own normalisation", () => {
  const scaled = imageAxes(foreign((b, image) => b.op.Div(b.op.Sub(image, 0.5), 2)));
  assert.deepEqual([[...scaled.axes].toSorted(), scaled.opaque], [[["decoder.proj1.proj.weight", 1], [
    "first.weight",
    1,
  ]], null]);
  const normalised = imageAxes(foreign((b, image) => {
    const numbers = (name: string) => b.constant(tensor("float32", [2], Float32Array.of(1, 2)), name);
    const [scale, bias, mean, variance] = ["bn.scale", "bn.bias", "bn.mean", "bn.var"].map(numbers);
    return b.op.BatchNormalization(image, scale, bias, mean, variance, { epsilon: 1e-5 });
  }));
  assert.deepEqual([normalised.axes.get("bn.mean"), normalised.axes.get("first.weight"), normalised.opaque], [
    0,
    1,
    null,
  ]);
});

Deno.test("imageAxes() names the operator that hides which channel a weight reads", () => {
  assert.equal(imageAxes(foreign((b, image) => b.op.Concat(image, image, { axis: 1 }))).opaque, "Concat");
  assert.equal(imageAxes(foreign((b, image) => b.op.Add(image, b.op.Mul(image, 2)))).opaque, "Add");
});
