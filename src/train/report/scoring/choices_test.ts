import assert from "node:assert/strict";
import { Regions } from "../../../inference/mod.ts";
import { postprocess } from "../../../inference/mod.ts";
import { Random } from "../../../tensor/mod.ts";
import { countChoices } from "./choices.ts";

Deno.test("countChoices() counts what post-processing leaves at every threshold and least size", () => {
  const random = new Random("choices"), sizeVox = [7, 9, 11] as const, voxels = 693;
  const levels = Uint8Array.from({ length: voxels }, () => Math.max(0, random.integer(12) - 8));
  const reference = Uint8Array.from({ length: voxels }, () => Number(random.uniform() < 0.2));
  const leastVoxels = [0, 2, 3.5, 40];
  const counts = countChoices({ levels, reference, sizeVox, thresholds: 3, leastVoxels });
  for (let t = 0; t < 3; t++) {
    for (const [s, size] of leastVoxels.entries()) {
      const regions = new Regions(voxels, 1);
      levels.forEach((level, v) => level > t && regions.add(v, 0));
      const steps = size === 0 ? [] : [{ kind: "smallest-size" as const, ml: size }];
      postprocess(regions, { sizeVox, voxelMl: 1, labels: [{ name: "a" }], steps, exclusive: false });
      const mask = regions.maskOf(0);
      const both = mask.reduce((n, m, v) => n + (m & reference[v]), 0), own = mask.reduce((n, m) => n + m, 0);
      assert.deepEqual(counts[t][s], [both, own], `threshold ${t}, least size ${size}`);
    }
  }
  assert.notDeepEqual(counts[0][0], counts[0][1], "some component is small");
});

Deno.test("countChoices() of an empty mask counts nothing", () => {
  const empty = new Uint8Array(8);
  const found = countChoices({ levels: empty, reference: empty, sizeVox: [2, 2, 2], thresholds: 1, leastVoxels: [0] });
  assert.deepEqual(found, [[[0, 0]]]);
});
