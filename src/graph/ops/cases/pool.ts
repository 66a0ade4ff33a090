/** Cases of pooling. */
import { type Case, type CaseTable, exactly, float } from "./case.ts";

const all = (n: number, v: number) => Array<number>(n).fill(v);

/** Windows that both poolings share. */
function windows(): Case<"MaxPool">[] {
  const pool = (shows: string, shape: readonly number[], attrs: Case<"MaxPool">["attrs"]) => ({
    shows,
    inputs: [float(shape, "apart")],
    attrs,
  });
  return [
    pool("1-D, whole windows", [2, 3, 8], { kernel_shape: [2], strides: [2] }),
    pool("1-D, voxels left over", [1, 2, 9], { kernel_shape: [2], strides: [2] }),
    pool("1-D, ceil mode", [1, 2, 9], { kernel_shape: [2], strides: [2], ceil_mode: 1 }),
    pool("1-D, ceil mode, padded, overlapping", [1, 2, 10], {
      kernel_shape: [3],
      strides: [2],
      pads: [1, 1],
      ceil_mode: 1,
    }),
    pool("1-D, ceil mode drops a window in the padding", [1, 1, 4], {
      kernel_shape: [1],
      strides: [3],
      pads: [0, 0],
      ceil_mode: 1,
    }),
    pool("1-D, stride larger than the window", [1, 2, 10], { kernel_shape: [2], strides: [3] }),
    pool("2-D, overlapping, padded", [1, 2, 5, 6], { kernel_shape: [3, 3], strides: [2, 2], pads: all(4, 1) }),
    pool("2-D, stride 1", [2, 1, 4, 5], { kernel_shape: [2, 3] }),
    pool("2-D, dilation 2", [1, 2, 7, 6], { kernel_shape: [3, 2], dilations: [2, 2] }),
    pool("2-D, dilation 2, padded, stride 2", [1, 2, 7, 6], {
      kernel_shape: [2, 2],
      dilations: [2, 2],
      strides: [2, 2],
      pads: all(4, 1),
    }),
    pool("2-D, asymmetric padding", [1, 2, 5, 4], { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 0, 1] }),
    pool("3-D 2³", [2, 2, 4, 2, 6], { kernel_shape: all(3, 2), strides: all(3, 2) }),
    pool("3-D 3³, stride 2, padded", [1, 2, 5, 4, 3], { kernel_shape: all(3, 3), strides: all(3, 2), pads: all(6, 1) }),
    pool("3-D, ceil mode, odd sizes", [1, 2, 5, 3, 4], { kernel_shape: all(3, 2), strides: all(3, 2), ceil_mode: 1 }),
  ];
}

export const POOL_CASES = {
  MaxPool: [
    ...windows(),
    {
      shows: "the first of equal maxima takes all",
      inputs: [exactly([1, 1, 6], [1, 1, 0, 2, 2, 2])],
      attrs: { kernel_shape: [3], strides: [3] },
      kink: [[1, 0, 0, 1, 0, 0]],
    },
    {
      shows: "equal maxima of overlapping windows",
      inputs: [exactly([1, 1, 4], [5, 5, 5, 5])],
      attrs: { kernel_shape: [2] },
      kink: [[1, 1, 1, 0]],
    },
    {
      shows: "negative values beside padding",
      inputs: [exactly([1, 1, 3], [-5, -4, -9])],
      attrs: { kernel_shape: [3], pads: [1, 1] },
    },
  ],
  AveragePool: [
    ...windows(),
    {
      shows: "padding counts",
      inputs: [float([1, 2, 5, 4])],
      attrs: { kernel_shape: [3, 3], strides: [2, 1], pads: all(4, 1), count_include_pad: 1 },
    },
    {
      shows: "padding counts, ceil mode",
      inputs: [float([1, 2, 8])],
      attrs: { kernel_shape: [3], strides: [2], pads: [1, 1], ceil_mode: 1, count_include_pad: 1 },
    },
    {
      shows: "3-D, padding counts",
      inputs: [float([1, 2, 3, 4, 5])],
      attrs: { kernel_shape: all(3, 3), strides: all(3, 2), pads: all(6, 1), count_include_pad: 1 },
    },
  ],
  GlobalAveragePool: [
    { shows: "1-D", inputs: [float([2, 3, 5])] },
    { shows: "3-D", inputs: [float([2, 3, 2, 3, 4])] },
    { shows: "one voxel", inputs: [float([2, 3, 1, 1])] },
  ],
  GlobalMaxPool: [
    { shows: "1-D", inputs: [float([2, 3, 5], "apart")] },
    { shows: "3-D", inputs: [float([2, 3, 2, 3, 4], "apart")] },
    {
      shows: "equal maxima share",
      inputs: [exactly([1, 2, 4], [1, 3, 3, 0, 2, 2, 2, 2])],
      kink: [[0, 0.5, 0.5, 0, 0.25, 0.25, 0.25, 0.25]],
    },
  ],
} satisfies CaseTable;
