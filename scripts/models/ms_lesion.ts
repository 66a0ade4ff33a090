/** ms-lesion: a segmentation of MS lesions, fine-tuned on the three shared patients, each of which is left out once. */
import { join } from "node:path";
import type { TrainingCase } from "../../src/train/mod.ts";
import { DATA_NOTE, fineTuned, LICENCE, NOT_MEDICAL, SEED } from "./models.ts";

/** Of two cores, its validation included. */
const MINUTES = 30;
const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;

export async function makeMsLesion(
  models: string,
  { base, data, work, minutes = MINUTES }: { base: string; data: string; work: string; minutes?: number },
): Promise<void> {
  const folder = join(data, "ms");
  const cases = ["patient07", "patient19", "patient26"].map((id): TrainingCase => ({
    id,
    patient: id,
    images: Object.fromEntries(MODALITIES.map((m) => [m, join(folder, id, `${m}.nii.gz`)])),
    label: join(folder, id, "lesion.nii.gz"),
  }));
  await fineTuned(models, {
    task: "segmentation",
    cases,
    modalities: MODALITIES,
    labels: [{ name: "lesion", value: 1, colour: "#e5484d" }],
    classes: [],
    base,
    work,
    recipe: { preset: "auto", budgetMinutes: minutes, seed: SEED },
    describe: ({ validation, resolvedRecipe: { steps } }, { seconds }) => ({
      name: "ms-lesion",
      licence: LICENCE,
      intendedUse: `Demonstration of multiple-sclerosis lesion segmentation. ${NOT_MEDICAL}`,
      note:
        `A demonstration trained on ${cases.length} patients in ${Math.round(seconds / 60)} minutes of two cores, ` +
        `validation included (${steps} updates). Each of them left out once, by networks of fewer updates: mean Dice ` +
        `${validation?.dice?.toFixed(3)}. ${DATA_NOTE}`,
    }),
  });
}
