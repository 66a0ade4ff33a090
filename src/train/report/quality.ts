/**
 * What a fine-tune learns about its own answers, for the manifest: the facts of its images, and how the scores of held-out
 * patients went together with their Dice.
 */
import {
  caseScore,
  fitDice,
  type HeldOut,
  type ImageFacts,
  imageFacts,
  likeness,
  type ModelSpec,
  type QualitySpec,
  type TrainingImages,
  trainingImages,
} from "../../inference/mod.ts";
import type { CaseVolumes } from "../data/labelled_case.ts";
import type { CaseScore } from "./scores.ts";

export interface MeasuredQualityOptions {
  readonly spec: ModelSpec;
  readonly cases: {
    readonly length: number;
    readonly get: (i: number) => Promise<Pick<CaseVolumes, "channels" | "sizeVox" | "inside" | "placed">>;
  };
  /** Of each case. */
  readonly patients: readonly (string | undefined)[];
  /** Of held-out cases. */
  readonly held: readonly CaseScore[];
  /** Axes along which the training mirrored its crops. */
  readonly mirrored: readonly (0 | 1 | 2)[];
}

/** The field `quality` of a segmentation's manifest. */
export async function measuredQuality(
  { spec, cases, patients, held, mirrored }: MeasuredQualityOptions,
): Promise<QualitySpec> {
  const facts: ImageFacts[][] = [];
  for (let i = 0; i < cases.length; i++) {
    const { channels, sizeVox, inside, placed } = await cases.get(i);
    facts.push(imageFacts({ channels, inside, grid: { sizeVox, affineRas: placed!.affineRas } }, spec.modalities));
  }
  const images = trainingImages(facts);
  const fit = fitDice(byPatient(held, { patients, facts, images }));
  return { ...(fit !== null && { fit }), images, ...(mirrored.length > 0 && { mirrored }) };
}

/** The mean score and Dice of each held-out patient. */
function byPatient(
  held: readonly CaseScore[],
  { patients, facts, images }: {
    patients: readonly (string | undefined)[];
    facts: readonly (readonly ImageFacts[])[];
    images: TrainingImages;
  },
): HeldOut[] {
  const scored = held.flatMap((found) => {
    const own = found.labels?.filter(({ dice, unlearnt }) => dice !== null && unlearnt === undefined) ?? [];
    const factor = likeness(facts[found.case], images);
    const score = caseScore(own.map(({ score }) => score ?? null), factor);
    if (own.length === 0 || score === null) return [];
    const dice = own.reduce((sum, { dice }) => sum + dice!, 0) / own.length;
    return [{ patient: patients[found.case] ?? `case ${found.case}`, score, dice }];
  });
  return [...Map.groupBy(scored, ({ patient }) => patient).values()].map((own) => ({
    score: own.reduce((sum, { score }) => sum + score, 0) / own.length,
    dice: own.reduce((sum, { dice }) => sum + dice, 0) / own.length,
  }));
}
