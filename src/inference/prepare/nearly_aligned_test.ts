/** Affines that differ by rounding, as registration tools write them, change neither the crop nor the mask. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makePhantom } from "../../../scripts/phantoms/phantom.ts";
import { inFolder, orientedGrid, writeVolume } from "../../../tests/testing/volumes.ts";
import { type Grid, perAxis, readVolume, type Triple } from "../../volume/mod.ts";
import { assertAllClose, oblique } from "../../volume/testing/fixtures.ts";
import { prepare } from "./preprocess.ts";
import { SPEC } from "../testing/packages.ts";
import type { ModelSpec } from "../spec.ts";

const FOREGROUND: ModelSpec = { ...SPEC, preprocessing: { ...SPEC.preprocessing, percentilesOver: "foreground" } };

const DEGREES = Math.PI / 180;

/** The grid moved by 0.02 mm along every axis in either direction, and turned by 0.01°. */
function nearly(grid: Grid): Grid[] {
  const moved = (mm: number) => ({
    ...grid,
    affineRas: grid.affineRas.map((v, i) => i % 4 === 3 && i < 12 ? v + mm : v),
  });
  return [moved(0.02), moved(-0.02), oblique(grid, [0, 0, 0.01 * DEGREES])];
}

/** Asserts that either of two files may be off by rounding: the same crop, and the same voxels. */
async function assertUnmoved(grid: Grid, images: { readonly t1: Float32Array; readonly flair: Float32Array }) {
  await inFolder(async (folder) => {
    const preparedOn = async (grids: { t1: Grid; flair: Grid }) =>
      await prepare({
        spec: FOREGROUND,
        images: {
          t1: await writeVolume(join(folder, "t1.nii"), grids.t1, images.t1),
          flair: await writeVolume(join(folder, "flair.nii"), grids.flair, images.flair),
        },
      });
    const expected = await preparedOn({ t1: grid, flair: grid });
    const [forwards, back, turned] = nearly(grid);
    for (
      const grids of [{ t1: grid, flair: forwards }, { t1: back, flair: grid }, { t1: grid, flair: turned }]
    ) {
      const { channels, grid: { sizeVox, affineRas }, warnings } = await preparedOn(grids);
      assert.deepEqual(sizeVox, expected.grid.sizeVox);
      const origin = perAxis((a) => Math.abs(affineRas[4 * a + 3] - expected.grid.affineRas[4 * a + 3]));
      assert.ok(Math.max(...origin) < 0.1, `the crop moved by ${origin} mm`);
      assert.deepEqual(warnings, []);
      channels.forEach((channel, c) => assertAllClose(channel, expected.channels[c], 1e-5));
    }
  });
}

Deno.test("prepare() is not moved by affines that are off by 0.02 mm or 0.01°", async () => {
  const sizeVox: Triple = [60, 72, 56];
  const { images } = makePhantom({ seed: 4, sizeVox, spacingMm: [2, 2, 2], lesions: 5 });
  for (const code of ["RAS", "LPS"]) {
    await assertUnmoved(orientedGrid(sizeVox, { code, spacingMm: [2, 2, 2], originMm: [-60, -72, -50] }), images);
  }
});

const FOLDER = "../shared/data/ms/patient07/";
const ignore = !existsSync(FOLDER);

Deno.test({
  name: `prepare() is not moved so with a real patient${ignore ? " (skipped: ../shared/data is absent)" : ""}`,
  ignore,
  fn: async () => {
    const [t1, flair] = await Promise.all(["t1", "flair"].map((m) => readVolume(`${FOLDER}${m}.nii.gz`)));
    await assertUnmoved(t1, { t1: t1.data, flair: flair.data });
  },
});
