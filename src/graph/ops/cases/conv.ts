/** Cases of convolution and its transpose. */
import { type Case, type CaseOperand, type CaseTable, float, weights } from "./case.ts";

type Shape = readonly number[];
type Convolution = "Conv" | "ConvTranspose";

const all = (n: number, v: number) => Array<number>(n).fill(v);

/** A case from the shapes of x, w and, if any, the bias. */
function over<K extends Convolution>(parameter: (shape: Shape) => CaseOperand) {
  return (
    shows: string,
    [x, w, bias]: readonly [Shape, Shape, Shape?],
    attrs: Case<K>["attrs"] = {},
  ): Case<K> => ({
    shows,
    inputs: [float(x), parameter(w), bias === undefined ? null : parameter(bias)],
    attrs,
  });
}

const conv = over<"Conv">(float);
const fixed = over<"Conv">(weights);
const transposed = over<"ConvTranspose">(float);
const fixedTransposed = over<"ConvTranspose">(weights);

export const CONV_CASES = {
  Conv: [
    conv("1-D", [[2, 3, 9], [4, 3, 3]]),
    conv("1-D, bias", [[2, 3, 9], [4, 3, 3], [4]]),
    conv("1-D, stride 2, padded", [[1, 2, 9], [3, 2, 3]], { strides: [2], pads: [1, 1] }),
    conv("1-D, stride 2 that leaves a voxel", [[1, 2, 10], [3, 2, 3]], { strides: [2] }),
    conv("1-D, stride 3 that leaves two voxels", [[2, 1, 10], [2, 1, 2]], { strides: [3] }),
    conv("1-D, stride larger than the kernel", [[2, 2, 8], [3, 2, 1]], { strides: [3] }),
    conv("1-D, dilation 2", [[1, 2, 9], [2, 2, 3]], { dilations: [2], pads: [2, 2] }),
    conv("1-D, dilation 2 with stride 2", [[1, 2, 10], [2, 2, 3]], { dilations: [2], strides: [2], pads: [1, 2] }),
    conv("1-D, padding larger than the kernel", [[1, 2, 5], [3, 2, 2]], { pads: [3, 2] }),
    conv("1-D, padding larger than the kernel, stride 2", [[1, 2, 5], [3, 2, 2]], { pads: [3, 2], strides: [2] }),
    conv("2-D", [[2, 3, 5, 6], [4, 3, 3, 3]], { pads: all(4, 1) }),
    conv("2-D, anisotropic kernel, stride and padding", [[1, 2, 7, 8], [3, 2, 3, 2]], {
      strides: [2, 3],
      pads: [1, 0, 0, 1],
    }),
    conv("2-D, kernel as large as the input", [[2, 3, 4, 3], [5, 3, 4, 3]]),
    conv("2-D, group 2, stride 2", [[2, 4, 7, 7], [6, 2, 3, 3]], { group: 2, strides: [2, 2], pads: all(4, 1) }),
    conv("2-D, depthwise, two maps a channel", [[2, 3, 5, 5], [6, 1, 3, 3]], { group: 3, pads: all(4, 1) }),
    conv("2-D, dilation 2, group 2", [[1, 4, 7, 6], [2, 2, 3, 3]], { group: 2, dilations: [2, 2], pads: all(4, 2) }),
    conv("3-D 3³", [[1, 2, 5, 4, 6], [3, 2, 3, 3, 3]], { pads: all(6, 1) }),
    conv("3-D 3³, bias, batch 2", [[2, 2, 4, 3, 5], [3, 2, 3, 3, 3], [3]], { pads: all(6, 1) }),
    fixed("3-D 3³, constant weights", [[1, 4, 5, 4, 3], [4, 4, 3, 3, 3], [4]], { pads: all(6, 1) }),
    conv("3-D 1³", [[2, 3, 3, 2, 4], [4, 3, 1, 1, 1]]),
    conv("3-D 1³, bias", [[1, 3, 2, 3, 2], [2, 3, 1, 1, 1], [2]]),
    conv("3-D 1³, stride 2", [[1, 3, 4, 5, 4], [2, 3, 1, 1, 1]], { strides: all(3, 2) }),
    conv("3-D 3³, stride 2, odd and even sizes", [[1, 2, 6, 5, 4], [3, 2, 3, 3, 3]], {
      strides: all(3, 2),
      pads: all(6, 1),
    }),
    conv("3-D, asymmetric padding, anisotropic stride", [[1, 2, 4, 5, 6], [2, 2, 3, 2, 3]], {
      strides: [1, 2, 3],
      pads: [2, 0, 1, 0, 1, 1],
    }),
    conv("3-D, dilation 2", [[1, 2, 6, 5, 7], [2, 2, 3, 3, 3]], { dilations: all(3, 2), pads: all(6, 2) }),
    conv("3-D, dilation 2, stride 2", [[1, 1, 7, 6, 8], [2, 1, 3, 2, 3]], {
      dilations: all(3, 2),
      strides: all(3, 2),
      pads: all(6, 1),
    }),
    conv("3-D, group 2", [[2, 4, 4, 3, 3], [4, 2, 3, 3, 3]], { group: 2, pads: all(6, 1) }),
    conv("3-D, depthwise 3³", [[2, 4, 4, 5, 3], [4, 1, 3, 3, 3]], { group: 4, pads: all(6, 1) }),
    conv("3-D, depthwise 5³, bias", [[1, 3, 6, 5, 4], [3, 1, 5, 5, 5], [3]], {
      group: 3,
      pads: all(6, 2),
    }),
    conv("3-D, depthwise 3³, stride 2", [[1, 3, 5, 6, 4], [3, 1, 3, 3, 3]], {
      group: 3,
      strides: all(3, 2),
      pads: all(6, 1),
    }),
    conv("3-D, patches of 2³", [[2, 3, 4, 6, 2], [5, 3, 2, 2, 2], [5]], { strides: all(3, 2) }),
    conv("3-D, patches of 2³ that leave a voxel", [[1, 2, 5, 4, 3], [3, 2, 2, 2, 2]], {
      strides: all(3, 2),
    }),
    conv("3-D, flat kernel 1×3×3", [[1, 2, 3, 5, 4], [3, 2, 1, 3, 3]], { pads: [0, 1, 1, 0, 1, 1] }),
    conv("3-D, size-1 axes", [[1, 1, 1, 4, 1], [2, 1, 3, 3, 3]], { pads: all(6, 1) }),
    conv("3-D, padding larger than the kernel", [[1, 2, 2, 3, 2], [2, 2, 1, 2, 1]], {
      pads: [1, 2, 1, 0, 2, 2],
    }),
  ],
  ConvTranspose: [
    transposed("1-D", [[2, 3, 5], [3, 4, 3]]),
    transposed("1-D, stride 2, output padding", [[1, 3, 4], [3, 2, 3]], {
      strides: [2],
      pads: [1, 1],
      output_padding: [1],
    }),
    transposed("1-D, stride 3, kernel 2: gaps", [[1, 2, 4], [2, 3, 2]], { strides: [3] }),
    transposed("1-D, dilation 2", [[1, 2, 5], [2, 2, 3]], { dilations: [2], pads: [1, 2] }),
    transposed("2-D k2 s2", [[2, 3, 3, 4], [3, 2, 2, 2]], { strides: [2, 2] }),
    transposed("2-D k3 s2, output padding, bias", [[1, 3, 3, 4], [3, 2, 3, 3], [2]], {
      strides: [2, 2],
      pads: all(4, 1),
      output_padding: [1, 1],
    }),
    transposed("2-D, group 2", [[2, 4, 3, 3], [4, 3, 3, 3]], { group: 2, pads: all(4, 1) }),
    transposed("2-D, depthwise, stride 2", [[1, 3, 3, 4], [3, 1, 3, 3]], {
      group: 3,
      strides: [2, 2],
      pads: all(4, 1),
    }),
    transposed("3-D k2 s2", [[1, 3, 2, 3, 2], [3, 4, 2, 2, 2]], { strides: all(3, 2) }),
    transposed("3-D k2 s2, bias, batch 2", [[2, 3, 2, 1, 3], [3, 2, 2, 2, 2], [2]], {
      strides: all(3, 2),
    }),
    fixedTransposed("3-D k2 s2, constant weights", [[1, 3, 2, 2, 2], [3, 2, 2, 2, 2], [2]], {
      strides: all(3, 2),
    }),
    transposed("3-D k3 s2, output padding", [[1, 2, 3, 2, 3], [2, 3, 3, 3, 3]], {
      strides: all(3, 2),
      pads: all(6, 1),
      output_padding: all(3, 1),
    }),
    transposed("3-D k3 s1", [[1, 2, 4, 3, 3], [2, 3, 3, 3, 3]], { pads: all(6, 1) }),
    transposed("3-D, asymmetric padding, anisotropic stride", [[1, 2, 3, 4, 3], [2, 2, 3, 2, 3]], {
      strides: [2, 1, 3],
      pads: [1, 0, 0, 0, 1, 2],
      output_padding: [1, 0, 2],
    }),
    transposed("3-D, group 2, k2 s2", [[2, 4, 2, 2, 3], [4, 2, 2, 2, 2]], {
      group: 2,
      strides: all(3, 2),
    }),
    transposed("3-D, depthwise", [[1, 3, 3, 2, 3], [3, 1, 3, 3, 3]], {
      group: 3,
      strides: all(3, 2),
      pads: all(6, 1),
    }),
    transposed("3-D, dilation 2", [[1, 2, 3, 3, 2], [2, 2, 2, 2, 2]], { dilations: all(3, 2) }),
  ],
} satisfies CaseTable;
