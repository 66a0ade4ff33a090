/** ms-lesion: a segmentation of MS lesions, fine-tuned on the two shared patients. */
import { join } from "node:path";
import type { TrainingCase } from "../../src/train/mod.ts";
import { DATA_NOTE, fineTuned, LICENCE, NOT_MEDICAL, SEED } from "./models.ts";

const MODALITIES = ["t1", "t1c", "t2", "flair"] as const;

export async function makeMsLesion(
  models: string,
  { base, data, work }: { base: string; data: string; work: string },
): Promise<void> {
  const folder = join(data, "ms");
  const cases = ["patient07", "patient19"].map((id): TrainingCase => ({
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
    recipe: { preset: "edge", seed: SEED },
    describe: (_, { seconds }) => ({
      name: "ms-lesion",
      licence: LICENCE,
      intendedUse: `Demonstration of multiple-sclerosis lesion segmentation. ${NOT_MEDICAL}`,
      note: `A demonstration trained on two patients in ${seconds} s (validation included). ${DATA_NOTE}`,
    }),
  });
}
