/**
 * Normalisations in primitive operators. ONNX Runtime's WebGPU kernels compute the variance as a difference of squares,
 * which is wrong for values that lie close together and far from zero, such as the channels of a thin stem.
 */
import type { Value } from "../ir/ir.ts";
import { standardize } from "../ops/norm.ts";
import { pass } from "./pass.ts";

/** (x − μ)·r·γ + β, the variance a mean of squared distances from the mean. */
export const TWO_PASS_NORM = pass({
  name: "two-pass-norm",
  ops: ["LayerNormalization", "InstanceNormalization"],
  match: ({ node, x: [x] }) => {
    const overLast = node.op === "LayerNormalization";
    const axes = x.shape.map((_, i) => i).slice(overLast ? node.attrs.axis : 2);
    return { axes, overLast, epsilon: node.attrs.epsilon };
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
