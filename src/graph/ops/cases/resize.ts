/** Cases of Resize: every coordinate and rounding mode, up and down. */
import { type Case, type CaseTable, float } from "./case.ts";

const COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"] as const;
const ROUNDINGS = ["floor", "ceil", "round_prefer_floor", "round_prefer_ceil"] as const;

function resize(
  shows: string,
  [shape, sizes]: readonly [readonly number[], readonly number[]],
  attrs: Case<"Resize">["attrs"],
): Case<"Resize"> {
  return { shows, inputs: [float(shape), null, null, sizes], attrs };
}

const linear: Case<"Resize">[] = COORDINATES.flatMap((mode) => {
  const attrs = { mode: "linear", coordinate_transformation_mode: mode } as const;
  return [
    resize(`linear, ${mode}, 1-D up by 2`, [[2, 3, 4], [2, 3, 8]], attrs),
    resize(`linear, ${mode}, 2-D up and down by odd factors`, [[1, 2, 5, 7], [1, 2, 8, 3]], attrs),
    resize(`linear, ${mode}, 3-D up by 2`, [[1, 2, 2, 3, 2], [1, 2, 4, 6, 4]], attrs),
    resize(`linear, ${mode}, 3-D down by 2`, [[1, 1, 4, 6, 4], [1, 1, 2, 3, 2]], attrs),
    resize(`linear, ${mode}, to one voxel`, [[1, 2, 4, 3], [1, 2, 1, 1]], attrs),
    resize(`linear, ${mode}, from one voxel`, [[1, 2, 1, 3], [1, 2, 4, 3]], attrs),
  ];
});

const nearest: Case<"Resize">[] = COORDINATES.flatMap((coordinate_transformation_mode) =>
  ROUNDINGS.flatMap((nearest_mode) => {
    const attrs = { mode: "nearest", coordinate_transformation_mode, nearest_mode } as const;
    const shows = `nearest, ${coordinate_transformation_mode}, ${nearest_mode}`;
    return [
      resize(`${shows}, up by 2 and 3`, [[1, 2, 3, 4], [1, 2, 6, 12]], attrs),
      resize(`${shows}, down by 2 and 3`, [[1, 2, 8, 9], [1, 2, 4, 3]], attrs),
      resize(`${shows}, odd factors`, [[1, 1, 5, 7], [1, 1, 7, 4]], attrs),
    ];
  })
);

export const RESIZE_CASES = {
  Resize: [
    ...linear,
    ...nearest,
    resize("defaults, 3-D up by 2", [[1, 2, 2, 3, 1], [1, 2, 4, 6, 2]], {}),
    resize("nearest as PyTorch, 3-D", [[1, 2, 3, 2, 4], [1, 2, 6, 5, 2]], {
      mode: "nearest",
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: "floor",
    }),
    resize("same size", [[1, 2, 3], [1, 2, 3]], { mode: "linear" }),
    resize("one axis only", [[1, 2, 3, 4], [1, 2, 3, 8]], { mode: "linear" }),
  ],
} satisfies CaseTable;
