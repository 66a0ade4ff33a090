/** hippocampus: anterior and posterior hippocampus from a T1 crop, fine-tuned on the Decathlon's patients of task 4. */
import { join } from "node:path";
import type { Engine } from "../../src/engine/mod.ts";
import { type ModelSpec, segment } from "../../src/inference/mod.ts";
import { nanMean } from "../../src/metrics/mod.ts";
import type { TrainingCase } from "../../src/train/mod.ts";
import { hippocampi, HIPPOCAMPUS_LABELS, isHippocampusTest } from "../experiments/plans/hippocampus.ts";
import { type PatientScore, regionsOf, scored } from "../experiments/work/scoring.ts";
import { fineTuned, NOT_MEDICAL, SEED } from "./models.ts";

/** Of two cores, its validation included. */
const MINUTES = 30;

/** Trains on the patients that experiments may label, and says in its note how it does on those that they test on. */
export async function makeHippocampus(
  models: string,
  { base, data, work, minutes = MINUTES }: { base: string; data: string; work: string; minutes?: number },
): Promise<void> {
  const all = await hippocampi(data), cases = all.filter((c) => !isHippocampusTest(c));
  const held = all.filter(isHippocampusTest);
  await fineTuned(models, {
    task: "segmentation",
    cases,
    modalities: ["t1"],
    labels: HIPPOCAMPUS_LABELS,
    classes: [],
    base,
    work,
    recipe: { preset: "auto", budgetMinutes: minutes, seed: SEED },
    describe: async ({ spec, resolvedRecipe: { steps } }, { seconds, directory, engine }) => ({
      name: "hippocampus",
      licence: "Apache-2.0; trained on data under CC BY-SA 4.0 (Medical Segmentation Decathlon, task 4)",
      intendedUse: `Segments the anterior and the posterior hippocampus in a T1 crop of some 40 mm around one ` +
        `hippocampus; it was trained on no whole head. ${NOT_MEDICAL}`,
      note: `Trained on ${cases.length} patients in ${Math.round(seconds / 60)} minutes of two cores, validation ` +
        `included (${steps} updates). On ${held.length} other patients of the same data, on which nothing was chosen: ` +
        `${
          figuresOf(await scoresOf(held, { spec, directory, engine, work }))
        }. Data: Medical Segmentation Decathlon, ` +
        "task 4 (Antonelli et al., Nature Communications 2022), CC BY-SA 4.0.",
    }),
  });
}

async function scoresOf(
  cases: readonly TrainingCase[],
  { spec, directory, engine, work }: { spec: ModelSpec; directory: string; engine: Engine; work: string },
): Promise<PatientScore[]> {
  const outPath = join(work, "mask.nii.gz"), scores: PatientScore[] = [];
  for (const { id, images, label } of cases) {
    await segment({ directory, spec, images, engine, output: "labels", outPath });
    scores.push(await scored(id, { mask: outPath, reference: label! }, regionsOf(HIPPOCAMPUS_LABELS)));
  }
  return scores;
}

/** `Dice 0.873 anterior, 0.860 posterior (HD95 1.42 and 1.50 mm)`: means over patients. */
export function figuresOf(scores: readonly PatientScore[]): string {
  const means = HIPPOCAMPUS_LABELS.map(({ name }) => {
    const own = scores.flatMap(({ regions }) => regions.filter((r) => r.name === name));
    const mean = (values: readonly (number | null)[]) => nanMean(values.map((v) => v ?? NaN));
    return { name, dice: mean(own.map((r) => r.dice)), hd95Mm: mean(own.map((r) => r.hd95Mm)) };
  });
  return `Dice ${means.map(({ name, dice }) => `${dice.toFixed(3)} ${name}`).join(", ")} ` +
    `(HD95 ${means.map(({ hd95Mm }) => hd95Mm.toFixed(2)).join(" and ")} mm)`;
}
