import assert from "node:assert/strict";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { boxSize, findForeground, spacingAffine, type Triple, voxelsOf } from "../../volume/mod.ts";
import { quickTissue } from "./quick_tissue.ts";

Deno.test("quickTissue() finds the box to two voxels and the volume to 3 %, of long and short axes", () => {
  for (const sizeVox of [[110, 130, 100], [97, 120, 40], [40, 48, 40]] as const) {
    const { images } = makePhantom({ seed: 2, sizeVox, spacingMm: [1, 1, 1], lesions: 4 });
    const image = { data: images.t1, sizeVox, affineRas: spacingAffine([1, 1, 1]) };
    const [quick, exact] = [quickTissue(image), findForeground(image)];
    assert.equal(quick.kind, exact.kind);
    for (const a of [0, 1, 2]) {
      assert.ok(Math.abs(quick.box!.start[a] - exact.box!.start[a]) <= 2, `start ${quick.box!.start}`);
      assert.ok(Math.abs(quick.box!.end[a] - exact.box!.end[a]) <= 2, `end ${quick.box!.end}`);
    }
    assert.ok(Math.abs(quick.voxels / exact.voxels - 1) < 0.03, `${quick.voxels} and ${exact.voxels} voxels`);
  }
});

Deno.test("quickTissue() takes tissue without background whole, and finds none in an empty image", () => {
  const sizeVox: Triple = [101, 100, 30];
  const of = (value: (i: number) => number) =>
    quickTissue({
      data: Float32Array.from({ length: voxelsOf(sizeVox) }, (_, i) => value(i)),
      sizeVox,
      affineRas: spacingAffine([1, 1, 1]),
    });
  const whole = of((i) => 100 + (i * 7919) % 151);
  assert.deepEqual([whole.kind, whole.voxels, boxSize(whole.box!)], ["whole", voxelsOf(sizeVox), sizeVox]);
  assert.deepEqual(of(() => 5), { kind: "none", voxels: 0, box: null });
});
