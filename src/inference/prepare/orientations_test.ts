/** Any axes of files, any axes of networks: a network that changes nothing gives back what the file holds, voxel by voxel. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { multiplyAffines } from "../../volume/grid/grid.ts";
import { applyAffine, type Grid, restoreAll, type Triple, voxelsOf } from "../../volume/mod.ts";
import { ALIGNMENTS, ORIENTATION_CODES, type Preprocessing } from "../preprocessing.ts";
import { prepare, type Prepared } from "./preprocess.ts";

const SIZE: Triple = [9, 7, 8];

/** The grid of a file whose axes run along a code, at three voxel sizes, turned by two angles around its first voxel. */
function fileGrid(code: string, [a, b]: readonly [number, number]): Grid {
  const { affineRas } = orientedGrid(SIZE, { code, spacingMm: [1, 1.3, 2.1] });
  const [c, s, d, t] = [Math.cos(a), Math.sin(a), Math.cos(b), Math.sin(b)];
  const turn = [c, -s * d, s * t, 11, s, c * d, -c * t, -4, 0, t, d, 7, 0, 0, 0, 1];
  return { sizeVox: SIZE, affineRas: multiplyAffines(turn, affineRas) };
}

const PLAIN: Preprocessing = {
  spacingMm: null,
  normalisation: [{ kind: "none" }],
  foregroundMargin: null,
  foreground: "whole",
};

/** The channel brought back to the file's voxels; NaN where none was visited. */
function back({ channels, grid, inside, slices, reference: { grid: target } }: Prepared): Float32Array {
  const out = new Float32Array(voxelsOf(target.sizeVox)).fill(NaN);
  restoreAll(channels[0], { channels: 1, grid, inside, slices, target }, (voxel, [value]) => out[voxel] = value);
  return out;
}

const WAYS: readonly Pick<Preprocessing, "orientation" | "axes">[] = [
  {},
  { orientation: "LPS" },
  { orientation: "LPS", axes: "ZYX" },
  { orientation: "file" },
  { orientation: "file", axes: "ZYX" },
  { orientation: "ASL" },
  { orientation: "IRP", axes: "YZX" },
];

Deno.test("prepare() gives back every voxel of files of all 48 orientations, straight and oblique, whatever the network's axes", () =>
  inFolder(async (folder) => {
    for (const [n, code] of ORIENTATION_CODES.entries()) {
      const grid = fileGrid(code, n % 2 === 0 ? [0, 0] : [0.3, -0.2]);
      const labels = Float32Array.from({ length: voxelsOf(SIZE) }, (_, v) => (v * 7919 + n) % 13);
      const images = { t1: await writeVolume(join(folder, `${code}.nii`), grid, labels) };
      for (const way of WAYS) {
        const spec = { modalities: ["t1"] as const, preprocessing: { ...PLAIN, ...way } };
        assert.deepEqual(back(await prepare({ spec, images })), labels, `${code} ${JSON.stringify(way)}`);
      }
    }
  }));

Deno.test("prepare() gives back a slope through other voxel sizes, alignments and splines, beside the border", () =>
  inFolder(async (folder) => {
    const slope = ([x, y, z]: Triple) => 20 + 0.3 * x - 0.5 * y + 0.7 * z;
    for (const [n, code] of ORIENTATION_CODES.entries()) {
      const grid = fileGrid(code, n % 3 === 0 ? [0, 0] : [0.2, 0.4]);
      const values = sampled(grid, slope);
      const images = { t1: await writeVolume(join(folder, `${code}.nii`), grid, values) };
      const alignment = ALIGNMENTS[n % ALIGNMENTS.length];
      const interpolation = (["linear", "cubic"] as const)[n % 2], spacingMm: Triple = [0.8, 0.9, 0.7];
      const preprocessing = { ...PLAIN, ...WAYS[n % WAYS.length], alignment, interpolation, spacingMm };
      const prepared = await prepare({
        spec: { modalities: ["t1"], preprocessing },
        images,
      });
      const found = back(prepared);
      for (let x = 1, v = 0; x < SIZE[0] - 1; x++) {
        for (let y = 1; y < SIZE[1] - 1; y++) {
          for (let z = 1; z < SIZE[2] - 1; z++) {
            v = (x * SIZE[1] + y) * SIZE[2] + z;
            // a spline of a slope that ends bends near the border
            const most = interpolation === "linear" ? 2e-5 : 0.2;
            const miss = Math.abs(found[v] - values[v]);
            assert.ok(
              miss <= most,
              `${code} ${alignment} ${interpolation} ${[x, y, z]}: ${found[v]}, expected ${values[v]}`,
            );
          }
        }
      }
    }
  }));

Deno.test("prepare() turns the network's axes as stated, and the file's stay its own", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid(SIZE, { code: "PIR", spacingMm: [1, 2, 3] });
    const images = { t1: await writeVolume(join(folder, "a.nii"), grid, sampled(grid, ([x]) => 100 + x)) };
    const columnsOf = async (way: Partial<Preprocessing>) => {
      const { grid: { affineRas } } = await prepare({
        spec: { modalities: ["t1"], preprocessing: { ...PLAIN, ...way } },
        images,
      });
      const first = applyAffine(affineRas, [0, 0, 0]);
      return ([[1, 0, 0], [0, 1, 0], [0, 0, 1]] as Triple[]).map((v) =>
        applyAffine(affineRas, v).map((mm, r) => mm - first[r])
      );
    };
    assert.deepEqual(await columnsOf({}), [[3, 0, 0], [0, 1, 0], [0, 0, 2]]);
    assert.deepEqual(await columnsOf({ orientation: "LPS" }), [[-3, 0, 0], [0, -1, 0], [0, 0, 2]]);
    assert.deepEqual(await columnsOf({ orientation: "LPS", axes: "ZYX" }), [[0, 0, 2], [0, -1, 0], [-3, 0, 0]]);
    assert.deepEqual(await columnsOf({ orientation: "file" }), [[0, -1, 0], [0, 0, -2], [3, 0, 0]]);
    assert.deepEqual(await columnsOf({ orientation: "file", axes: "ZXY" }), [[3, 0, 0], [0, -1, 0], [0, 0, -2]]);
    const sized = await columnsOf({ orientation: "file", axes: "ZYX", spacingMm: [1.5, 1, 0.5] });
    assert.deepEqual(sized, [[1.5, 0, 0], [0, 0, -1], [0, -0.5, 0]], "voxel sizes are those of the network's axes");
  }));
