/** Samples of the work that passes rewrite, to measure a device with: small, in shapes that networks have. */
import { gradients } from "../autodiff.ts";
import type { GraphBuilder } from "../build/builder.ts";
import type { AttrsOf, Value } from "../ir/ir.ts";
import { tensor } from "../../tensor/mod.ts";
import type { Kind, Sample } from "./pass.ts";

interface ConvSpec {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attrs?: Partial<AttrsOf<"Conv">>;
}

/** [1, C, V³] */
export const cube = (channels: number, edge: number): number[] => [1, channels, edge, edge, edge];

/** A dense convolution 3³ that keeps the size. */
export function dense(from: number, to: number, edge: number): ConvSpec {
  return { x: cube(from, edge), w: [to, from, 3, 3, 3], attrs: { pads: Array<number>(6).fill(1) } };
}

/** A depthwise convolution that keeps the size. */
export function depthwise(x: readonly number[], taps: number): ConvSpec {
  const pads = Array<number>(6).fill((taps - 1) / 2);
  return { x, w: [x[1], 1, taps, taps, taps], attrs: { pads, group: x[1] } };
}

export function convSample({ x, w, attrs = {} }: ConvSpec): Sample {
  return ({ op }, input) => [op.Conv(input(x), input(w), null, attrs)];
}

/** A transposed convolution that doubles the edges. */
export function doublingSample(x: readonly number[], channels: number): Sample {
  const w = [x[1], channels, 2, 2, 2];
  return ({ op }, input) => [op.ConvTranspose(input(x), input(w), null, { strides: [2, 2, 2] })];
}

/** The gradient of a convolution's weights alone. */
export function weightGradientSample({ x, w, attrs = {} }: ConvSpec): Sample {
  return (b, input) => {
    const weights = input(w);
    return gradients(b, weighted(b, b.op.Conv(input(x), weights, null, attrs), input), [weights]);
  };
}

/** Normalisation over the channels of a volume [1, C, V], with its gradients. */
export function channelNormSample(x: readonly number[]): Sample {
  return (b, input) => {
    const { op } = b, turn = { perm: [0, 2, 1] };
    const wanted = [input(x), input([x[1]]), input([x[1]])];
    const tokens = op.LayerNormalization(op.Transpose(wanted[0], turn), wanted[1], wanted[2], { epsilon: 1e-5 });
    const y = op.Transpose(tokens, turn);
    return [y, ...gradients(b, weighted(b, y, input), wanted)];
  };
}

/** BatchNormalization with constant statistics, before or after a convolution 1³ that keeps the channels. */
export function constantNormSample(x: readonly number[], order: "before" | "after"): Sample {
  const channels = x[1];
  const row = tensor("float32", [channels], Array.from({ length: channels }, (_, i) => 1 + i / channels));
  const weights = tensor("float32", [channels, channels, 1, 1, 1], Array<number>(channels ** 2).fill(1 / channels));
  return ({ op }, input) => {
    const norm = (v: Value) => op.BatchNormalization(v, row, row, row, row, { epsilon: 1e-5 });
    const conv = (v: Value) => op.Conv(v, weights, row, {});
    return [order === "before" ? conv(norm(input(x))) : norm(conv(input(x)))];
  };
}

export function channelMeanSample(x: readonly number[]): Sample {
  return ({ op }, input) => [op.ReduceMean(input(x), [1], { keepdims: 1 })];
}

/** A scalar whose gradient with respect to `y` is an input. */
function weighted({ op }: GraphBuilder, y: Value, input: Parameters<Sample>[1]): Value {
  return op.ReduceSum(op.Mul(y, input(y.shape)), null, { keepdims: 0 });
}

/** Two kinds, by the channels of a match's first input: up to `most`, and more. */
export function byChannels(most: number, axis: number, [few, many]: readonly [Sample, Sample]): Kind[] {
  return [
    { name: `up to ${most} channels`, includes: ({ x: [x] }) => x.shape[axis] <= most, sample: few },
    { name: `more than ${most} channels`, includes: () => true, sample: many },
  ];
}
