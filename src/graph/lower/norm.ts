/**
 * Normalisations in primitive operators. ONNX Runtime's kernels add all elements of a window in float32 one after the
 * other (CPU, WASM), or compute the variance as a difference of squares (WebGPU): both are wrong for large windows and
 * for values that lie close together and far from zero, such as the channels of a thin stem.
 */
import { sizeOf } from "../../tensor/mod.ts";
import type { Node, Value } from "../ir/ir.ts";
import { standardize } from "../ops/norm.ts";
import { type Match, pass } from "./pass.ts";
import { isByAxes, meanByAxes, stagedMean, stagesOf } from "./sums.ts";

type Norm = "LayerNormalization" | "InstanceNormalization";

/** Windows of at most so many elements are left to the kernels, which are exact there; layers of tokens are longer. */
const SMALL: Readonly<Record<Norm, number>> = { InstanceNormalization: 256, LayerNormalization: 4096 };

/** The number of leading axes that are kept. */
const keptAxes = (node: Node<Norm>) => node.op === "LayerNormalization" ? node.attrs.axis : 2;

/** (x − μ)·r·γ + β, the variance a mean of squared distances from the mean. */
export const TWO_PASS_NORM = pass({
  name: "two-pass-norm",
  ops: ["LayerNormalization", "InstanceNormalization"],
  match: ({ node, x: [x] }) => {
    const overLast = node.op === "LayerNormalization";
    return { axes: x.shape.map((_, i) => i).slice(keptAxes(node)), overLast, epsilon: node.attrs.epsilon };
  },
  rewrite: (op, [x, scale, bias], { axes, overLast, epsilon }) => {
    const { normalized } = standardize(op, x, { axes, epsilon });
    const perChannel = (v: Value) =>
      overLast ? v : op.Reshape(v, [v.shape[0], ...Array<number>(x.shape.length - 2).fill(1)]);
    const factor = perChannel(scale), shift = bias && perChannel(bias);
    const scaled = op.Mul(normalized, factor);
    return shift == null ? scaled : op.Add(scaled, shift);
  },
});

/**
 * Normalisation over a large window: sums in stages, and the mean of what is left after the first mean is subtracted,
 * which takes the first one's rounding away. Errs by less than 1e-6 of a deviation at 128³, also with a mean of 100
 * deviations, where ONNX Runtime's CPU kernel errs by 0.3 and its WASM kernel by 3.
 */
export const EXACT_NORM = pass({
  name: "exact-norm",
  ops: ["LayerNormalization", "InstanceNormalization"],
  match: ({ node, x: [x] }: Pick<Match<Norm>, "node" | "x">) => {
    const kept = x.shape.slice(0, keptAxes(node)), window = sizeOf(x.shape.slice(keptAxes(node)));
    if (window <= SMALL[node.op]) return "a small window";
    return { kept, stages: stagesOf(window), overLast: node.op === "LayerNormalization", epsilon: node.attrs.epsilon };
  },
  rewrite: (op, [x, scale, bias], { kept, stages, overLast, epsilon }) => {
    const mean = (v: Value) => stagedMean(op, v, stages.length);
    const rows = op.Reshape(x, [...kept, ...stages]);
    const centred = op.Sub(rows, mean(rows)), rest = mean(centred);
    const variance = op.Sub(mean(op.Mul(centred, centred)), op.Mul(rest, rest));
    const rstd = op.Reciprocal(op.Sqrt(op.Add(variance, epsilon)));
    if (overLast) {
      const hat = op.Reshape(op.Mul(op.Sub(centred, rest), rstd), x.shape);
      return bias == null ? op.Mul(hat, scale) : op.Add(op.Mul(hat, scale), bias);
    }
    const perChannel = (v: Value) => op.Reshape(v, [v.shape[0], ...stages.map(() => 1)]);
    const factor = op.Mul(rstd, perChannel(scale)), shift = op.Mul(rest, factor);
    const offset = bias == null ? op.Neg(shift) : op.Sub(perChannel(bias), shift);
    return op.Reshape(op.Add(op.Mul(centred, factor), offset), x.shape);
  },
});

/** Most terms along one axis: what their sums lose, the second mean finds. */
const MOST_ALONG = 512;

/**
 * The same for volumes [N, C, …size] that convolutions leave with their channels last: no rows are formed, which would turn
 * them. OpenVINO's own kernel errs by up to 3 deviations there, at 128³ with a mean of 100 deviations.
 */
export const AXIS_NORM = pass({
  name: "axis-norm",
  ops: ["InstanceNormalization"],
  match: ({ node, x: [x] }) => {
    const axes = x.shape.map((_, k) => k).slice(2);
    const isSmall = sizeOf(x.shape.slice(2)) <= SMALL.InstanceNormalization;
    return isSmall || !isByAxes(x.shape, axes, MOST_ALONG)
      ? "a small window, or rows"
      : { axes, epsilon: node.attrs.epsilon };
  },
  rewrite: (op, [x, scale, bias], { axes, epsilon }) => {
    const perChannel = (v: Value) => op.Reshape(v, [v.shape[0], ...axes.map(() => 1)]);
    const centred = op.Sub(x, meanByAxes(op, x, axes)), rest = meanByAxes(op, centred, axes);
    const variance = op.Sub(meanByAxes(op, op.Mul(centred, centred), axes), op.Mul(rest, rest));
    const factor = op.Mul(op.Reciprocal(op.Sqrt(op.Add(variance, epsilon))), perChannel(scale));
    return op.Add(op.Mul(centred, factor), op.Sub(perChannel(bias), op.Mul(rest, factor)));
  },
});
