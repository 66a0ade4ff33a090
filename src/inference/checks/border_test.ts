import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { borderOf } from "./border.ts";

Deno.test("borderOf() counts the outermost layers by the patient's sides, whatever the axes", () => {
  // first axis upwards, second to the left, third to the front
  const affineRas = [0, -1, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 1];
  const sizeVox = [3, 4, 5] as const;
  const at = (x: number, y: number, z: number) => (x * 4 + y) * 5 + z;
  const inside = new Set([at(2, 1, 1), at(2, 1, 2), at(1, 3, 2), at(1, 1, 4), at(1, 2, 2)]);
  assert.deepEqual(borderOf((i) => inside.has(i), { sizeVox, affineRas }), [
    { side: "superior", voxels: 2 },
    { side: "left", voxels: 1 },
    { side: "anterior", voxels: 1 },
  ]);
  assert.deepEqual(borderOf((i) => i === 0, { sizeVox: [1, 1, 1], affineRas: spacingAffine([1, 1, 1]) }).length, 6);
});
