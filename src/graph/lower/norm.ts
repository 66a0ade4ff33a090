/**
 * Normalisations in primitive operators. ONNX Runtime's WebGPU kernels take the variance as a difference of squares, which
 * is far off for values that lie close together and far from zero: channels of a thin stem, say.
 */
import { standardize } from "../ops/norm.ts";
import type { Pass } from "./pass.ts";

/** (x − μ)·r·γ + β, the variance a mean of squared distances from the mean. */
export const TWO_PASS_NORM: Pass = {
  name: "two-pass-norm",
  check: ({ node: { op } }) => op === "LayerNormalization" || op === "InstanceNormalization" ? null : undefined,
  rewrite: (op, [x, scale, bias], { node }) => {
    const rank = x.shape.length, overLast = node.op === "LayerNormalization";
    const axes = x.shape.map((_, i) => i).slice(overLast ? Number(node.attrs.axis) : 2);
    const { normalized } = standardize(op, x, { axes, epsilon: Number(node.attrs.epsilon) });
    const [factor, shift] = [scale, bias].map((v) =>
      v === undefined || overLast ? v : op.Reshape(v, [v.shape[0], ...Array<number>(rank - 2).fill(1)])
    );
    const scaled = op.Mul(normalized, factor!);
    return shift === undefined ? scaled : op.Add(scaled, shift);
  },
};
