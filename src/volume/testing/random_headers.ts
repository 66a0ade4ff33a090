/** NIfTI headers drawn at random: forms, codes, shears, odd pixdim, scaling, both versions and byte orders. */
import { perAxis } from "../grid/grid.ts";
import type { Made } from "./fixtures.ts";

/**
 * A header that gives a position. `nibabel_affines.txt` holds what nibabel 5.4.2 reads of the first sixty for the seed 7,
 * a line each: twelve numbers of `image.affine`, then `dataobj.slope` and `dataobj.inter`.
 */
export function randomHeader(random: () => number): Made {
  const between = (low: number, high: number) => low + (high - low) * random();
  const oneOf = <T>(values: readonly T[]) => values[Math.floor(random() * values.length)];
  const codes = oneOf([[0, 1], [1, 0], [1, 2], [2, 4], [3, 3]] as const);
  // nibabel reads a negative size as positive, and 0 as 1.
  const spacing = perAxis(() => oneOf([between(0.3, 6), between(0.3, 6), 1, 0, -between(0.3, 6)]));
  const direction = perAxis(() => between(-1, 1));
  const long = Math.hypot(...direction) / oneOf([1, between(0, 1)]);
  const shear = oneOf([0, 0, 0.3]);
  const rows = [0, 1, 2].flatMap((r) => [
    ...perAxis((c) => between(-shear, shear) + (r === c ? oneOf([-1, 1]) * between(0.5, 5) : 0)),
    between(-200, 200),
  ]);
  return {
    version: oneOf([1, 2]),
    littleEndian: oneOf([true, false]),
    code: 4,
    dims: [3, ...perAxis(() => 1 + Math.floor(between(1, 6))), 1, 1, 1, 1],
    pixdim: [oneOf([1, -1, 0]), ...spacing, 0, 0, 0, 0],
    units: oneOf([0, 2, 10]),
    qform: { code: codes[0], bcd: direction.map((v) => v / long), offset: perAxis(() => between(-200, 200)) },
    sform: { code: codes[1], rows },
    slope: oneOf([0, 1, NaN, between(-3, 3)]),
    inter: between(-1000, 1000),
  };
}
