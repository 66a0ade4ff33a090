/** Ordinary patients that a training did not see are like it; inverted images are not. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { DATA, SKIPPED } from "../../../tests/testing/data.ts";
import { inFolder } from "../../../tests/testing/volumes.ts";
import { readVolume, type Triple, writeVolume } from "../../volume/mod.ts";
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
  name: `trainingDoubts() warns of fewer than 2 of 100 ordinary hippocampi, of inverted ones and of ghosts${SKIPPED}`,
  ignore: SKIPPED !== "",
  fn: () =>
    inFolder(async (folder) => {
      const files = (await hippocampi()).filter((_, i) => i % 2 === 0);
      const training = files.filter((_, i) => i % 4 === 0), others = files.filter((_, i) => i % 4 !== 0);
      const known = trainingImages(await Promise.all(training.map((t1) => factsOf({ t1 }))));
      const doubted: string[] = [];
      let invertedDoubted = 0, ghostsDoubted = 0;
      for (const t1 of others) {
        for (const { detail } of trainingDoubts(await factsOf({ t1 }), known)) doubted.push(detail);
      }
      assert.ok(doubted.length < 0.02 * others.length, `${doubted.length} of ${others.length}: ${doubted.join("\n")}`);
      const doubts = async (path: string, change: (data: Float32Array, sizeVox: Triple) => Float32Array) => {
        const { data, sizeVox, affineRas } = await readVolume(path), t1 = join(folder, "t1.nii.gz");
        await writeVolume(t1, { data: change(data, sizeVox), grid: { sizeVox, affineRas } });
        return trainingDoubts(await factsOf({ t1 }), known).map(({ code }) => code);
      };
      for (const path of others.slice(0, 10)) {
        const inverted = await doubts(path, (data) => {
          const most = data.reduce((a, b) => Math.max(a, b));
          return data.map((v) => most - v);
        });
        invertedDoubted += Number(inverted.includes("contrast-unlike-training"));
        // a copy beside the image; what it has beyond the end comes in at the beginning
        const ghosts = await doubts(path, (data, [, ny, nz]) =>
          data.map((v, i) => {
            const y = Math.floor(i / nz) % ny, shift = (y + 16) % ny - y;
            return 0.75 * v + 0.25 * data[i + shift * nz];
          }));
        ghostsDoubted += Number(ghosts.includes("ghosts-unlike-training"));
      }
      assert.ok(invertedDoubted >= 7, `${invertedDoubted} of 10 inverted`);
      assert.ok(ghostsDoubted >= 9, `${ghostsDoubted} of 10 with ghosts`);
    }),
});

/** The facts of the patients of a folder. */
async function patients(folder: string, names: readonly string[], modalities: readonly Modality[]) {
  const all: ImageFacts[][] = [];
  for (const name of names) {
    const files = modalities.map((m) => [m, join(DATA, folder, name, `${m}.nii.gz`)]);
    all.push(await factsOf(Object.fromEntries(files)));
  }
  return all;
}

Deno.test({
  name:
    `trainingDoubts() has no doubt about a patient with MS after a training of two others, and of pathology in every ` +
    `glioma${SKIPPED}`,
  ignore: SKIPPED !== "",
  async fn() {
    const modalities = ["t1", "t1c", "t2", "flair"] as const;
    const ms = await patients("ms", ["patient07", "patient19", "patient26"], modalities);
    const trained = ms.map((_, i) => trainingImages(ms.filter((_, k) => k !== i)));
    for (const [i, own] of ms.entries()) assert.deepEqual(trainingDoubts(own, trained[i]), []);
    const gliomas = await patients("tumour", ["patient01", "patient02", "patient05", "patient06"], ["t1c", "flair"]);
    for (const own of gliomas) {
      for (const known of [trainingImages(ms), ...trained]) {
        const found = trainingDoubts(own, known).find(({ code }) => code === "pathology-unlike-training");
        assert.match(found!.detail, /\(mL\): flair (onesided|bright) is \d+(\.\d)?, in training 3 to 3; /);
      }
    }
  },
});
