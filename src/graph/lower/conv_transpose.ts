/** Transposed convolutions whose windows do not overlap (kernel = stride): the 3-D operator is slow, its 2-D form is not. */
import type { Ops, Value } from "../ir.ts";
import type { Pass } from "./pass.ts";

/**
 * [N, C, D, H, W] → depth slices as batch, a 2-D ConvTranspose with kd·M output channels, then rows of the planes are
 * moved into place: [N, M, D·kd, H·kh, W·kw].
 */
function planar(op: Ops, x: Value, w: Value): Value {
  const [n, c, d, h, width] = x.shape, [, m, kd, kh, kw] = w.shape;
  const slices = op.Reshape(op.Transpose(x, { perm: [0, 2, 1, 3, 4] }), [n * d, c, h, width]);
  const kernels = op.Reshape(op.Transpose(w, { perm: [0, 2, 1, 3, 4] }), [c, kd * m, kh, kw]);
  const planes = op.ConvTranspose(slices, kernels, null, { strides: [kh, kw] });
  const apart = op.Reshape(planes, [n, d * kd, m, h * kh, width * kw]);
  return op.Transpose(apart, { perm: [0, 2, 1, 3, 4] });
}

export const PLANAR_CONV_TRANSPOSE: Pass = {
  name: "planar-conv-transpose",
  op: "ConvTranspose",
  check: ({ node, x }) => {
    if (x[0].shape.length !== 5) return undefined;
    const list = (name: string) => node.attrs[name] as readonly number[];
    if (node.inputs.length > 2) return "has a bias";
    if (node.attrs.group !== 1) return "grouped";
    if ([...list("pads"), ...list("output_padding")].some((p) => p !== 0)) return "padded";
    if (list("dilations").some((s) => s !== 1)) return "dilated";
    return list("kernel_shape").every((k, i) => k === list("strides")[i]) ? null : "windows overlap";
  },
  rewrite: (op, [x, w]) => planar(op, x, w),
};
