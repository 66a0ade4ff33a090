import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import { labelledIn } from "./labelled_case.ts";

Deno.test("labelledIn() finds the voxels of all regions and of each, wherever they lie in memory", () => {
  const random = new Random(3), voxels = 1003;
  // a file's masks follow each other without gaps
  const file = Uint8Array.from({ length: 3 * voxels }, () => Number(random.uniform() < 0.3));
  const regions = [0, 1, 2].map((r) => file.subarray(r * voxels, (r + 1) * voxels)), before = file.slice();
  const { labelled, labelledOf } = labelledIn(regions);
  const all = [...Array(voxels).keys()];
  assert.deepEqual([...labelled], all.filter((v) => regions.some((region) => region[v] === 1)));
  assert.deepEqual(labelledOf.map((of) => [...of]), regions.map((region) => all.filter((v) => region[v] === 1)));
  assert.deepEqual(file, before);
});

Deno.test("labelledIn() keeps every n-th of many voxels", () => {
  const { labelled, labelledOf: [only] } = labelledIn([new Uint8Array(500_000).fill(1)]);
  assert.deepEqual([labelled.length, labelled[1], labelled.at(-1), only.length], [166_667, 3, 499_998, 166_667]);
});
