/**
 * Batch normalisation for inference. With constant statistics it is x·f + s for every channel, which a neighbouring
 * convolution with constant weights takes into its own weights and bias.
 */
import type { Value } from "../ir/ir.ts";
import { sizeOf, type Tensor, tensor, toNumbers } from "../../tensor/mod.ts";
import { type Kind, type Match, pass } from "./pass.ts";
import { constantNormSample, cube } from "./samples.ts";

const kinds = (order: "before" | "after"): Kind[] => [
  { name: "any", includes: () => true, sample: constantNormSample(cube(32, 32), order) },
];

/** A convolution's weights and its bias, or zeros. */
interface Weights {
  readonly w: Tensor;
  readonly b: readonly number[];
}

/** f = γ/√(σ² + ε) and s = β − μ·f from γ, β, μ and σ². */
function affine(vectors: readonly Tensor[], epsilon: number): { factor: number[]; shift: number[] } {
  const [scale, bias, mean, variance] = vectors.map(toNumbers);
  const factor = scale.map((g, c) => g / Math.sqrt(variance[c] + epsilon));
  return { factor, shift: bias.map((b, c) => b - mean[c] * factor[c]) };
}

/** The index along an axis of element `i` of a tensor. */
function placeAlong(axis: number, { shape }: Tensor): (i: number) => number {
  const each = sizeOf(shape.slice(axis + 1));
  return (i) => Math.floor(i / each) % shape[axis];
}

function scaled(w: Tensor, factor: readonly number[], axis: number): Tensor {
  const place = placeAlong(axis, w);
  return tensor(w.dtype, w.shape, toNumbers(w).map((v, i) => v * factor[place(i)]));
}

/** The tensors, if none is missing. */
const complete = (tensors: readonly (Tensor | undefined)[]): readonly Tensor[] | undefined =>
  tensors.every((t) => t !== undefined) ? tensors : undefined;

const constantsOf = ({ constantOf }: Pick<Match, "constantOf">, values: readonly (Value | null | undefined)[]) =>
  complete(values.map(constantOf));

const weightsOf = ([w, b]: readonly Tensor[], channels: number): Weights => ({
  w,
  b: b === undefined ? Array<number>(channels).fill(0) : toNumbers(b),
});

/** A convolution, then BatchNormalization: w·f and b·f + s. */
export const NORM_AFTER_CONV = pass({
  name: "norm-after-conv",
  ops: ["BatchNormalization"],
  match: (match) => {
    const { node, producers: [conv], constants } = match;
    if (conv?.op !== "Conv" && conv?.op !== "ConvTranspose") return "not after a convolution";
    if (conv.op === "ConvTranspose" && conv.attrs.group !== 1) return "the transposed convolution is grouped";
    if (match.usesOf(0) !== 1) return "what the convolution gives is used elsewhere";
    const vectors = complete(constants.slice(1)), weights = constantsOf(match, conv.x.slice(1));
    if (vectors === undefined || weights === undefined) return "a weight is not constant";
    return { conv, weights, ...affine(vectors, node.attrs.epsilon) };
  },
  kinds: kinds("after"),
  rewrite: (op, _, { conv, weights, factor, shift }) => {
    const { w, b } = weightsOf(weights, factor.length);
    const bias = tensor(w.dtype, [b.length], b.map((v, c) => v * factor[c] + shift[c]));
    const [x] = conv.x;
    return conv.op === "Conv"
      ? op.Conv(x, scaled(w, factor, 0), bias, conv.attrs)
      : op.ConvTranspose(x, scaled(w, factor, 1), bias, conv.attrs);
  },
});

/** BatchNormalization, then a convolution without padding: w·f over the channels that come in, and b + Σ w·s. */
export const NORM_BEFORE_CONV = pass({
  name: "norm-before-conv",
  ops: ["Conv"],
  match: (match) => {
    const { node: { attrs }, producers: [norm], constants, y } = match;
    if (norm?.op !== "BatchNormalization") return undefined;
    if (match.usesOf(0) !== 1) return "what is normalised is used elsewhere";
    if (attrs.group !== 1) return "the convolution is grouped";
    if (attrs.pads.some((p) => p !== 0)) return "the padding is not normalised";
    const weights = complete(constants.slice(1)), vectors = constantsOf(match, norm.x.slice(1));
    if (vectors === undefined || weights === undefined) return "a weight is not constant";
    return { x: norm.x[0], attrs, ...weightsOf(weights, y.shape[1]), ...affine(vectors, norm.attrs.epsilon) };
  },
  kinds: kinds("before"),
  rewrite: (op, _, { x, attrs, w, b, factor, shift }) => {
    const [to, from] = [placeAlong(0, w), placeAlong(1, w)];
    const bias = [...b];
    toNumbers(w).forEach((v, i) => bias[to(i)] += v * shift[from(i)]);
    return op.Conv(x, scaled(w, factor, 1), tensor(w.dtype, [bias.length], bias), attrs);
  },
});
