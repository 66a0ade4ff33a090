import assert from "node:assert/strict";
import { Random } from "../../src/tensor/mod.ts";
import { DAMAGES } from "./damages.ts";
import { pearson } from "./summary.ts";

const SIZE = [12, 10, 8] as const;
const AFFINE = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];

/** An image whose label map is its bright part. */
function pair() {
  const random = new Random(1), voxels = SIZE[0] * SIZE[1] * SIZE[2];
  const data = Float32Array.from({ length: voxels }, () => random.uniform());
  const label = data.map((v) => Number(v > 0.7));
  return {
    image: { data, sizeVox: SIZE, affineRas: AFFINE },
    label: { data: label, sizeVox: SIZE, affineRas: AFFINE },
  };
}

Deno.test("DAMAGES change the image but for none, the same each time, and keep it on the label map's grid", () => {
  for (const [name, damage] of Object.entries(DAMAGES)) {
    const { image, label } = damage(pair(), new Random(2)), again = damage(pair(), new Random(2));
    assert.deepEqual(again.image.data, image.data, name);
    assert.deepEqual([image.sizeVox, image.affineRas], [label.sizeVox, label.affineRas], name);
    assert.ok(image.data.every(Number.isFinite), name);
    const isSame = image.data.length === pair().image.data.length &&
      image.data.every((v, i) => v === pair().image.data[i]);
    assert.equal(isSame, name === "none", name);
  }
});

Deno.test("DAMAGES that move the anatomy move the label map with it", () => {
  for (const name of ["field of view −25 %", "field of view −45 %", "turned about x", "turned about z"]) {
    const { image, label } = DAMAGES[name](pair(), new Random(3));
    assert.deepEqual(Array.from(label.data), Array.from(image.data, (v) => Number(v > Math.fround(0.7))), name);
  }
});

Deno.test("pearson() is 1 and −1 on a line, and smaller beside it", () => {
  assert.ok(Math.abs(pearson([[0, 1], [1, 3], [2, 5]]) - 1) < 1e-12);
  assert.ok(Math.abs(pearson([[0, 1], [1, 0], [2, -1]]) + 1) < 1e-12);
  assert.ok(Math.abs(pearson([[0, 0], [1, 1], [0, 1], [1, 0]])) < 1e-12);
});
