/** Which modality a volume of a head is: real volumes of patients who are held out, and simulated ones. */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { ANY_MODALITY, type Modality, type ModelSpec } from "../../../src/inference/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { PlanOptions } from "../options.ts";
import type { Plan } from "../types.ts";
import { type Cases, casesOf, joined } from "../work/cases.ts";
import { simulatedCases } from "../work/simulated.ts";
import { classificationWork, comparison } from "./comparison.ts";
import { heldAnatomies } from "./structures.ts";

const CLASSES = ["t1", "t1c", "t2", "flair", "pd", "dwi", "adc", "mra"] as const satisfies readonly Modality[];
const FOLDERS = ["ms", "ms-longitudinal", "tumour"] as const;
const FOLDS = 3;

/** The whole head in one window, as the shipped classifier of modalities sees it. */
const changes = ({ preprocessing, inference }: ModelSpec): Partial<ModelSpec> => ({
  preprocessing: {
    ...preprocessing,
    spacingMm: [3, 3, 3],
    percentiles: { lower: 0, upper: 95, clip: false },
    percentilesOver: "foreground",
    resize: [64, 64, 64],
  },
  inference: { ...inference, roi: [64, 64, 64] },
});

/** One image of a patient, whose modality is to be recognised. */
export interface SingleImage extends TrainingCase {
  readonly className: string;
}

/** Every image of a case as a case of its own, under the one channel that the classifier has. */
function imagesOf({ id, patient, images }: TrainingCase): SingleImage[] {
  return Object.entries(images).map(([m, path]) => ({
    id: `${id}/${m}`,
    patient,
    images: { [ANY_MODALITY]: path },
    className: m,
  }));
}

/** Every image below `<data>/<folder>/<patient>[_study]/<modality>.nii.gz`. */
async function realImages(data: string): Promise<SingleImage[]> {
  const found: SingleImage[] = [];
  for (const folder of FOLDERS) {
    for (const study of (await readdir(join(data, folder))).sort()) {
      const path = (m: string) => resolve(data, folder, study, `${m}.nii.gz`);
      const present = CLASSES.filter((m) => existsSync(path(m)));
      const patient = `${folder}/${study.replace(/_study\d+$/, "")}`;
      const images = Object.fromEntries(present.map((m) => [m, path(m)]));
      found.push(...imagesOf({ id: `${folder}/${study}`, patient, images }));
    }
  }
  return found;
}

interface ImageSplit {
  readonly train: SingleImage[];
  readonly test: SingleImage[];
}

/** Patients dealt out in turn, those with most modalities first, so that every fold can learn every class. */
export function foldsByPatient(images: readonly SingleImage[]): ImageSplit[] {
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

/** Simulated subjects, every image a case. */
function simulatedImages(subjects: Cases): Cases {
  return {
    ...subjects,
    data: { images: subjects.data },
    open: (runs) => subjects.open(runs).flatMap(imagesOf),
  };
}

export async function modality(options: PlanOptions): Promise<Plan> {
  const { data, part, smoke } = options;
  const real = await realImages(data), outer = foldsByPatient(real);
  // a fold is one of the first outer fold's training part, whose held-out patients it does not read
  const folds = part === "test" ? outer : [foldsByPatient(outer[0].train)[part.fold % FOLDS]];
  const { train, test } = heldAnatomies(part);
  const common = { contrast: "real", modalities: CLASSES, labels: "none" } as const;
  const made = (anatomies: number[], subjects: number, seed: number, prefix: string) =>
    simulatedImages(simulatedCases(data, { ...common, anatomies, subjects: smoke ? 1 : subjects, seed }, prefix));
  const known = made(train, 14, 3, "made"), unknown = made(test, 4, 4, "held");
  const splits = await Promise.all(folds.map(async (fold, i) => {
    const held = await casesOf(fold.test);
    return {
      train: joined(await casesOf(fold.train), known),
      test: i === 0 ? joined(held, unknown) : held,
    };
  }));
  return await comparison({
    name: "modality",
    title: "Which modality a volume is",
    notes: [
      `${real.length} volumes of ${
        new Set(real.map((c) => c.patient)).size
      } real patients (T1, T1 after contrast, T2, ` +
      `FLAIR), held out by patient in ${folds.length} ${
        folds.length === 1 ? "fold" : "folds"
      }, and simulated heads of all ` +
      `${CLASSES.length} modalities: 14 to train on, 4 of other anatomies to score. PD, DWI, ADC and MRA are simulated only.`,
    ],
    work: classificationWork({ channel: ANY_MODALITY, classes: CLASSES, changes }),
    places: [{ at: "", splits: () => Promise.resolve(splits) }],
    xName: null,
  }, options);
}
