import assert from "node:assert/strict";
import { join } from "node:path";
import { inFolder, orientedGrid, sampled, writeVolume } from "../../../tests/testing/volumes.ts";
import type { Triple } from "../../volume/mod.ts";
import { middleBox, openPretrainingCases, preparePretrainingCase } from "./unlabelled_cases.ts";
import { TrainingError } from "../types.ts";

const RECIPE = { spacingMm: [2, 2, 2], percentiles: { lower: 1, upper: 99 }, percentilesOver: "foreground" } as const;

/** A ball of 24 mm around (4, −2, 0) mm, brighter towards the right. */
const ball = ([x, y, z]: Triple) => (Math.hypot(x - 4, y + 2, z) < 24 ? 100 + x : 0);

Deno.test("preparePretrainingCase() brings modalities of any orientation and spacing onto one grid about the middle", () =>
  inFolder(async (folder) => {
    const t1 = orientedGrid([40, 40, 40], { spacingMm: [2, 2, 2], originMm: [-39, -39, -39] });
    const flair = orientedGrid([56, 60, 16], { code: "LPS", spacingMm: [1.2, 1.1, 4], originMm: [30, 30, -28] });
    const images = {
      t1: await writeVolume(join(folder, "a.nii.gz"), t1, sampled(t1, ball)),
      flair: await writeVolume(join(folder, "b.nii.gz"), flair, sampled(flair, ball)),
    };
    const { sizeVox, modalities, channels, centreMm } = await preparePretrainingCase({ id: "x", images }, RECIPE);
    assert.deepEqual(modalities, ["t1", "flair"]);
    // the ball reaches 28 mm to the right of the middle, so the box is that wide on both sides
    assert.deepEqual(sizeVox, [28, 26, 24]);
    assert.deepEqual(centreMm, [0, 0, 0]);
    const [own, resampled] = channels;
    assert.ok(Math.max(...own) === 1 && Math.min(...own) === 0 && Math.max(...resampled) <= 1);
    let inside = 0, error = 0;
    for (let i = 0; i < own.length; i++) {
      const [x, y, z] = [i / (26 * 24), (i / 24) % 26, i % 24].map((v, a) =>
        2 * (Math.floor(v) - (sizeVox[a] - 1) / 2)
      );
      if (Math.hypot(x - 4, y + 2, z) > 16) continue;
      inside++;
      error = Math.max(error, Math.abs(own[i] - resampled[i]));
    }
    // each file's percentiles are those of its own voxels
    assert.ok(inside > 1000 && error < 0.05, `${error} of ${inside} voxels well inside`);
  }));

Deno.test("middleBox() grows the foreground until it is symmetric about the middle (docs/method B.2.1)", () => {
  assert.deepEqual(middleBox({ start: [2, 3, 0], end: [8, 5, 10] }, [10, 11, 10]), {
    start: [2, 3, 0],
    end: [8, 8, 10],
  });
});

Deno.test("openPretrainingCases() reads prepared cases back and prepares again what has changed", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([20, 20, 20], { spacingMm: [2, 2, 2], originMm: [-19, -19, -19] });
    const path = await writeVolume(join(folder, "a.nii.gz"), grid, sampled(grid, ball));
    const options = {
      cases: [{ id: "x", images: { t2: path } }],
      recipe: RECIPE,
      directory: join(folder, "cases"),
    };
    const first = await (await openPretrainingCases(options)).get(0);
    const files = () => [...Deno.readDirSync(options.directory)].map((f) => f.name);
    const [prepared] = files();
    const again = await (await openPretrainingCases(options)).get(0);
    assert.deepEqual(again, first);
    assert.deepEqual(files(), [prepared]);
    await Deno.writeFile(join(options.directory, prepared), new Uint8Array(100)); // damaged
    assert.deepEqual(await (await openPretrainingCases(options)).get(0), first);
    await openPretrainingCases({ ...options, recipe: { ...RECIPE, percentiles: { lower: 5, upper: 95 } } });
    assert.equal(files().length, 2);
  }));

Deno.test("openPretrainingCases() refuses volumes that do not show the same head, or nothing, by number", () =>
  inFolder(async (folder) => {
    const grid = orientedGrid([20, 20, 20]), far = orientedGrid([20, 20, 20], { originMm: [500, 0, 0] });
    const t1 = await writeVolume(join(folder, "Meier1.nii.gz"), grid, sampled(grid, ball));
    const flair = await writeVolume(
      join(folder, "Meier2.nii.gz"),
      far,
      sampled(far, ([x, y, z]) => ball([x - 500, y, z])),
    );
    const empty = await writeVolume(join(folder, "Meier3.nii.gz"), grid, sampled(grid, () => 0));
    const open = (images: Record<string, string>) =>
      openPretrainingCases({ cases: [{ id: "Meier", images }], recipe: RECIPE, directory: join(folder, "cases") });
    const refuse = (images: Record<string, string>, message: string) =>
      assert.rejects(open(images), (e) => e instanceof TrainingError && e.message === message);
    await refuse({ t1, flair }, "Cannot train on case 1: flair does not overlap t1 in space");
    await refuse(
      { t1: empty },
      "Cannot train on case 1: t1: the volume shows nothing: expected tissue before a background, got 0 in every voxel " +
        "(or all but a few). Check that the file is the one that you meant",
    );
  }));

const RAW = "../shared/data/ms-longitudinal/patient01_study1";
const isAbsent = !(await Deno.stat(RAW).then(() => true, () => false));

Deno.test({
  name: "preparePretrainingCase() reads raw scans with skull, each on its own grid" +
    (isAbsent ? " (skipped: ../shared/data is not there)" : ""),
  ignore: isAbsent,
  async fn() {
    const images = Object.fromEntries(["t1", "t2", "flair"].map((m) => [m, `${RAW}/${m}.nii.gz`]));
    const { sizeVox, channels } = await preparePretrainingCase({ id: "x", images }, RECIPE);
    assert.ok(sizeVox.every((n) => n > 60 && n < 120), `${sizeVox} voxels of 2 mm`);
    const correlation = (a: Float32Array, b: Float32Array) => {
      const mean = (v: Float32Array) => v.reduce((s, x) => s + x, 0) / v.length;
      const [p, q] = [mean(a), mean(b)];
      let ab = 0, aa = 0, bb = 0;
      a.forEach((x, i) => (ab += (x - p) * (b[i] - q), aa += (x - p) ** 2, bb += (b[i] - q) ** 2));
      return ab / Math.sqrt(aa * bb);
    };
    const [t1, t2, flair] = channels;
    for (const other of [t2, flair]) assert.ok(correlation(t1, other) > 0.5, `${correlation(t1, other)}`);
  },
});
