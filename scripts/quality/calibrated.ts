/** A model with what a fine-tune with folds would know of its training and of held-out patients. */
import { readDatasetFolder } from "../../src/datasets/mod.ts";
import {
  caseScore,
  fitDice,
  type HeldOut,
  imageFacts,
  likeness,
  type ModelSpec,
  prepare,
  trainingImages,
} from "../../src/inference/mod.ts";
import { answers, type AnswersOptions, type Labelled } from "./answers.ts";

/** The labelled cases of a folder in any layout. */
export async function labelledIn(directory: string): Promise<Labelled[]> {
  const { cases } = await readDatasetFolder(directory);
  return cases.flatMap(({ id, images, label }) => label === undefined ? [] : [{ name: id, images, label }]);
}

/** The spec with the quality that cases it was trained on and others that it was not give it. */
export async function calibrated(
  options: Omit<AnswersOptions, "cases" | "damages" | "quality">,
  { training, held }: { readonly training: readonly Labelled[]; readonly held: readonly Labelled[] },
): Promise<ModelSpec> {
  const { spec } = options, facts = [];
  for (const { images } of training) facts.push(imageFacts(await prepare({ spec, images }), spec.modalities));
  const images = trainingImages(facts), patients: HeldOut[] = [];
  for await (const answer of answers({ ...options, cases: held, damages: ["none"], quality: "quick" })) {
    const score = caseScore(answer.quality.perLabel.map((l) => l.score), likeness(answer.facts, images));
    if (score !== null) patients.push({ score, dice: answer.dice });
  }
  const fit = fitDice(patients);
  return { ...spec, quality: { images, mirrored: [0, 1, 2], ...(fit !== null && { fit }) } };
}
