import assert from "node:assert/strict";
import { Regions } from "./regions.ts";

Deno.test("Regions keeps overlapping masks apart, also the 32nd and those beyond it", () => {
  const regions = new Regions(70, 70);
  for (let region = 0; region < 70; region++) {
    regions.add(region, region);
    regions.add((region + 1) % 70, region);
  }
  for (let region = 0; region < 70; region++) {
    const mask = regions.maskOf(region);
    assert.deepEqual([...mask.keys()].filter((v) => mask[v] !== 0), [region, (region + 1) % 70].sort((a, b) => a - b));
    assert.ok(mask.every((v) => v <= 1));
  }
});

Deno.test("Regions gives the regions of a voxel in ascending order, and puts masks in their place", () => {
  const regions = new Regions(3, 70), found = new Uint8Array(70);
  for (const region of [31, 0, 69, 32]) regions.add(1, region);
  regions.replace(5, Uint8Array.of(0, 1, 1));
  regions.replace(31, Uint8Array.of(1, 0, 0));
  const of = (voxel: number) => [...found.subarray(0, regions.regionsOf(voxel, found))];
  assert.deepEqual([0, 1, 2].map(of), [[31], [0, 5, 32, 69], [5]]);
  assert.deepEqual([...regions.maskOf(31)], [1, 0, 0]);
  assert.ok(!regions.isFree(2));
  regions.replace(5, new Uint8Array(3));
  assert.ok(regions.isFree(2));
});
