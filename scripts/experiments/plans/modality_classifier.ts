/** Which modality an image is: from scratch against the pre-trained encoder, held out by patient. */
import type { Modality } from "../../../src/inference/mod.ts";
import { accuracy, auc, macroF1 } from "../../../src/metrics/mod.ts";
import type { Recipe } from "../../../src/train/mod.ts";
import type { Triple } from "../../../src/volume/mod.ts";
import { digestFile } from "../../../src/storage/mod.ts";
import { imagesOf, Phantoms, type SingleImage, singleImages } from "../work/data.ts";
import { type Encoder, freshEncoder, packagedEncoder } from "../work/encoders.ts";
import { type Cases, type ClassificationResult, classificationRun } from "../work/finetuning.ts";
import type { Plan, Row } from "../types.ts";

export interface ModalityClassifierOptions {
  readonly seeds: readonly number[];
  /** Package of the pre-trained encoder. */
  readonly base: string;
  /** Folders of real patients. */
  readonly data: readonly string[];
  readonly steps: number;
  /** Phantoms beside the real training images. */
  readonly phantoms: number;
  /** Size that every image is resized to. */
  readonly roi: Triple;
}

/** The name of the one input, whatever modality it holds. */
const CHANNEL: Modality = "t1";
const CLASSES = ["t1", "t1c", "t2", "flair"] as const;
const FOLDS = 3;

const METRICS = [
  { key: "accuracy", name: "ACC", better: "higher", digits: 3 },
  { key: "auc", name: "AUC", better: "higher", digits: 3 },
  { key: "macroF1", name: "macro F1", better: "higher", digits: 3 },
] as const;

export async function modalityClassifier(options: ModalityClassifierOptions): Promise<Plan> {
  const { seeds, base, data, steps, roi, phantoms } = options;
  const packaged = await packagedEncoder(base);
  const { preprocessing, inference } = packaged.spec;
  const whole = { preprocessing: { ...preprocessing, resize: roi }, inference: { ...inference, roi } };
  const pretrained = await packagedEncoder(base, whole);
  const variants: { name: string; encoder: (seed: number) => Encoder }[] = [
    { name: "scratch", encoder: (seed) => freshEncoder(pretrained.spec, seed) },
    { name: "pre-trained", encoder: () => pretrained },
  ];
  const real = (await Promise.all(data.map((f) => singleImages(f, { channel: CHANNEL, classes: CLASSES })))).flat();
  const folds = foldsByPatient(real);
  const made = new Phantoms({
    seed: 2000,
    sizeVox: [64, 64, 64],
    spacingMm: [3, 3, 3],
    lesions: 8,
    count: phantoms,
  }).cases(0, phantoms);
  const recipe: Recipe = { preset: "edge", steps, roi, templates: false };
  const sets = await Promise.all(folds.map(async ({ train, test }) => ({
    train: joined(await casesOf(train), made),
    test: await casesOf(test),
  })));
  return {
    name: "modality-classifier",
    title: "Which modality an image is",
    notes: [
      `${real.length} images of ${
        new Set(real.map((c) => c.patient)).size
      } real patients, every patient held out once ` +
      `in ${folds.length} folds; each fold trains on the others' images and on those of ${phantoms} phantoms, ` +
      `${steps} updates of one image of ${roi.join("×")} voxels. The figures are over all held-out images.`,
      "T1 after contrast exists for two of the real patients only.",
      "The encoder's pre-training may have seen the held-out images; it is not given the modality of a patch.",
      "The seed decides the fine-tune's draws and fresh weights; there is one pre-training.",
    ],
    settings: { base: pretrained.settings, folds: sets.map((s) => s.test.ids), phantoms, recipe, seeds },
    metrics: METRICS,
    baseline: "scratch",
    chart: { kind: "bars" },
    rows: seeds.flatMap((seed) =>
      variants.map(({ name, encoder }) => ({
        variant: name,
        at: "",
        seed,
        runs: sets.map(({ train, test }, f) =>
          classificationRun({
            title: `${name}, fold ${f + 1} of ${sets.length}, seed ${seed}`,
            encoder: encoder(seed),
            train,
            test,
            recipe: { ...recipe, seed },
          }, { channel: CHANNEL, classes: CLASSES })
        ),
        combine: classificationValues,
      }))
    ),
  };
}

/** Patients dealt out in turn, those with most modalities first, so that every fold can learn every class. */
export function foldsByPatient(
  images: readonly SingleImage[],
): { readonly train: SingleImage[]; readonly test: SingleImage[] }[] {
  const modalities = new Map<string, Set<string>>();
  for (const { patient, className } of images) {
    modalities.set(patient, (modalities.get(patient) ?? new Set()).add(className));
  }
  const patients = [...modalities.keys()].sort((a, b) => modalities.get(b)!.size - modalities.get(a)!.size);
  const foldOf = new Map(patients.map((p, i) => [p, i % FOLDS]));
  return Array.from({ length: Math.min(FOLDS, patients.length) }, (_, f) => ({
    train: images.filter((c) => foldOf.get(c.patient) !== f),
    test: images.filter((c) => foldOf.get(c.patient) === f),
  }));
}

async function casesOf(images: readonly SingleImage[]): Promise<Cases> {
  const data: string[] = [];
  for (const { images: files } of images) data.push((await digestFile(files[CHANNEL]!)).sha256);
  return { data, ids: images.map((c) => c.id), needs: [], open: () => images };
}

/** Real images and every image of the phantoms. */
function joined(real: Cases, phantoms: Cases): Cases {
  return {
    data: [real.data, phantoms.data],
    ids: [...real.ids, ...phantoms.ids],
    needs: phantoms.needs,
    open: (runs) => [...real.open(runs), ...imagesOf(phantoms.open(runs), CHANNEL)],
  };
}

/** All held-out images of the folds together. */
export function classificationValues(results: readonly unknown[]): { values: Row["values"]; details: unknown } {
  const cases = results.flatMap((r) => (r as ClassificationResult).cases);
  const actual = cases.map((c) => c.actual), probabilities = cases.map((c) => c.probabilities);
  const predicted = probabilities.map((p) => p.indexOf(Math.max(...p)));
  const area = auc(probabilities, actual);
  return {
    values: {
      accuracy: accuracy(predicted, actual),
      auc: Number.isNaN(area) ? null : area,
      macroF1: macroF1(predicted, actual, CLASSES.length),
    },
    details: {
      confusion: CLASSES.map((_, a) =>
        CLASSES.map((_, p) => cases.filter((c, i) => c.actual === a && predicted[i] === p).length)
      ),
      cases,
    },
  };
}
