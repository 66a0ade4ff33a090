/** Cases of the operators that move elements without computing. */
import { type Case, type CaseInput, type CaseTable, float, typed } from "./case.ts";

/** The end of a Slice that runs to the beginning, backwards. */
const BEFORE_FIRST = -(2 ** 31);
const BEYOND_LAST = 2 ** 31 - 1;

const WEBGPU_STEPS = { webgpu: "ONNX Runtime counts steps below −1 from the wrong end" };

function slice(
  shows: string,
  shape: readonly number[],
  lists: readonly (readonly number[] | null)[],
): Case<"Slice"> {
  return { shows, inputs: [float(shape), ...lists] };
}

function pad(
  shows: string,
  shape: readonly number[],
  { pads, value = null, mode = "constant" }: {
    pads: readonly number[];
    value?: number | null;
    mode?: "constant" | "reflect" | "edge";
  },
): Case<"Pad"> {
  return { shows, inputs: [float(shape), pads, value], attrs: { mode } };
}

/** A constant int64 tensor. */
function table(shape: readonly number[], data: readonly number[]): CaseInput {
  return { ...typed("int64", shape, data), constant: true };
}

export const SHAPE_CASES = {
  Reshape: [
    { shows: "merge axes", inputs: [float([2, 3, 4]), [6, 4]] },
    { shows: "a hole", inputs: [float([2, 3, 4]), [3, -1]] },
    { shows: "zeros copy", inputs: [float([2, 3, 4]), [0, 0, 2, 2]] },
    {
      shows: "to a scalar",
      inputs: [float([1, 1]), []],
    },
    { shows: "from a scalar", inputs: [float([]), [1, 1]] },
    { shows: "int64", inputs: [typed("int64", [2, 2], [1, 2, 3, 4]), [4]] },
  ],
  Transpose: [
    { shows: "reversed by default", inputs: [float([2, 3, 4])] },
    { shows: "a cycle", inputs: [float([2, 3, 4])], attrs: { perm: [1, 2, 0] } },
    { shows: "channels last", inputs: [float([2, 3, 2, 1, 4])], attrs: { perm: [0, 2, 3, 4, 1] } },
    { shows: "attention heads", inputs: [float([2, 4, 3, 2])], attrs: { perm: [0, 2, 1, 3] } },
    { shows: "six axes", inputs: [float([2, 1, 2, 3, 2, 2])], attrs: { perm: [0, 2, 4, 1, 3, 5] } },
  ],
  Concat: [
    { shows: "two along channels", inputs: [float([2, 3, 4]), float([2, 1, 4])], attrs: { axis: 1 } },
    { shows: "three along the last axis", inputs: [float([2, 1]), float([2, 3]), float([2, 2])], attrs: { axis: -1 } },
    { shows: "one", inputs: [float([2, 2])], attrs: { axis: 0 } },
    { shows: "vectors", inputs: [float([2]), float([3])], attrs: { axis: 0 } },
  ],
  Slice: [
    slice("one axis", [4, 5], [[1], [3], [0], [1]]),
    slice("axes and steps by default", [4, 5], [[1, 2], [3, 5], null, null]),
    slice("negative starts, ends and axes", [4, 5, 6], [[-3, -4], [-1, -1], [-1, -2], [1, 1]]),
    slice("step 2", [5, 7], [[0, 1], [5, 7], [0, 1], [2, 2]]),
    slice("step 3 that leaves voxels", [11], [[1], [11], [0], [3]]),
    slice("reversed", [2, 5], [[-1], [BEFORE_FIRST], [1], [-1]]),
    { ...slice("backwards by 2", [7, 3], [[5], [BEFORE_FIRST], [0], [-2]]), skips: WEBGPU_STEPS },
    { ...slice("backwards by 2, stopping early", [9], [[-2], [1], [0], [-2]]), skips: WEBGPU_STEPS },
    slice("ends clamped", [4, 3], [[-99, 1], [99, BEYOND_LAST], [0, 1], [1, 1]]),
    slice("start clamped, backwards", [5], [[99], [-99], [0], [-2]]),
    slice("one voxel", [3, 4], [[2], [3], [1], [1]]),
    slice("three axes at once", [5, 4, 6], [[0, 3, 1], [5, BEFORE_FIRST, 6], [0, 1, 2], [2, -1, 3]]),
    slice("all of it", [2, 3], [[0, 0], [2, 3], [0, 1], [1, 1]]),
  ],
  Pad: [
    pad("zeros", [2, 3], { pads: [1, 0, 0, 2] }),
    pad("a constant", [2, 3], { pads: [1, 1, 1, 1], value: -1.5 }),
    { shows: "a trainable value", inputs: [float([2, 3]), [1, 0, 0, -1], float([])] },
    pad("a volume", [1, 2, 3, 2, 4], { pads: [0, 0, 1, 1, 0, 0, 0, 0, 2, 1] }),
    pad("negative pads crop", [5, 6], { pads: [-1, -2, -1, 0] }),
    pad("crop one end, grow the other", [4, 5], { pads: [-1, 2, 1, -2], value: 3 }),
    pad("edge", [2, 3, 4], { pads: [1, 2, 0, 0, 3, 2], mode: "edge" }),
    pad("edge, size-1 axis", [1, 3], { pads: [2, 0, 1, 1], mode: "edge" }),
    pad("edge, shifted", [2, 5], { pads: [0, -2, 0, 2], mode: "edge" }),
    pad("reflect", [3, 4], { pads: [2, 1, 1, 3], mode: "reflect" }),
    pad("reflect, a volume", [1, 2, 3, 3, 2], { pads: [0, 0, 1, 2, 1, 0, 0, 2, 1, 0], mode: "reflect" }),
    pad("reflect, shifted", [2, 5], { pads: [0, 2, 0, -2], mode: "reflect" }),
  ],
  Expand: [
    { shows: "unit axes", inputs: [float([2, 1, 3]), [2, 4, 3]] },
    { shows: "new leading axes", inputs: [float([3]), [2, 2, 3]] },
    { shows: "shape with unit dims", inputs: [float([2, 3]), [4, 1, 1]] },
    { shows: "scalar", inputs: [float([]), [2, 3]] },
  ],
  Tile: [
    { shows: "one axis", inputs: [float([2, 3]), [1, 3]] },
    { shows: "several axes", inputs: [float([2, 1, 3]), [2, 4, 2]] },
    { shows: "once", inputs: [float([2, 3]), [1, 1]] },
  ],
  Gather: [
    { shows: "first axis by default", inputs: [float([4, 3]), typed("int64", [2], [3, 1])] },
    { shows: "repeated and negative indices", inputs: [float([4, 3]), [0, -1, 0, 2]], attrs: { axis: 0 } },
    { shows: "middle axis", inputs: [float([2, 4, 3]), [3, 0]], attrs: { axis: 1 } },
    { shows: "negative axis", inputs: [float([2, 3, 5]), [4, 4, 0]], attrs: { axis: -1 } },
    {
      shows: "a table of indices",
      inputs: [float([2, 5]), table([2, 3], [0, 1, 4, -1, 2, 1])],
      attrs: { axis: 1 },
    },
    {
      shows: "a scalar index drops the axis",
      inputs: [float([2, 3, 4]), table([], [1])],
      attrs: { axis: 1 },
    },
    { shows: "a permutation", inputs: [float([2, 5, 2]), [3, 0, 4, 1, 2]], attrs: { axis: 1 } },
    {
      shows: "one row often, others once or never",
      inputs: [
        float([2, 40, 2]),
        table([6, 10], Array.from({ length: 60 }, (_, i) => (i % 2 === 0 ? 7 : (i * 11) % 40))),
      ],
      attrs: { axis: 1 },
    },
    { shows: "indices known at run time only", inputs: [float([5, 2]), typed("int64", [2, 2], [4, -5, 0, 4])] },
    { shows: "int64", inputs: [typed("int64", [3], [7, 8, 9]), [2, 0]] },
  ],
} satisfies CaseTable;
