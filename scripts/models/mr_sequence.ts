/** mr-sequence: recognises t1, t1c, t2 and flair from one volume; trained on the shared patients and on phantoms. */
import { join } from "node:path";
import {
  ANY_MODALITY,
  likeliestLook,
  lookOf,
  type Modality,
  type Preprocessing,
  SURE,
} from "../../src/inference/mod.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { writePhantomDataset } from "../phantoms/files.ts";
import { DATA_NOTE, fineTuned, LICENCE, NOT_MEDICAL, type ScoredReport, SEED } from "./models.ts";

const CLASSES = ["t1", "t1c", "t2", "flair"] as const satisfies readonly Modality[];

/**
 * The whole head in one 64³ window. Voxels of 3 mm separate the contrasts well enough and are cheap: after resampling a
 * twentieth of the voxels is left, so percentiles are taken there. The darkest voxel becomes 0, not the 5th percentile:
 * that one is air in a raw volume and fluid in one without skull, which would put the latter's background far below 0 in
 * T2 and a little below it in T1.
 */
const PREPROCESSING: Preprocessing = {
  spacingMm: [3, 3, 3],
  percentiles: { lower: 0, upper: 95, clip: false },
  foregroundMargin: 1,
  percentilesOver: "foreground",
  resize: [64, 64, 64],
};
/** Updates of eight volumes each, in every fold too. */
const STEPS = 120;
const FOLDS = 3;
const PHANTOMS = 6;

export async function makeMrSequence(
  models: string,
  { base, data, work, phantoms = join(work, "phantoms"), steps = STEPS }: {
    base: string;
    data: string;
    work: string;
    /** A data set of `scripts/phantoms/phantom.ts`; default: one is made in `work`. */
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
    describe: (_, { report }) => ({
      name: "mr-sequence",
      licence: LICENCE,
      intendedUse:
        "Tells whether a volume of a head is T1, T1 after contrast, T2 or FLAIR, to warn of mixed-up files. " +
        "T1 before and after contrast it does not tell apart reliably; the check of modalities counts them as one. Its " +
        "probabilities are not calibrated; it has seen no other sequence, no children, one hospital's scanners, and T1 " +
        `after contrast only of two skull-stripped patients. ${NOT_MEDICAL}`,
      note: noteOf(report, { real, cases, steps }),
    }),
  });
}

function noteOf(
  report: ScoredReport,
  { real, cases, steps }: { real: readonly TrainingCase[]; cases: readonly TrainingCase[]; steps: number },
): string {
  const counts = CLASSES.map((name) => `${real.filter((c) => c.className === name).length} ${name}`).join(", ");
  const patients = new Set(real.map((c) => c.patient)).size;
  const phantoms = cases.length - real.length;
  const { volumes, right, lookRight, falseWarnings, warnings } = heldOutFigures(report, real);
  return `Trained with ${steps} updates of 8 volumes, drawn from ${real.length} volumes of ${patients} patients ` +
    `(${counts}) and ${phantoms} of phantoms. Of the ${volumes} volumes of patients, in ${FOLDS} folds by patient, each ` +
    `judged by a network that never saw the patient: ${right} right, ${lookRight} with T1 before and after contrast as ` +
    `one; ${falseWarnings} called what they are would be warned of, ${warnings} under a wrong name (probability from ` +
    `${SURE} on). The metrics count the phantoms too. ${DATA_NOTE}`;
}

/** How the folds' networks classified the volumes of `cases` that they never saw, and how often the check would warn. */
export function heldOutFigures({ phases }: ScoredReport, cases: readonly Pick<TrainingCase, "id">[]) {
  const ids = new Set(cases.map((c) => c.id));
  const scored = phases.filter((p) => p.name !== "final").flatMap((p) => p.cases).filter((c) => ids.has(c.case));
  const figures = { volumes: scored.length, right: 0, lookRight: 0, falseWarnings: 0, warnings: 0 };
  for (const { probabilities, classIndex } of scored) {
    const { look, probability } = likeliestLook({ classes: CLASSES }, probabilities);
    const isLook = look === lookOf(CLASSES[classIndex]), isSure = probability >= SURE;
    figures.right += Number(probabilities.indexOf(Math.max(...probabilities)) === classIndex);
    figures.lookRight += Number(isLook);
    figures.falseWarnings += Number(isSure && !isLook);
    figures.warnings += Number(isSure && isLook);
  }
  return figures;
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
