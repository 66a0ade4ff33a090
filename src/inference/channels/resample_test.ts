import assert from "node:assert/strict";
import { orientedGrid } from "../../../tests/testing/volumes.ts";
import type { Triple } from "../../volume/mod.ts";
import { separateAxisOf } from "./resample.ts";

const separateAxis = { above: 3, interpolation: "nearest" } as const;

Deno.test("separateAxisOf() takes the axis that nnU-Net's determine_do_sep_z_and_axis takes", () => {
  const cases: [Triple, Triple, 0 | 1 | 2 | null][] = [
    [[1, 1, 1], [1, 1, 1], null],
    [[5, 1, 1], [1, 1, 1], 0],
    [[1, 1, 1], [1, 4, 1], 1],
    // two longest axes
    [[0.24, 1.25, 1.25], [1, 1, 1], null],
    [[4, 4, 1], [1, 1, 9], null],
    // not above three times
    [[3, 1, 1], [1, 1, 1], null],
    // the file before the network
    [[1, 6, 1], [5, 1, 1], 1],
  ];
  for (const [fileMm, spacingMm, axis] of cases) {
    const file = orientedGrid([4, 4, 4], { spacingMm: fileMm });
    assert.equal(separateAxisOf(file, { spacingMm, separateAxis }), axis, `${fileMm} → ${spacingMm}`);
  }
});

Deno.test("separateAxisOf() counts axes as the network does, and needs a voxel size", () => {
  const file = orientedGrid([4, 4, 4], { code: "ASL", spacingMm: [1, 1, 5] });
  const of = (way: { orientation?: string; axes?: string }) =>
    separateAxisOf(file, { ...way, spacingMm: [1, 1, 1], separateAxis });
  assert.deepEqual([of({}), of({ orientation: "file" }), of({ orientation: "file", axes: "ZYX" })], [0, 2, 0]);
  assert.equal(separateAxisOf(file, { spacingMm: null, separateAxis }), null);
  assert.equal(separateAxisOf(file, { spacingMm: [1, 1, 1] }), null);
});
