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
