/** mr-sequence: recognises the eight modalities, or that a volume is none of them; trained on the shared patients and on simulated heads. */
import { join } from "node:path";
import {
  ANY_MODALITY,
  likeliestLook,
  lookOf,
  MODALITIES,
  OTHER,
  type Preprocessing,
  SURE,
} from "../../src/inference/mod.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { Random } from "../../src/tensor/mod.ts";
import { heldAnatomies } from "../experiments/plans/structures.ts";
import { otherVolumes } from "./other_volumes.ts";
import { DATA_NOTE, fineTuned, LICENCE, NOT_MEDICAL, type ScoredReport, SEED } from "./models.ts";

const CLASSES = [...MODALITIES, OTHER] as const;

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
const STEPS = 240;
const FOLDS = 3;
/** Simulated volumes of each modality, and scans from which volumes of none are made. */
const PER_CLASS = 24, SCANS = 8;

export async function makeMrSequence(
  models: string,
  { base, data, work, simulated, steps = STEPS }: {
    base: string;
    data: string;
    work: string;
    /** Folder of subjects of `scripts/simulator/main.ts`. */
    simulated: string;
    steps?: number;
  },
): Promise<void> {
  const real = [...await casesBelow(join(data, "ms")), ...await casesBelow(join(data, "ms-longitudinal"))];
  const drawn = perClass(await casesBelow(join(simulated, "cases")), PER_CLASS);
  const others = await otherVolumes(join(work, "others"), {
    anatomies: heldAnatomies("test").train.map((n) =>
      join(data, "anatomies", `anatomy${String(n).padStart(2, "0")}.nii.gz`)
    ),
    scans: drawn.slice(0, SCANS).map((c) => c.images[ANY_MODALITY]!),
  });
  const cases = [...real, ...drawn, ...others];
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
      licence: `${LICENCE}, and on simulated heads of anatomies under Apache-2.0 (Billot et al. 2023)`,
      intendedUse:
        "Tells which of eight MRI modalities a volume of a head is, or that it is none of them, to warn of " +
        "mixed-up files. T1 before and after contrast it does not tell apart reliably; the check of modalities counts " +
        "them as one. PD, DWI, ADC and angiography it knows from simulated heads only, other volumes from CT, masks and " +
        "damaged scans that were made for it. Its probabilities are not calibrated; it has seen no children, one " +
        `hospital's scanners, and T1 after contrast of three skull-stripped patients. ${NOT_MEDICAL}`,
      note: noteOf(report, { real, drawn, others, steps }),
    }),
  });
}

/** Up to `count` cases of each class, drawn by seed. */
export function perClass(cases: readonly TrainingCase[], count: number): TrainingCase[] {
  const shuffled = new Random("mr-sequence").shuffle([...cases]);
  return [...Map.groupBy(shuffled, (c) => c.className).values()].flatMap((of) => of.slice(0, count));
}

function noteOf(
  report: ScoredReport,
  { real, drawn, others, steps }: {
    real: readonly TrainingCase[];
    drawn: readonly TrainingCase[];
    others: readonly TrainingCase[];
    steps: number;
  },
): string {
  const counts = MODALITIES.flatMap((m) => {
    const count = real.filter((c) => c.className === m).length;
    return count === 0 ? [] : [`${count} ${m}`];
  });
  const patients = new Set(real.map((c) => c.patient)).size;
  const figures = heldOutFigures(report, real);
  const right = (cases: readonly TrainingCase[]) => {
    const { volumes, lookRight } = heldOutFigures(report, cases);
    return `${lookRight} of ${volumes}`;
  };
  return `Trained with ${steps} updates of 8 volumes, drawn from ${real.length} volumes of ${patients} patients ` +
    `(${counts.join(", ")}), ${drawn.length} of simulated heads and ${others.length} of none of the modalities. In ` +
    `${FOLDS} folds by patient, each judged by a network that never saw the patient: of the ${figures.volumes} volumes ` +
    `of patients ${figures.right} right, ${figures.lookRight} with T1 before and after contrast as one; ` +
    `${figures.falseWarnings} called what they are would be warned of, ${figures.warnings} under a wrong name ` +
    `(probability from ${SURE} on). Right of the simulated heads: ${right(drawn)}; of the others: ${right(others)}. ` +
    DATA_NOTE;
}

const lookIn = (name: (typeof CLASSES)[number]) => name === OTHER ? OTHER : lookOf(name);

/** How the folds' networks classified the volumes of `cases` that they never saw, and how often the check would warn. */
export function heldOutFigures({ phases }: ScoredReport, cases: readonly Pick<TrainingCase, "id">[]) {
  const ids = new Set(cases.map((c) => c.id));
  const scored = phases.filter((p) => p.name !== "final").flatMap((p) => p.cases).filter((c) => ids.has(c.case));
  const figures = { volumes: scored.length, right: 0, lookRight: 0, falseWarnings: 0, warnings: 0 };
  for (const { probabilities, classIndex } of scored) {
    const { look, probability } = likeliestLook({ classes: CLASSES }, probabilities);
    const isLook = look === lookIn(CLASSES[classIndex]), isSure = probability >= SURE;
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
    for (const name of MODALITIES) {
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
