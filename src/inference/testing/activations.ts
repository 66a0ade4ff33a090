/** Networks of one voxel whose outputs state one truth in the way of each activation. */
import { type Graph, GraphBuilder, type Value } from "../../graph/mod.ts";
import { tensor } from "../../tensor/mod.ts";
import type { Triple } from "../../volume/mod.ts";
import type { InferenceSettings, ModelSpec, SegmentationActivation } from "../spec.ts";
import { SPEC } from "./packages.ts";

export const ROI: Triple = [16, 16, 16];

/** Channels a = 4·flair − 2 and b = 1 − 2·t1 + flair, or 0, in the order that is named. */
export function channels(b: GraphBuilder, image: Value, names: readonly ("a" | "b" | "0")[]): Value {
  const taps = { a: [0, 4], b: [-2, 1], 0: [0, 0] }, offsets = { a: -2, b: 1, 0: 0 };
  const kernel = tensor("float32", [names.length, 2, 1, 1, 1], names.flatMap((n) => taps[n]));
  const bias = tensor("float32", [names.length], names.map((n) => offsets[n]));
  return b.op.Conv(image, kernel, bias, { kernel_shape: [1, 1, 1] });
}

/** Label 1 where a is greatest among 0, a and b; label 2 where b is. */
export const TRUTHS: Readonly<Record<SegmentationActivation, (b: GraphBuilder, image: Value) => Value>> = {
  sigmoid(b, image) {
    const own = channels(b, image, ["a", "b"]), other = channels(b, image, ["b", "a"]);
    return b.op.Min(own, b.op.Sub(own, other));
  },
  softmax: (b, image) => channels(b, image, ["0", "a", "b"]),
  probabilities: (b, image) => b.op.Sigmoid(TRUTHS.sigmoid(b, image)),
  "class-probabilities": (b, image) => b.op.Softmax(TRUTHS.softmax(b, image), { axis: 1 }),
  "label-map": (b, image) => b.op.ArgMax(TRUTHS.softmax(b, image), { axis: 1, keepdims: 0 }),
};
export const KINDS = Object.keys(TRUTHS) as SegmentationActivation[];

/** A network of the window {@link ROI}. */
export function graphOf(name: string, make: (b: GraphBuilder, image: Value) => Value): Graph {
  const b = new GraphBuilder();
  return b.build(name, { out: make(b, b.input("image", { dtype: "float32", shape: [1, 2, ...ROI] })) });
}

/** A spec of labels 1 and 2, and an activation. */
export function activatedSpec(
  activation: SegmentationActivation,
  settings: Partial<InferenceSettings> = {},
): ModelSpec {
  const labels = ["one", "two"].map((name, i) => ({ name, value: i + 1, colour: "#ff0000" }));
  return { ...SPEC, labels, inference: { ...SPEC.inference, activation, ...settings } };
}
