import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { multiplyAffines, spacingAffine, type Triple, voxelsOf } from "../grid/grid.ts";
import { latticeGrid, latticeOf } from "../grid/lattice.ts";
import { restoredLogits } from "../testing/restored.ts";
import { type AxisOptions, type Interpolation, sampleByAxis } from "./by_axis.ts";

/** Made by scripts/fixtures/resampling.py with scipy 1.18, skimage 0.26 and nnU-Net 2. */
const EXPECTED = JSON.parse(await Deno.readTextFile(new URL("../testing/resampled.json", import.meta.url)));

interface Packed {
  readonly size: Triple;
  readonly data: string;
}

function unpacked({ data }: Packed): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(data, "base64")).buffer);
}

const SOURCE = { sizeVox: EXPECTED.volume.size as Triple, data: unpacked(EXPECTED.volume) };

/** The largest difference to the expected values, which are up to 1008. */
function worst(actual: Float32Array, expected: Packed): number {
  const values = unpacked(expected);
  assert.equal(actual.length, values.length);
  return values.reduce((most, v, i) => Math.max(most, Math.abs(v - actual[i])), 0);
}

/** The volume with voxels of a size, on the grid whose field of view is the same in `size` voxels. */
function resized(size: Triple, spacingMm: Triple, options: AxisOptions & { interpolation: Interpolation }) {
  const image = { ...SOURCE, affineRas: spacingAffine(spacingMm) };
  const target = spacingMm.map((s, a) => s * SOURCE.sizeVox[a] / size[a]) as [number, number, number];
  const { lattice, box } = latticeOf(image, { spacingMm: target, alignment: "extent" });
  const grid = latticeGrid(lattice, box);
  assert.deepEqual(grid.sizeVox, size);
  return sampleByAxis(image, grid, options);
}

Deno.test("sampleByAxis() cubic agrees with skimage's resize of order 3", () => {
  for (const [name, expected] of Object.entries(EXPECTED.skimage as Record<string, Packed>)) {
    const miss = worst(resized(expected.size, [1, 1, 1], { interpolation: "cubic", limited: true }), expected);
    assert.ok(miss < 2e-4, `${name}: ${miss}`);
    const free = worst(resized(expected.size, [1, 1, 1], { interpolation: "cubic" }), expected);
    assert.ok(free > 1, "a spline that is not limited swings beyond the values");
  }
});

Deno.test("sampleByAxis() with an axis apart agrees with nnU-Net, half-way places too", () => {
  const { separate, separateKept, separateLinear } = EXPECTED.nnunet as Record<string, Packed>;
  const apart = { axis: 1, interpolation: "nearest" } as const, mm: Triple = [1, 5, 1];
  const misses = [
    worst(resized(separate.size, mm, { interpolation: "cubic", limited: true, separate: apart }), separate),
    worst(resized(separateKept.size, mm, { interpolation: "cubic", limited: true, separate: apart }), separateKept),
    worst(resized(separateLinear.size, mm, { interpolation: "linear", separate: apart }), separateLinear),
  ];
  assert.ok(misses.every((miss) => miss < 2e-4), String(misses));
  const joined = worst(resized(separate.size, mm, { interpolation: "cubic", limited: true }), separate);
  assert.ok(joined > 10, `${joined}`);
});

Deno.test("restoreAll() with slices apart agrees with nnU-Net's way back of probabilities", () => {
  const expected = EXPECTED.nnunet.separateLinear as Packed, grid = { ...SOURCE, affineRas: spacingAffine([1, 5, 1]) };
  const targetMm = grid.sizeVox.map((n, a) => n * [1, 5, 1][a] / expected.size[a]) as [number, number, number];
  const { lattice, box } = latticeOf(grid, { spacingMm: targetMm, alignment: "extent" });
  const back = (slices: 1 | null) =>
    restoredLogits({ logits: grid.data, channels: 1, grid, target: latticeGrid(lattice, box), slices });
  assert.ok(worst(back(1), expected) < 2e-4);
  assert.ok(worst(back(null), expected) > 10);
});

Deno.test("sampleByAxis() cubic from the first voxel, and across an angle, agrees with scipy's map_coordinates", () => {
  const image = { ...SOURCE, affineRas: spacingAffine([1, 1, 1]) };
  const fromFirst = { sizeVox: EXPECTED.origin.size, affineRas: spacingAffine([0.8, 1.3, 0.75]) };
  const straight = sampleByAxis(image, fromFirst, { interpolation: "cubic" });
  assert.ok(worst(straight, EXPECTED.origin) < 2e-4);
  const affineRas = [0.9, -0.3, 0.1, 1.6, 0.3, 0.9, 0.05, 0.2, -0.1, 0.02, 0.95, 0.6, 0, 0, 0, 1];
  const turned = sampleByAxis(image, { sizeVox: EXPECTED.oblique.size, affineRas }, { interpolation: "cubic" });
  assert.ok(worst(turned, EXPECTED.oblique) < 2e-4, `${worst(turned, EXPECTED.oblique)}`);
});

Deno.test("sampleByAxis() follows turned and flipped axes, and is 0 beyond half a voxel", () => {
  const image = { ...SOURCE, affineRas: spacingAffine([1, 1, 1]) };
  const size = EXPECTED.origin.size as Triple, grid = { sizeVox: size, affineRas: spacingAffine([0.8, 1.3, 0.75]) };
  const straight = sampleByAxis(image, grid, { interpolation: "cubic" });
  // axes z, x backwards, y, and three voxels before the first
  const turn = [0, -1, 0, size[0] - 1, 0, 0, 1, 0, 1, 0, 0, -3, 0, 0, 0, 1];
  const turnedGrid = {
    sizeVox: [size[2] + 3, size[0], size[1]] as const,
    affineRas: multiplyAffines(grid.affineRas, turn),
  };
  const turned = sampleByAxis(image, turnedGrid, { interpolation: "cubic" });
  for (let x = 0; x < size[0]; x++) {
    for (let y = 0; y < size[1]; y++) {
      for (let z = -3; z < size[2]; z++) {
        const got = turned[((z + 3) * size[0] + size[0] - 1 - x) * size[1] + y];
        // 0.75 before the first centre is outside, half a voxel at most inside
        const expected = z < 0 ? 0 : straight[(x * size[1] + y) * size[2] + z];
        assert.ok(Math.abs(got - expected) < 1e-3, `${[x, y, z]}: ${got}, expected ${expected}`);
      }
    }
  }
  assert.equal(turned.length, voxelsOf(turnedGrid.sizeVox));
});
