import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import {
  crop,
  foregroundBox,
  gridOverlap,
  readNifti,
  readNiftiHeader,
  resampleSpacing,
  resampleToGrid,
  restoreLabels,
  restoreNearest,
  sameGrid,
  toRas,
  writeNifti,
} from "./mod.ts";

const DATA = "../shared/data/";
const ignore = !existsSync(DATA);
const WHY = ignore ? " (skipped: ../shared/data is absent)" : "";

Deno.test({
  name: `a lesion mask comes back bit for bit through RAS, crop and file${WHY}`,
  ignore,
  fn: async () => {
    const image = await readNifti(`${DATA}ms/patient07/flair.nii.gz`);
    const lesion = await readNifti(`${DATA}ms/patient07/lesion.nii.gz`);
    assert.ok(sameGrid(image, lesion));
    const ras = toRas(image);
    const box = foregroundBox([ras.data], ras.sizeVox, 1)!;
    const label = crop(toRas(lesion), box);
    const mask = restoreNearest(Uint8Array.from(label.data), label);
    assert.deepEqual(mask, Uint8Array.from(lesion.data));
    const logits = label.data.map((v) => v - 0.5);
    assert.deepEqual(restoreLabels({ logits, channels: 1, grid: label }, { values: [1] }), mask);

    const path = await Deno.makeTempFile({ suffix: ".nii.gz" });
    try {
      await writeNifti(path, { data: mask, sizeVox: image.sizeVox, like: image.header });
      const back = await readNifti(path);
      assert.deepEqual(back.data, lesion.data);
      assert.deepEqual(back.affineRas, image.affineRas);
      assert.deepEqual(back.header.raw, (await readNiftiHeader(`${DATA}ms/patient07/flair.nii.gz`)).raw);
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
    const flair = await readNifti(`${folder}flair.nii.gz`);
    const t2 = await readNifti(`${folder}t2.nii.gz`);
    assert.ok(!sameGrid(flair, t2));
    assert.ok(gridOverlap(flair, t2) > 0.8);
    const moved = resampleToGrid(t2, flair);
    assert.ok(sameGrid(moved, flair));
    const correlation = correlate(moved.data, flair.data);
    assert.ok(correlation > 0.5, `the two modalities should show one head, correlation ${correlation}`);
    const spaced = resampleSpacing(toRas(moved), [1, 1, 1], "linear");
    assert.equal(restoreNearest(spaced.data, spaced).length, flair.data.length);
  },
});

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
