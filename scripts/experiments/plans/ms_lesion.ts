/** Lesions of two real patients: trained on one, tested on the other; from scratch, pre-trained, with templates. */
import type { Recipe } from "../../../src/train/mod.ts";
import type { Triple } from "../../../src/volume/mod.ts";
import { labelledPatients } from "../work/data.ts";
import { type Encoder, freshEncoder, packagedEncoder } from "../work/encoders.ts";
import { LESION_METRICS, lesionValues, segmentationRun } from "../work/finetuning.ts";
import type { Plan } from "../types.ts";

export interface MsLesionOptions {
  readonly seeds: readonly number[];
  /** Package of the pre-trained encoder. */
  readonly base: string;
  /** Folder with the patients. */
  readonly data: string;
  readonly steps: number;
  readonly roi: Triple;
}

const PATIENTS = ["patient07", "patient19"] as const;

export async function msLesion({ seeds, base, data, steps, roi }: MsLesionOptions): Promise<Plan> {
  const encoder = await packagedEncoder(base);
  const variants: { name: string; encoder: (seed: number) => Encoder; templates: boolean }[] = [
    { name: "scratch", encoder: (seed) => freshEncoder(encoder.spec, seed), templates: false },
    { name: "pre-trained", encoder: () => encoder, templates: false },
    ...(encoder.hasTemplates ? [{ name: "pre-trained + templates", encoder: () => encoder, templates: true }] : []),
  ];
  const cases = new Map(
    await Promise.all(PATIENTS.map(async (id) => [id, await labelledPatients(data, [id])] as const)),
  );
  const recipe: Recipe = { preset: "edge", steps, roi };
  return {
    name: "ms-lesion",
    title: "MS lesions of real patients",
    notes: [
      `Two patients: trained on one, tested on the other, ${steps} updates of one crop of ${
        roi.join("×")
      }. One patient is little to learn from, and two ` +
      "are little to judge by.",
      encoder.hasTemplates
        ? "The encoder's pre-training saw the test patient's images without labels; the fine-tune has not seen them."
        : "The base has no templates: it was not pre-trained, or without MD.",
      "The seed decides the fine-tune's draws and fresh weights; there is one pre-training.",
      "A fine-tune with templates trains two views of each crop, so it takes about twice the time of one without.",
    ],
    settings: { base: encoder.settings, patients: PATIENTS, recipe, seeds },
    metrics: LESION_METRICS,
    baseline: "scratch",
    chart: { kind: "bars" },
    rows: seeds.flatMap((seed) =>
      PATIENTS.flatMap((id, i) =>
        variants.map(({ name, encoder, templates }) => ({
          variant: name,
          at: id,
          seed,
          runs: [segmentationRun({
            title: `${name}, test ${id}, seed ${seed}`,
            encoder: encoder(seed),
            train: cases.get(PATIENTS[1 - i])!,
            test: cases.get(id)!,
            recipe: { ...recipe, seed, templates },
          })],
          combine: lesionValues,
        }))
      )
    ),
  };
}
