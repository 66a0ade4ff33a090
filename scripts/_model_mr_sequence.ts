/** mr-sequence: tells t1, t1c, t2 and flair from one volume, trained on the shared patients and on phantoms. */
import { join } from "node:path";
import { ANY_MODALITY, type Modality, type Preprocessing } from "../src/inference/mod.ts";
import type { FinetuneResult, TrainingCase } from "../src/train/mod.ts";
import { writePhantomDataset } from "./_phantom_files.ts";
import { DATA_NOTE, fineTuned, LICENCE, NOT_MEDICAL, SEED } from "./_models.ts";

const CLASSES = ["t1", "t1c", "t2", "flair"] as const satisfies readonly Modality[];

/**
 * The whole head in one 64³ window. 3 mm are enough to tell contrasts apart and make it cheap: everything after the
 * resampling has a twentieth of the voxels, so percentiles are taken there and not over the file.
 */
const PREPROCESSING: Preprocessing = {
  spacingMm: [3, 3, 3],
  percentiles: { lower: 5, upper: 95, clip: false },
  foregroundMargin: 1,
  percentilesOver: "foreground",
  resize: [64, 64, 64],
};
/** Two CPU cores make an update in a quarter of a second; each of the folds has three eighths of these. */
const STEPS = 800;
const FOLDS = 3;
const PHANTOMS = 4;

export async function makeMrSequence(
  models: string,
  { base, data, work, phantoms = join(work, "phantoms"), steps = STEPS }: {
    base: string;
    data: string;
    work: string;
    /** A data set of `scripts/phantom.ts`; made in `work` where it is not given. */
    phantoms?: string;
    steps?: number;
  },
): Promise<void> {
  const isThere = await Deno.stat(join(phantoms, "dataset.json")).then(() => true, () => false);
  if (!isThere) {
    await writePhantomDataset(phantoms, {
      count: PHANTOMS,
      seed: 1,
      sizeVox: [96, 96, 96],
      spacingMm: [2, 2, 2],
      lesions: 8,
    });
  }
  const real = [...await casesBelow(join(data, "ms")), ...await casesBelow(join(data, "ms-longitudinal"))];
  const cases = [...real, ...await casesBelow(join(phantoms, "cases"))];
  await fineTuned(models, {
    task: "classification",
    cases,
    modalities: [ANY_MODALITY],
    labels: [],
    classes: CLASSES,
    base,
    preprocessing: PREPROCESSING,
    work,
    recipe: { preset: "edge", steps, validation: { folds: FOLDS }, seed: SEED },
    describe: (result, seconds) => ({
      name: "mr-sequence",
      licence: LICENCE,
      intendedUse:
        "Tells whether a volume of a head is T1, T1 after contrast, T2 or FLAIR, to warn of mixed-up files. " +
        "Its probabilities are not calibrated; it has seen no other sequence, no children, one scanner site, and T1 " +
        `after contrast only of two skull-stripped patients. ${NOT_MEDICAL}`,
      note: noteOf(result, { real, cases, seconds }),
    }),
  });
}

function noteOf(
  { validation }: FinetuneResult,
  { real, cases, seconds }: { real: readonly TrainingCase[]; cases: readonly TrainingCase[]; seconds: number },
): string {
  const counts = CLASSES.map((name) => `${real.filter((c) => c.className === name).length} ${name}`).join(", ");
  const patients = new Set(real.map((c) => c.patient)).size;
  const accuracy = validation?.accuracy?.toFixed(2) ?? "not measured";
  return `Trained in ${seconds} s on ${real.length} volumes of ${patients} patients (${counts}) and ` +
    `${cases.length - real.length} of phantoms; accuracy on patients and phantoms of held-out folds ${accuracy}. ` +
    DATA_NOTE;
}

/** Every image of every study as a case of its own: `<folder>/<patient>[_<study>]/<modality>.nii.gz`. */
export async function casesBelow(folder: string): Promise<TrainingCase[]> {
  const found: TrainingCase[] = [];
  const studies = (await Array.fromAsync(Deno.readDir(folder))).filter((e) => e.isDirectory).map((e) => e.name);
  for (const study of studies.sort()) {
    for (const name of CLASSES) {
      const path = join(folder, study, `${name}.nii.gz`);
      if (!await Deno.stat(path).then(() => true, () => false)) continue;
      found.push({
        id: `${study}-${name}`,
        patient: study.split("_")[0],
        images: { [ANY_MODALITY]: path },
        className: name,
      });
    }
  }
  return found;
}
