import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { Border } from "./border.ts";

Deno.test("Border counts the outermost layers by the patient's sides, whatever the axes", () => {
  // first axis upwards, second to the left, third to the front
  const affineRas = [0, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1];
  const sizeVox = [3, 4, 5] as const;
  const at = (x: number, y: number, z: number) => (x * 4 + y) * 5 + z;
  const border = new Border({ sizeVox, affineRas });
  for (const index of [at(2, 1, 1), at(2, 1, 2), at(1, 3, 2), at(1, 1, 4), at(1, 2, 2)]) border.add(index);
  assert.deepEqual(border.sides(), [
    { side: "superior", voxels: 2 },
    { side: "left", voxels: 1 },
    { side: "anterior", voxels: 1 },
  ]);
  const corner = new Border({ sizeVox: [1, 1, 1], affineRas: spacingAffine([1, 1, 1]) });
  corner.add(0);
  assert.equal(corner.sides().length, 6);
});
