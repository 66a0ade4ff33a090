import assert from "node:assert/strict";
import { connectedComponents } from "./mod.ts";

Deno.test("connectedComponents() joins faces, edges or corners", () => {
  // (0,0,0) touches (0,1,1) by an edge, which touches (1,2,2) by a corner.
  const mask = new Uint8Array(27);
  for (const [x, y, z] of [[0, 0, 0], [0, 1, 1], [1, 2, 2]]) mask[(x * 3 + y) * 3 + z] = 1;
  const sizes = ([6, 18, 26] as const).map((neighbours) =>
    connectedComponents(mask, { sizeVox: [3, 3, 3], neighbours }).sizes
  );
  assert.deepEqual(sizes, [[1, 1, 1], [2, 1], [3]]);
});

Deno.test("connectedComponents() does not join across the image border", () => {
  const { components, sizes } = connectedComponents(Uint8Array.of(0, 1, 1, 0), { sizeVox: [1, 2, 2], neighbours: 6 });
  assert.deepEqual([...components], [0, 1, 2, 0]);
  assert.deepEqual(sizes, [1, 1]);
});
