/** A fine-tune's figures are those of the mask that a user gets: on the grid of the label's file. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makePhantom } from "../scripts/phantoms/phantom.ts";
import { openEngine } from "../src/engine/mod.ts";
import { segment } from "../src/inference/mod.ts";
import { dice, hd95, matchLesions } from "../src/metrics/mod.ts";
import { finetune, type TrainingCase } from "../src/train/mod.ts";
import { readVolume, spacingOf, type Triple, voxelMl } from "../src/volume/mod.ts";
import { requestOf, ROI, TINY_ENCODER, writeBase } from "./testing/tiny_models.ts";
import { inFolder, orientedGrid, writeVolume } from "./testing/volumes.ts";

const SIZE: Triple = [44, 40, 12];
const SPACING: Triple = [0.7, 0.8, 3];

/** Two patients whose slices are 3 mm thick; the second one's images lie on another grid than the label. */
async function writeCases(folder: string): Promise<TrainingCase[]> {
  const cases: TrainingCase[] = [];
  for (const [i, code] of ["LPS", "RSA"].entries()) {
    const { images, label } = makePhantom({ seed: i + 1, sizeVox: SIZE, spacingMm: SPACING, lesions: 5 });
    const grid = orientedGrid(SIZE, { code, spacingMm: SPACING });
    const write = (role: string, data: Float32Array | Uint8Array) =>
      writeVolume(join(folder, `${role}-${i}.nii.gz`), grid, data);
    cases.push({
      id: `case ${i}`,
      patient: `${i}`,
      images: { t1: await write("t1", images.t1), flair: await write("flair", images.flair) },
      label: await write("label", label),
    });
  }
  return cases;
}

Deno.test("finetune() scores the mask that segment() writes, on the file's own grid", () =>
  inFolder(async (folder) => {
    const engine = await openEngine("cpu");
    try {
      const cases = await writeCases(folder);
      await writeBase(join(folder, "base"), { architecture: TINY_ENCODER });
      // so low that an untrained network finds something
      const inference = { roi: ROI, overlap: 0.5, blending: "constant", threshold: 0.02 } as const;
      const request = requestOf({ folder, engine, cases, recipe: { steps: 12 }, spec: { inference } });
      const { spec, training } = await finetune(request);
      const report = JSON.parse(await readFile(join(request.outputDirectory, "report.json"), "utf8"));
      const scored = report.phases.at(-1).cases;
      let both = 0, all = 0;
      for (const [i, { images, label }] of cases.entries()) {
        const outPath = join(folder, `mask-${i}.nii.gz`);
        const { quality } = await segment({
          directory: request.outputDirectory,
          spec,
          images,
          engine,
          output: "labels",
          outPath,
        });
        const mask = await readVolume(outPath), reference = await readVolume(label!);
        assert.deepEqual(mask.sizeVox, SIZE);
        const [m, r] = [mask, reference].map(({ data }) => Uint8Array.from(data));
        const [{ counts, lesions, score, ...found }] = scored[i].labels;
        assert.equal(score, quality!.perLabel[0].score);
        const count = (data: Uint8Array) => data.reduce((n, v) => n + v, 0);
        assert.deepEqual(counts, [m.reduce((n, v, k) => n + (v & r[k]), 0), count(m), count(r)]);
        assert.ok(counts[0] > 0 && counts[1] < m.length, `${counts}`);
        const spacingMm = spacingOf(reference.affineRas), ml = voxelMl(reference.affineRas);
        assert.deepEqual(found, {
          label: "lesion",
          dice: dice(m, r),
          hd95Mm: hd95(m, r, { sizeVox: SIZE, spacingMm, empty: "nan" }),
          volumeMl: count(m) * ml,
          referenceMl: count(r) * ml,
        });
        const { reference: { isMatched }, prediction } = matchLesions(m, r, { sizeVox: SIZE });
        const among = (matched: readonly boolean[], wanted: boolean) => matched.filter((is) => is === wanted).length;
        assert.deepEqual([lesions.found, lesions.missed, lesions.hits, lesions.false], [
          among(isMatched, true),
          among(isMatched, false),
          among(prediction.isMatched, true),
          among(prediction.isMatched, false),
        ]);
        both += counts[0];
        all += counts[1] + counts[2];
      }
      assert.equal(training.pooledDice, 2 * both / all);
    } finally {
      await engine.close();
    }
  }));
