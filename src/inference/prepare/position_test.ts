import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Grid, spacingOf, type Triple } from "../../volume/mod.ts";
import { makeNifti } from "../../volume/testing/fixtures.ts";
import { InferenceError, type Warning } from "../types.ts";
import { type NamedHeader, placedBeside, snapped } from "./position.ts";
import { prepare } from "./preprocess.ts";

const header = (name: string, grid: Grid, positioned = true): NamedHeader => ({
  name,
  header: { ...grid, positioned },
});

const SCANNER = orientedGrid([20, 24, 18], { code: "LPS", spacingMm: [1, 1, 1.2], originMm: [80, 60, -30] });
const NOWHERE: Grid = {
  sizeVox: SCANNER.sizeVox,
  affineRas: orientedGrid([1, 1, 1], { spacingMm: [1, 1, 1.2] }).affineRas,
};

Deno.test("placedBeside() leaves a file with a position where it is", () => {
  const warnings: Warning[] = [];
  assert.deepEqual(placedBeside(header("t1", SCANNER), [header("flair", NOWHERE, false)], warnings), SCANNER);
  assert.deepEqual(warnings, []);
});

Deno.test("placedBeside() lays a file without a position on one of its form, with a loud warning", () => {
  const warnings: Warning[] = [];
  const other = orientedGrid([9, 9, 9]);
  const found = placedBeside(header("flair", NOWHERE, false), [header("t2", other), header("t1", SCANNER)], warnings);
  assert.deepEqual(found, SCANNER);
  assert.deepEqual(warnings, [{
    code: "position-assumed",
    detail:
      "flair says no position (sform_code and qform_code are 0); it has the 20×24×18 voxels of 1×1×1.2 mm of t1 and " +
      "was laid on it voxel by voxel. Check that left and right agree",
  }]);
});

Deno.test("placedBeside() refuses a file without a position beside files of another form, with the remedy", () => {
  for (
    const other of [header("t1", orientedGrid([20, 24, 19])), header("t1", { ...NOWHERE, sizeVox: [9, 9, 9] }, false)]
  ) {
    assert.throws(
      () => placedBeside(header("flair", NOWHERE, false), [other], []),
      (error) =>
        error instanceof InferenceError && error.code === "no-position" &&
        /^Cannot place flair: .* expected a file with a position. Convert it again/.test(error.message),
    );
  }
});

Deno.test("placedBeside() takes the axes of a file without a position for RAS where no file has one, and says so", () => {
  const warnings: Warning[] = [];
  const alike = header("t1", { ...NOWHERE }, false);
  assert.deepEqual(placedBeside(header("flair", NOWHERE, false), [alike], warnings), NOWHERE);
  assert.deepEqual(warnings.map((w) => w.code), ["no-position"]);
});

Deno.test("prepare() sees a volume whose copy lost its position as it sees the volume itself", () =>
  inFolder(async (folder) => {
    const spacingMm: Triple = [1, 1, 1.2];
    const value = ([x, y, z]: Triple) => Math.hypot(x - 70, y - 48, z + 20) < 7 ? 300 + 7 * x + 3 * y + z : 0;
    const data = sampled(SCANNER, value), [nx, ny, nz] = SCANNER.sizeVox;
    const t1 = await writeVolume(join(folder, "t1.nii"), SCANNER, data);
    const flair = await writeVolume(join(folder, "flair.nii"), SCANNER, data);
    // x fastest in the file
    const values = Array.from(
      { length: data.length },
      (_, i) => data[((i % nx) * ny + Math.floor(i / nx) % ny) * nz + Math.floor(i / nx / ny)],
    );
    const lost = join(folder, "lost.nii");
    await Deno.writeFile(
      lost,
      makeNifti({ dims: [3, nx, ny, nz, 1, 1, 1, 1], values, pixdim: [1, ...spacingMm, 0, 0, 0, 0] }),
    );
    const spec = {
      modalities: ["t1", "flair"] as const,
      preprocessing: {
        spacingMm: [1, 1, 1] as const,
        percentiles: { lower: 5, upper: 95, clip: false },
        foregroundMargin: 1,
        percentilesOver: "foreground" as const,
      },
    };
    const expected = await prepare({ spec, images: { t1, flair } });
    for (const images of [{ t1, flair: lost }, { flair: lost, t1 }]) {
      const { channels, grid, warnings } = await prepare({ spec, images });
      assert.deepEqual([channels, grid], [expected.channels, expected.grid]);
      assert.deepEqual(warnings.map((w) => w.code), ["position-assumed"]);
    }
    assert.deepEqual(spacingOf(expected.grid.affineRas).map((s) => Math.round(s * 1e6) / 1e6), [1, 1, 1]);
  }));

Deno.test("snapped() takes a grid for the anchor where its corners are off by rounding, and no other", () => {
  const moved = (mm: number): Grid => ({
    ...SCANNER,
    affineRas: SCANNER.affineRas.map((v, i) => i === 3 ? v + mm : v),
  });
  for (const mm of [0, 0.02, -0.049]) assert.equal(snapped(moved(mm), SCANNER), SCANNER, `${mm} mm`);
  for (const other of [moved(0.051), moved(1), { ...SCANNER, sizeVox: [20, 24, 17] as const }]) {
    assert.equal(snapped(other, SCANNER), other);
  }
});
