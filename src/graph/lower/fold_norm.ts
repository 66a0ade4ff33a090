/**
 * Batch normalisation for inference: with constant statistics it is x·f + s for every channel, and a convolution with
 * constant weights beside it takes both into its own weights and bias.
 */
import type { Value } from "../ir/ir.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../tensor/mod.ts";
import type { Kind, Match, Pass } from "./pass.ts";
import { constantNormSample, cube } from "./samples.ts";

const kinds = (order: "before" | "after"): Kind[] => [
  { name: "any", includes: () => true, sample: constantNormSample(cube(32, 32), order) },
];

/** A convolution's weights and its bias, or zeros. */
interface Weights {
  readonly w: Tensor;
  readonly b: readonly number[];
}

/** f = γ/√(σ² + ε) and s = β − μ·f, of γ, β, μ and σ². */
function affine(vectors: readonly Tensor[], epsilon: unknown): { factor: number[]; shift: number[] } {
  const [scale, bias, mean, variance] = vectors.map(toNumbers);
  const factor = scale.map((g, c) => g / Math.sqrt(variance[c] + Number(epsilon)));
  return { factor, shift: bias.map((b, c) => b - mean[c] * factor[c]) };
}

/** Where element `i` of a tensor lies along an axis. */
function placeAlong(axis: number, { shape }: Tensor): (i: number) => number {
  const each = sizeOf(shape.slice(axis + 1));
  return (i) => Math.floor(i / each) % shape[axis];
}

function scaled(w: Tensor, factor: readonly number[], axis: number): Tensor {
  const place = placeAlong(axis, w);
  return tensor(w.dtype, w.shape, toNumbers(w).map((v, i) => v * factor[place(i)]));
}

/** All of the tensors, or nothing. */
const complete = (tensors: readonly (Tensor | undefined)[]): readonly Tensor[] | undefined =>
  tensors.every((t) => t !== undefined) ? tensors : undefined;

const constantsOf = ({ constantOf }: Match, values: readonly (Value | null)[]) =>
  complete(values.map((v) => constantOf(v!)));

const weightsOf = ([w, b]: readonly Tensor[], channels: number): Weights => ({
  w,
  b: b === undefined ? Array<number>(channels).fill(0) : toNumbers(b),
});

/** A convolution, then BatchNormalization: w·f and b·f + s. */
export const NORM_AFTER_CONV: Pass = {
  name: "norm-after-conv",
  op: "BatchNormalization",
  check: (match) => {
    const { producers: [conv], constants } = match;
    if (conv?.op !== "Conv" && conv?.op !== "ConvTranspose") return "not after a convolution";
    if (conv.op === "ConvTranspose" && conv.attrs.group !== 1) return "the transposed convolution is grouped";
    if (match.usesOf(0) !== 1) return "what the convolution gives is used elsewhere";
    return complete(constants.slice(1)) && constantsOf(match, conv.x.slice(1)) ? null : "a weight is not constant";
  },
  kinds: kinds("after"),
  rewrite: (op, _, match) => {
    const { node, producers: [conv], constants } = match;
    const { factor, shift } = affine(complete(constants.slice(1))!, node.attrs.epsilon);
    const { w, b } = weightsOf(constantsOf(match, conv!.x.slice(1))!, factor.length);
    const bias = tensor(w.dtype, [b.length], b.map((v, c) => v * factor[c] + shift[c]));
    const [x] = conv!.x;
    return conv!.op === "Conv"
      ? op.Conv(x, scaled(w, factor, 0), bias, conv!.attrs)
      : op.ConvTranspose(x, scaled(w, factor, 1), bias, conv!.attrs);
  },
};

/** BatchNormalization, then a convolution without padding: w·f over the channels that come in, and b + Σ w·s. */
export const NORM_BEFORE_CONV: Pass = {
  name: "norm-before-conv",
  op: "Conv",
  check: (match) => {
    const { node, producers: [norm], constants } = match;
    if (norm?.op !== "BatchNormalization") return undefined;
    if (match.usesOf(0) !== 1) return "what is normalised is used elsewhere";
    if (node.attrs.group !== 1) return "the convolution is grouped";
    if ((node.attrs.pads as readonly number[]).some((p) => p !== 0)) return "the padding is not normalised";
    return complete(constants.slice(1)) && constantsOf(match, norm.x.slice(1)) ? null : "a weight is not constant";
  },
  kinds: kinds("before"),
  rewrite: (op, _, match) => {
    const { node, producers: [norm], constants, y } = match;
    const { factor, shift } = affine(constantsOf(match, norm!.x.slice(1))!, norm!.attrs.epsilon);
    const { w, b } = weightsOf(complete(constants.slice(1))!, y.shape[1]);
    const [to, from] = [placeAlong(0, w), placeAlong(1, w)];
    const bias = [...b];
    toNumbers(w).forEach((v, i) => bias[to(i)] += v * shift[from(i)]);
    return op.Conv(norm!.x[0], scaled(w, factor, 1), tensor(w.dtype, [bias.length], bias), node.attrs);
  },
};
