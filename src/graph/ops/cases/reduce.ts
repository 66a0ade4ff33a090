/** Cases of the reductions. */
import { type Case, type CaseTable, exactly, type Fill, float, typed } from "./case.ts";

/** Reductions have one type, whatever their name. */
function reduced(fill: Fill): Case<"ReduceSum">[] {
  const reduce = (shows: string, shape: readonly number[], axes: readonly number[] | null, keepdims?: number) => ({
    shows,
    inputs: [float(shape, fill), axes],
    attrs: keepdims === undefined ? {} : { keepdims },
  });
  return [
    reduce("middle axis, kept by default", [2, 3, 4], [1]),
    reduce("middle axis, dropped", [2, 3, 4], [1], 0),
    reduce("negative axes", [2, 3, 4], [-1, -3], 0),
    reduce("spatial axes, kept", [2, 3, 2, 3, 2], [2, 3, 4], 1),
    reduce("first and last axis", [3, 2, 5], [0, 2], 0),
    reduce("all axes by default", [2, 3, 4], null, 0),
    reduce("all axes, kept", [2, 3], null, 1),
    reduce("axis of size 1", [2, 1, 3], [1], 0),
    reduce("scalar", [], null, 0),
  ];
}

const tied = exactly([2, 4], [3, 1, 3, 1, 2, 2, 2, 2]);

export const REDUCE_CASES = {
  ReduceSum: [
    ...reduced("normal"),
    { shows: "int64", inputs: [typed("int64", [2, 2], [1, 2, 3, -9]), [1]], attrs: { keepdims: 0 } },
  ],
  ReduceMean: reduced("normal"),
  ReduceMax: [
    ...reduced("apart"),
    {
      shows: "equal maxima share",
      inputs: [tied, [1]],
      attrs: { keepdims: 0 },
      kink: [[0.5, 0, 0.5, 0, 0.25, 0.25, 0.25, 0.25]],
    },
  ],
  ReduceMin: [
    ...reduced("apart"),
    { shows: "equal minima share", inputs: [tied, [-1]], kink: [[0, 0.5, 0, 0.5, 0.25, 0.25, 0.25, 0.25]] },
  ],
  ArgMax: [
    { shows: "first axis by default", inputs: [float([3, 4], "apart")] },
    { shows: "channel axis, dropped", inputs: [float([2, 3, 2, 2, 3], "apart")], attrs: { axis: 1, keepdims: 0 } },
    { shows: "negative axis", inputs: [float([2, 3, 5], "apart")], attrs: { axis: -1 } },
    { shows: "the first of equal maxima", inputs: [exactly([2, 3], [1, 1, 0, 0, 2, 2])], attrs: { axis: 1 } },
  ],
} satisfies CaseTable;
