import assert from "node:assert/strict";
import { Random } from "../../tensor/mod.ts";
import type { Triple } from "../grid/grid.ts";
import { closed, dilated, eroded } from "./morphology.ts";

/** A voxel of a mask; 0 beyond its border. */
type At = (x: number, y: number, z: number) => number;

const atOf = (mask: Uint8Array, [nx, ny, nz]: Triple): At => (x, y, z) =>
  x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz ? 0 : mask[(x * ny + y) * nz + z];

/** Each voxel by its definition: what `of` makes of all values within reach. */
function byDefinition(at: At, [nx, ny, nz]: Triple, reach: Triple, of: (values: number[]) => number): Uint8Array {
  const out = new Uint8Array(nx * ny * nz);
  for (let v = 0; v < out.length; v++) {
    const x = Math.floor(v / (ny * nz)), y = Math.floor(v / nz) % ny, z = v % nz, values: number[] = [];
    for (let i = x - reach[0]; i <= x + reach[0]; i++) {
      for (let j = y - reach[1]; j <= y + reach[1]; j++) {
        for (let k = z - reach[2]; k <= z + reach[2]; k++) values.push(at(i, j, k));
      }
    }
    out[v] = of(values);
  }
  return out;
}

const most = (values: readonly number[]) => Math.max(...values);
const least = (values: readonly number[]) => Math.min(...values);

for (const size of [[5, 7, 9], [1, 1, 1], [3, 1, 4], [4, 6, 13], [2, 5, 2]] satisfies Triple[]) {
  for (const reach of [[1, 1, 1], [0, 2, 1], [3, 0, 0], [2, 2, 5], [0, 0, 0]] satisfies Triple[]) {
    Deno.test(`masks of ${size.join("×")} voxels are dilated, closed and eroded by ${reach.join("×")} as defined`, () => {
      const random = new Random("masks");
      for (const share of [0.05, 0.5, 0.95]) {
        const mask = Uint8Array.from({ length: size[0] * size[1] * size[2] }, () => Number(random.uniform() < share));
        const before = mask.slice(), at = atOf(mask, size);
        const wide = byDefinition(at, size, reach, most);
        assert.deepEqual(dilated(mask, size, reach), wide);
        // nothing is closed beyond the border: what lies there is left out
        const inside: At = (x, y, z) =>
          x < 0 || y < 0 || z < 0 || x >= size[0] || y >= size[1] || z >= size[2] ? 1 : atOf(wide, size)(x, y, z);
        assert.deepEqual(closed(mask, size, reach), byDefinition(inside, size, reach, least));
        assert.deepEqual(eroded(mask, size, reach), byDefinition(at, size, reach, least));
        assert.deepEqual(mask, before, "the mask itself stays");
      }
    });
  }
}
