/** Ordinary patients that a training did not see are like it; inverted images are not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DATA, SKIPPED } from "../../../tests/testing/data.ts";
import { inFolder } from "../../../tests/testing/volumes.ts";
import { readVolume, writeVolume } from "../../volume/mod.ts";
import type { Modality } from "../modalities.ts";
import { prepare } from "../prepare/preprocess.ts";
import { type ImageFacts, imageFacts } from "../quality/image_facts.ts";
import { trainingImages } from "../quality/unlike.ts";
import { SPEC } from "../testing/packages.ts";
import type { InferenceRequest } from "../types.ts";
import { trainingDoubts } from "./training_checks.ts";

async function factsOf(images: InferenceRequest["images"]): Promise<ImageFacts[]> {
  const modalities = Object.keys(images) as Modality[];
  const preprocessing = { ...SPEC.preprocessing, percentilesOver: "foreground" } as const;
  return imageFacts(await prepare({ spec: { modalities, preprocessing }, images }), modalities);
}

/** Numbers that are 2, 3 or 4 modulo 5: patients of the training part. */
async function hippocampi(): Promise<string[]> {
  const folder = join(DATA, "hippocampus", "images"), names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) if (Number(/\d+/.exec(name)![0]) % 5 > 1) names.push(name);
  return names.sort().map((name) => join(folder, name));
}

Deno.test({
  name: `trainingDoubts() warns of fewer than 2 of 100 ordinary hippocampi, and of inverted ones${SKIPPED}`,
  ignore: SKIPPED !== "",
  fn: () =>
    inFolder(async (folder) => {
      const files = (await hippocampi()).filter((_, i) => i % 2 === 0);
      const training = files.filter((_, i) => i % 4 === 0), others = files.filter((_, i) => i % 4 !== 0);
      const known = trainingImages(await Promise.all(training.map((t1) => factsOf({ t1 }))));
      const doubted: string[] = [];
      let invertedDoubted = 0;
      for (const t1 of others) {
        for (const { detail } of trainingDoubts(await factsOf({ t1 }), known)) doubted.push(detail);
      }
      assert.ok(doubted.length < 0.02 * others.length, `${doubted.length} of ${others.length}: ${doubted.join("\n")}`);
      for (const path of others.slice(0, 10)) {
        const { data, sizeVox, affineRas } = await readVolume(path), t1 = join(folder, "t1.nii.gz");
        const most = data.reduce((a, b) => Math.max(a, b));
        await writeVolume(t1, { data: data.map((v) => most - v), grid: { sizeVox, affineRas } });
        invertedDoubted += Number(
          trainingDoubts(await factsOf({ t1 }), known).some(({ code }) => code === "contrast-unlike-training"),
        );
      }
      assert.ok(invertedDoubted >= 7, `${invertedDoubted} of 10 inverted`);
    }),
});

Deno.test({
  name: `trainingDoubts() has no doubt about a patient with MS after a training of two others${SKIPPED}`,
  ignore: SKIPPED !== "",
  async fn() {
    const all: ImageFacts[][] = [];
    for (const patient of ["patient07", "patient19", "patient26"]) {
      const of = (modality: string) => join(DATA, "ms", patient, `${modality}.nii.gz`);
      all.push(await factsOf({ t1: of("t1"), flair: of("flair") }));
    }
    for (const [i, own] of all.entries()) {
      assert.deepEqual(trainingDoubts(own, trainingImages(all.filter((_, k) => k !== i))), []);
    }
  },
});
