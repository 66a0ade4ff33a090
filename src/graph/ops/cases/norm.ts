/** Cases of the normalisations. */
import { type CaseTable, exactly, float, weights } from "./case.ts";

export const NORM_CASES = {
  LayerNormalization: [
    { shows: "last axis", inputs: [float([2, 3, 5]), float([5]), float([5])] },
    { shows: "without bias", inputs: [float([3, 4]), float([4]), null] },
    { shows: "two axes", inputs: [float([2, 3, 4]), float([3, 4]), float([3, 4])], attrs: { axis: 1 } },
    { shows: "negative axis", inputs: [float([2, 2, 3, 4]), float([3, 4]), float([3, 4])], attrs: { axis: -2 } },
    { shows: "all axes", inputs: [float([2, 3]), float([2, 3]), float([2, 3])], attrs: { axis: 0 } },
    { shows: "tokens, constant weights", inputs: [float([2, 7, 8]), weights([8]), weights([8])] },
    {
      shows: "close together, far from zero",
      inputs: [exactly([2, 4], [1000, 1000.25, 1000.5, 1000.25, -500.5, -501, -501.5, -501]), float([4]), float([4])],
    },
    { shows: "large epsilon", inputs: [float([2, 6]), float([6]), float([6])], attrs: { epsilon: 0.125 } },
  ],
  InstanceNormalization: [
    { shows: "3-D", inputs: [float([2, 3, 2, 3, 4]), float([3]), float([3])] },
    { shows: "1-D, large epsilon", inputs: [float([2, 2, 7]), float([2]), float([2])], attrs: { epsilon: 0.015625 } },
    {
      shows: "close together, far from zero",
      inputs: [
        exactly([1, 2, 4], [10, 10.25, 10.5, 10.25, -5.5, -6, -6.5, -6]),
        float([2]),
        float([2]),
      ],
    },
    { shows: "constant weights", inputs: [float([1, 3, 4, 4]), weights([3]), weights([3])] },
  ],
  BatchNormalization: [
    {
      shows: "3-D",
      inputs: [float([2, 3, 2, 2, 3]), float([3]), float([3]), float([3]), float([3], "positive")],
    },
    {
      shows: "no spatial axes, large epsilon",
      inputs: [float([4, 3]), float([3]), float([3]), float([3]), float([3], "positive")],
      attrs: { epsilon: 0.01 },
    },
    {
      shows: "constant weights",
      inputs: [float([2, 3, 5]), weights([3]), weights([3]), weights([3]), {
        shape: [3],
        fill: "positive",
        constant: true,
      }],
    },
  ],
} satisfies CaseTable;
