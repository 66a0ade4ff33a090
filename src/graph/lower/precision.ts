/**
 * Mixed precision: products and convolutions take bfloat16 operands; their sums and everything else, weights and
 * optimizer state included, stay in float32. bfloat16 has float32's range, so that losses need no scaling. For devices
 * with matrix units; 8 bits of mantissa change a result by about 0.4 %.
 */
import { ONNX_DTYPES } from "../ir/dtypes.ts";
import { applied } from "../ir/signatures.ts";
import { pass } from "./pass.ts";

/** Products with fewer terms than this are cheaper than the casts around them. */
const MIN_TERMS = 16;

export const MIXED_PRECISION = pass({
  name: "mixed-precision",
  // nearly all of the arithmetic; ConvTranspose has no bfloat16 kernel, an earlier pass makes it a product
  ops: ["Conv", "Gemm", "MatMul"],
  match: ({ node, x: [x, w], y }) => {
    if (y.dtype !== "float32") return `of ${y.dtype}`;
    if (node.op === "Conv" && node.attrs.group !== 1) return "grouped: no work for matrix units";
    const terms = node.op === "Conv" ? w.shape.slice(1).reduce((n, d) => n * d, 1) : x.shape[x.shape.length - 1];
    return terms < MIN_TERMS ? `${terms} terms an element` : node;
  },
  rewrite: (op, inputs, { op: name, attrs }) => {
    const narrowed = inputs.map((v) => v == null ? null : op.Cast(v, { to: ONNX_DTYPES.bfloat16 }));
    return op.Cast(applied(op, name, { inputs: narrowed, attrs }), { to: ONNX_DTYPES.float32 });
  },
});
