import assert from "node:assert/strict";
import { spacingAffine } from "../../volume/mod.ts";
import { headFacts, tissueOf } from "../testing/facts.ts";
import { volumeDoubts, volumeRefusal } from "./volume_checks.ts";

Deno.test("volumeDoubts() has none about a head, a newborn's brain, thick slices, or a crop inside tissue", () => {
  const plausible = [
    headFacts(),
    headFacts({ foreground: tissueOf([85, 105, 75]) }),
    headFacts({ sizeVox: [512, 512, 20], affineRas: spacingAffine([0.45, 0.45, 6.5]) }),
    headFacts({ sizeVox: [35, 50, 35], foreground: { ...tissueOf([35, 50, 35]), kind: "whole" } }),
    // the same with a margin of zeros
    headFacts({ sizeVox: [80, 80, 80], foreground: { ...tissueOf([35, 50, 35]), volumeMl: 61 } }),
  ];
  for (const facts of plausible) {
    assert.deepEqual(volumeDoubts("t1", facts), []);
    assert.equal(volumeRefusal("t1", facts), null);
  }
});

Deno.test("volumeDoubts() passes on the doubts of the header under the volume's name", () => {
  const doubts = [{ code: "odd-units", detail: "its units are odd" }];
  assert.deepEqual(volumeDoubts("flair", headFacts({ doubts })), [
    { code: "odd-units", detail: "flair: its units are odd" },
  ]);
});

Deno.test("volumeDoubts() warns of a head of 3 cm and of one of 3 m", () => {
  const small = headFacts({ affineRas: spacingAffine([0.16, 0.16, 0.16]), foreground: tissueOf([24, 30.4, 22.4]) });
  assert.deepEqual(volumeDoubts("t1", small), [{
    code: "implausible-head-size",
    detail: "t1: its tissue is 24 × 30.4 × 22.4 mm (voxels of 0.16 × 0.16 × 0.16 mm), expected a head with a longest " +
      "side of 80 to 350 mm; it was used at that size; check the voxel size (pixdim, affine) and its unit (xyzt_units) " +
      "in the header",
  }]);
  const large = headFacts({ affineRas: spacingAffine([16, 16, 16]), foreground: tissueOf([2400, 3040, 2240]) });
  const [voxel, head] = volumeDoubts("t1", large);
  assert.equal(voxel.code, "implausible-voxel-size");
  assert.match(voxel.detail, /^t1: its voxels are 16 × 16 × 16 mm, expected 0.15 to 12 mm; /);
  assert.equal(head.code, "implausible-head-size");
  assert.match(head.detail, /^t1: its tissue is 2400 × 3040 × 2240 mm /);
});

Deno.test("volumeRefusal() names a file of one slice, with the remedy", () => {
  assert.deepEqual(volumeRefusal("t1", headFacts({ sizeVox: [240, 240, 1] })), {
    code: "single-slice",
    detail:
      "t1: its grid is 240 × 240 × 1 voxels, expected a volume of several slices; convert the whole series into " +
      "one file, with dcm2niix for example",
  });
  assert.equal(volumeRefusal("t1", headFacts({ sizeVox: [240, 240, 2] })), null);
});

Deno.test("volumeRefusal() names a field of view of micrometres or of metres, and an image without tissue", () => {
  const at = (spacing: number) => headFacts({ affineRas: spacingAffine([spacing, spacing, spacing]) });
  assert.deepEqual(volumeRefusal("t2", at(0.001)), {
    code: "impossible-size",
    detail: "t2: its field of view is 0.24 × 0.24 × 0.155 mm, expected that of a head, 80 to 350 mm; check the voxel " +
      "size (pixdim, affine) and its unit (xyzt_units) in the header",
  });
  assert.match(volumeRefusal("t2", at(1000))!.detail, /^t2: its field of view is 240000 × 240000 × 155000 mm/);
  assert.deepEqual(volumeRefusal("t2", headFacts({ range: { min: 7, max: 7 } })), {
    code: "empty-volume",
    detail: "t2: every voxel is 7, expected an image; check how the file was made",
  });
  const none = { kind: "none" as const, voxels: 0, volumeMl: 0, extentMm: null, box: null };
  assert.match(volumeRefusal("t2", headFacts({ foreground: none }))!.detail, /no tissue was found .* from 0 to 1000/);
});
