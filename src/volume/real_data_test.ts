import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  crop,
  findForeground,
  gridOverlap,
  readVolume,
  readVolumeHeader,
  resampleSpacing,
  resampleToGrid,
  sameGrid,
  toRas,
  type Triple,
  writeVolume,
} from "./mod.ts";
import { restoredLabels, restoredLogits } from "./testing/restored.ts";
import { assertAllClose } from "./testing/fixtures.ts";

const DATA = "../shared/data/";
const ignore = !existsSync(DATA);
const WHY = ignore ? " (skipped: ../shared/data is absent)" : "";

Deno.test({
  name: `a lesion mask comes back bit for bit through RAS, crop and file${WHY}`,
  ignore,
  fn: async () => {
    const image = await readVolume(`${DATA}ms/patient07/flair.nii.gz`);
    const lesion = await readVolume(`${DATA}ms/patient07/lesion.nii.gz`);
    assert.ok(sameGrid(image, lesion));
    const ras = toRas(image);
    const box = findForeground(ras).box!;
    const label = crop(toRas(lesion), box);
    const logits = label.data.map((v) => v - 0.5);
    const mask = restoredLabels({ logits, channels: 1, grid: label, target: image }, [1]);
    assert.deepEqual(mask, Uint8Array.from(lesion.data));

    const path = await Deno.makeTempFile({ suffix: ".nii.gz" });
    try {
      await writeVolume(path, { data: mask, grid: image.header });
      const back = await readVolume(path);
      assert.deepEqual(back.data, lesion.data);
      assert.deepEqual(back.affineRas, image.affineRas);
      const { nifti } = await readVolumeHeader(`${DATA}ms/patient07/flair.nii.gz`);
      assert.ok(nifti);
      assert.deepEqual(back.header.nifti, nifti);
    } finally {
      await Deno.remove(path);
    }
  },
});

Deno.test({
  name: `modalities on grids of their own overlap, and the first grid's size comes out${WHY}`,
  ignore,
  fn: async () => {
    const folder = `${DATA}ms-longitudinal/patient01_study1/`;
    const flair = await readVolume(`${folder}flair.nii.gz`);
    const t2 = await readVolume(`${folder}t2.nii.gz`);
    assert.ok(!sameGrid(flair, t2));
    assert.ok(gridOverlap(flair, t2) > 0.8);
    const moved = resampleToGrid(t2, flair);
    assert.ok(sameGrid(moved, flair));
    const correlation = correlate(moved.data, flair.data);
    assert.ok(correlation > 0.5, `the two modalities should show one head, correlation ${correlation}`);
    const spaced = resampleSpacing(toRas(moved), [1, 1, 1], "linear");
    const back = restoredLogits({ logits: spaced.data, channels: 1, grid: spaced, target: flair });
    assert.equal(back.length, flair.data.length);
    assert.ok(correlate(back.map((v) => Math.max(v, 0)), moved.data) > 0.95);
  },
});

Deno.test({
  name: `the odd files of others have the size, affine and values that nibabel 5.4.2 reads of them${WHY}`,
  ignore,
  fn: async () => {
    const rows = (await Deno.readTextFile(new URL("./testing/nibabel_files.txt", import.meta.url))).trim().split("\n");
    assert.equal(rows.length, 22);
    for (const row of rows) {
      const [path, size, ...numbers] = row.split(" ");
      const volume = await readVolume(DATA + path);
      assert.equal(volume.sizeVox.join("x"), size, path);
      // Without a form nibabel guesses "left" for the first axis and centres the grid; the row holds pixdim alone.
      assert.equal(volume.header.positioned, !path.includes("minimal"), path);
      assertAllClose([...volume.affineRas.slice(0, 12)], numbers.slice(0, 12).map(Number), 1e-4);
      const mean = Number(numbers[12]);
      assertAllClose([weightedMean(volume)], [mean], 1e-6 * Math.abs(mean));
      const isSheared = path.includes("shear");
      assert.deepEqual(volume.header.doubts.map((d) => d.code), isSheared ? ["forms-differ", "sheared"] : [], path);
    }
  },
});

/** Mean of the values, weighted with 1 + x + 2y + 3z: it notices swapped axes. */
function weightedMean({ data, sizeVox: [nx, ny, nz] }: { data: Float32Array; sizeVox: Triple }): number {
  let [sum, weights] = [0, 0];
  for (let x = 0, i = 0; x < nx; x++) {
    for (let y = 0; y < ny; y++) {
      for (let z = 0; z < nz; z++, i++) {
        const weight = 1 + x + 2 * y + 3 * z;
        sum += weight * data[i];
        weights += weight;
      }
    }
  }
  return sum / weights;
}

function correlate(a: Float32Array, b: Float32Array): number {
  const mean = (v: Float32Array) => v.reduce((s, x) => s + x, 0) / v.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return ab / Math.sqrt(aa * bb);
}
